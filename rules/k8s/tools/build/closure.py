"""What only a whole closure shows: clashes between targets that are valid one by one, and what one target's objects take from another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.duplicates import find_duplicate
from rules.k8s.tools.objects.hashed_names import names_of, rewrite
from rules.k8s.tools.objects.objects import DEFAULT_NAMESPACE, Object, Scopes, defined_scopes, group_of, in_scope, is_cluster_scoped
from rules.k8s.tools.objects.references import Config, references


@dataclass(frozen=True)
class Entry:
    """One k8s_object of a closure.

    Attributes:
        label: its target.
        document: its normalized document (see build_tool.normalize).
        service: the name in its service.yaml, "" for an object that does not belong to a service.
    """

    label: str
    document: dict[str, Any]
    service: str


@dataclass(frozen=True)
class CrossReferences:
    """What the objects of one target take from other targets of the closure.

    Attributes:
        names: the names on the cluster of ConfigMaps and Secrets of one target that another one refers to.
        scopes: the scopes of custom resources whose definition is in the closure.
    """

    names: Mapping[Config, str]
    scopes: Scopes

    def apply(self, obj: Object, where: str, environment: str) -> Object:
        """Returns an object as the closure sends it: the same dict where no other target changes it.

        Args:
            obj: an object of a normalized or resolved document; it is not changed.
            where: its target, for errors.
            environment: the environment that it is part of, "" for none.

        Raises:
            TurnupError: it is cluster-scoped and part of an environment.
        """
        (linked,) = rewrite([obj], self.names) if self.names else [obj]
        # The target itself has placed the kinds that are known without a definition.
        return in_scope(linked, is_cluster_scoped(linked, self.scopes), where, environment) if self.scopes else linked


def check(entries: Iterable[Entry], where: str, links: CrossReferences | None = None) -> set[str]:
    """Checks that the parts of a closure fit together.

    Args:
        entries: every object target of the closure, each once.
        where: the closure's own target, for errors.
        links: what targets take from one another; found among the entries when None.

    Returns:
        The labels of the targets with objects that the closure changes (see CrossReferences.apply).

    Raises:
        TurnupError: two services of one environment share a name, two targets hold the same object, or the targets are made for
            different contexts or with different values of a stamp variable.
    """
    entries = list(entries)
    services: dict[tuple[str, str], str] = {}
    contexts: dict[str, str] = {}
    stamps: dict[str, tuple[str, str]] = {}
    for entry in entries:
        document = entry.document
        _check_stamps(entry, stamps, where)
        if entry.service:
            environment = document["environment"] or document["namespace"]
            other = services.setdefault((environment, entry.service), entry.label)
            if other != entry.label:
                raise TurnupError(
                    f"{where}: {other} and {entry.label} are both services named {entry.service!r} in "
                    f"environment {environment}. Change the name in one of their service.yaml files."
                )
        contexts.setdefault(document["context"], entry.label)
        if len(contexts) > 1:
            first, second = list(contexts)
            raise TurnupError(
                f"{where}: {contexts[first]} is made for context {first!r} and {contexts[second]} for "
                f"{second!r}, but one target acts on one cluster. Split {where}."
            )
    links = links or cross_references(entries)
    changed: set[str] = set()
    held: list[tuple[str, Object]] = []
    for entry in entries:
        for obj in entry.document["objects"]:
            linked = links.apply(obj, entry.label, entry.document["environment"])
            held.append((entry.label, linked))
            if linked is not obj:
                changed.add(entry.label)
    duplicate = find_duplicate(held)
    if duplicate:
        raise TurnupError(f"{where}: {duplicate}. Rename or remove one of them.")
    return changed


def _check_stamps(entry: Entry, stamps: dict[str, tuple[str, str]], where: str) -> None:
    """Checks that the place of a target was made with the same values of volatile stamp variables as that of the others.

    Bazel does not build a target again when such a value changes, so the targets of one closure could be for two namespaces.

    Args:
        entry: the target.
        stamps: the value of each variable so far, and the target that has it; gets those of this target.
        where: the closure's own target, for the error.

    Raises:
        TurnupError: another target has another value.
    """
    for key, value in entry.document["volatile"].items():
        other, label = stamps.setdefault(key, (value, entry.label))
        if other != value:
            raise TurnupError(
                f"{where}: {label} was built when the stamp variable {key} was {other!r}, and {entry.label} when it was {value!r}, so the "
                f"closure would be in two places. Print it as STABLE_{key} from your --workspace_status_command, and use that name."
            )


def cross_references(entries: Iterable[Entry]) -> CrossReferences:
    """Returns what the targets of a closure take from one another.

    Args:
        entries: every object target of the closure, each once.
    """
    objects = [obj for entry in entries for obj in entry.document["objects"]]
    names = names_of(objects)
    # An object whose scope is not known yet, and so names no namespace, can only mean the default one.
    names |= {replace(config, namespace=""): name for config, name in names.items() if config.namespace == DEFAULT_NAMESPACE}
    used = {config for obj in objects for config in references(obj)} if names else set()
    scopes = defined_scopes(objects)
    kinds = {(group_of(obj["apiVersion"]), obj["kind"]) for obj in objects if is_cluster_scoped(obj) is None} if scopes else set()
    return CrossReferences({config: name for config, name in names.items() if config in used}, {kind: scope for kind, scope in scopes.items() if kind in kinds})
