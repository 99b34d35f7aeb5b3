"""What only a whole closure shows: clashes between targets that are fine one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterable

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.hashed_names import Config, base_of, names_of, references
from rules.k8s.tools.objects.objects import Identity, Object, identity


@dataclass(frozen=True)
class Entry:
    """One k8s_object of a closure.

    Attributes:
        label: its target.
        document: its normalized document (see build_tool.normalize).
        service: the name in its service.yaml, "" for an object that is no service.
    """

    label: str
    document: dict[str, Any]
    service: str


def check(entries: Iterable[Entry], where: str) -> None:
    """Checks that the parts of a closure fit together.

    Args:
        entries: every object target of the closure, each once.
        where: the closure's own target, for errors.

    Raises:
        TurnupError: two services of one environment share a name, two targets hold
            the same object, or the targets are made for different contexts.
    """
    services: dict[tuple[str, str], str] = {}
    owners: dict[Identity, str] = {}
    contexts: dict[str, str] = {}
    for entry in entries:
        document = entry.document
        if entry.service:
            place = document["environment"] or document["namespace"]
            other = services.setdefault((place, entry.service), entry.label)
            if other != entry.label:
                raise TurnupError(f"{where}: {other} and {entry.label} are both services named {entry.service!r} in "
                                  f"environment {place}; change the name in one of their service.yaml files.")
        for obj in document["objects"]:
            key = _written_identity(obj)
            other = owners.setdefault(key, entry.label)
            if other != entry.label:
                raise TurnupError(f"{where}: {other} and {entry.label} both hold {key}; rename it in one of them.")
        other = contexts.setdefault(document["context"], entry.label)
        if len(contexts) > 1:
            first, second = list(contexts)
            raise TurnupError(f"{where}: {contexts[first]} is made for context {first!r} and {contexts[second]} for "
                              f"{second!r}; one target acts on one cluster, so split it.")


def _written_identity(obj: Object) -> Identity:
    """Returns an object's identity under the name that its manifest gave it."""
    found, base = identity(obj), base_of(obj)
    return Identity(found.group, found.kind, found.namespace, base.name) if base else found


def names_across(entries: Iterable[Entry]) -> dict[Config, str]:
    """Returns the names on the cluster of the configuration that one target holds and another refers to.

    Args:
        entries: every object target of a closure that `check` has accepted.
    """
    entries = list(entries)
    names = {config: name for entry in entries for config, name in names_of(entry.document["objects"]).items()}
    if not names:
        return {}
    return {config: names[config] for entry in entries for obj in entry.document["objects"]
            for config in references(obj) if config in names}
