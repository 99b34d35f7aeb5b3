"""Tells about content-hashed names that may miss their purpose: texts that do not follow them, and objects that nothing refers to.

A text can be such a name by chance, and what looks an object up may be outside the build. So these are notes, and a text that is as
likely something else is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from rules.k8s.tools.objects.generated_values import GENERATE_ANNOTATION
from rules.k8s.tools.objects.hashed_names import BASE_ANNOTATION, STABLE_ANNOTATION, base_of
from rules.k8s.tools.objects.objects import OWNER_ANNOTATION, Object, identity, is_built_in, is_config
from rules.k8s.tools.objects.references import REFERENCES_ANNOTATION, Config, references

MOST_NOTES = 10
"""How many notes one build prints at most."""

_OWN_ANNOTATIONS = (OWNER_ANNOTATION, BASE_ANNOTATION, GENERATE_ANNOTATION, REFERENCES_ANNOTATION, STABLE_ANNOTATION)
# Places in kinds of Kubernetes in which names stand that Kubernetes does not read itself. It reads references elsewhere, which follow.
_FREE_TEXT = ("args", "command", "annotations", "parameters", "resourceNames", "paramRef")
# They name an object without using it.
_READERS = ("Role", "ClusterRole")
_NEVER = ("labels", "matchLabels", "selector", "nodeSelector")
_HINT = re.compile(r"secret|config|credential|password|token|cert|tls|auth|resourceNames", re.IGNORECASE)
# Resources of a rule whose resourceNames may be names of ConfigMaps and Secrets.
_CONFIG_RESOURCES = {"configmaps", "secrets", "*"}
_PLAIN_KEY = re.compile(r"[^.\[\]]+")
# What can stand before a name: --configmap=NAMESPACE/NAME.
_LAST_PART = re.compile(r".*[=/]")

_Text = tuple[str, str]


def find_unfollowed(objects: Iterable[tuple[str, Object]], where: str, *, across: bool) -> list[str]:
    """Returns a note for each text that may be a reference to a renamed ConfigMap or Secret, at most MOST_NOTES and a count.

    Args:
        objects: (label of the target, object) as they are sent.
        where: the target that is built, for the notes.
        across: whether to look for references from one target to another, or for those within each target.
    """
    objects = list(objects)
    renamed: dict[str, list[tuple[str, Config, str]]] = {}
    for label, obj in objects:
        base = base_of(obj)
        if base:
            renamed.setdefault(base.name, []).append((label, base, obj["metadata"]["name"]))
    if not renamed:
        return []
    common = {text for _, obj in objects for text in _other_names(obj)}
    notes = []
    for label, obj in objects:
        if is_config(obj):
            continue
        namespace = obj["metadata"].get("namespace") or ""
        for path, text in _texts(obj):
            before, name = _split(text)
            for holder, config, new in renamed.get(name, ()):
                if (holder != label) != across or namespace not in ("", config.namespace):
                    continue
                # A path of a file, or a name in another namespace, is not a reference.
                if before.rpartition("=")[2] in ("", f"{config.namespace}/") and (name not in common or _HINT.search(path)):
                    notes.append(_note(where, obj, path, config, new, annotate="=" not in before and bool(namespace)))
    more = len(notes) - MOST_NOTES
    return notes if more <= 0 else [*notes[:MOST_NOTES], f"NOTE: {where}: {more} more texts like these."]


def find_unreferenced(objects: Iterable[tuple[str, Object]], where: str) -> list[str]:
    """Returns a note for each ConfigMap or Secret of a closure that has a content-hashed name although no object refers to it.

    A Role is not counted: it says who may read the object, by a name that somebody has to know. Nothing is said of a target with
    configuration only, which other targets refer to, and of an object of which find_unfollowed says more.

    Args:
        objects: (label of the target, object) of the whole closure as they are sent.
        where: the closure, for the notes.
    """
    objects = list(objects)
    renamed = [(label, obj, base) for label, obj in objects if (base := base_of(obj))]
    if not renamed:
        return []
    used = {config for _, obj in objects if obj["kind"] not in _READERS for config in references(obj)}
    with_others = {label for label, obj in objects if not is_config(obj)}
    told = {_split(text)[1] for _, obj in objects if not is_config(obj) for _, text in _texts(obj)}
    return [
        f"NOTE: {where}: no object here refers to the {obj['kind']} {base.name} of {label}, applied as {obj['metadata']['name']}, so a change of it restarts "
        f'no pod. If something looks it up by name or label, annotate it with {STABLE_ANNOTATION}: "true". A target that depends on {label} may refer to it.'
        for label, obj, base in renamed
        if label in with_others and Config(base.kind, base.namespace, obj["metadata"]["name"]) not in used and base.name not in told
    ][:MOST_NOTES]


def _note(where: str, obj: Object, path: str, config: Config, new: str, *, annotate: bool) -> str:
    stable = f'annotate the {config.kind} with {STABLE_ANNOTATION}: "true"'
    fields = re.sub(r"\[[0-9]+\]", "[]", path)
    advice = f"annotate the {obj['kind']} with {REFERENCES_ANNOTATION}: {config.kind}={fields}, or {stable}" if annotate else stable
    return (
        f"NOTE: {where}: {identity(obj)}: {path} has the name {config.name}, and the {config.kind} {config.name} is applied as {new}. "
        f"If this is a reference to it, {advice}."
    )


def _split(text: str) -> _Text:
    """Returns what stands before a name, and the name."""
    match = _LAST_PART.match(text)
    end = match.end() if match else 0
    return text[:end], text[end:]


def _other_names(obj: Object) -> Iterator[str]:
    """Yields the texts that an object uses for something else: its own name and namespace, and values of labels."""
    meta = obj["metadata"]
    yield meta.get("namespace") or ""
    if is_config(obj):
        return
    yield meta["name"]
    yield from (value for value in (meta.get("labels") or {}).values() if isinstance(value, str))


def _texts(obj: Object) -> Iterator[_Text]:
    """Yields (path, text) of the places in an object in which a name can stand that is not followed."""
    annotations = obj["metadata"].get("annotations") or {}
    stack: list[tuple[str, Any, bool]] = [(key, value, not is_built_in(obj)) for key, value in obj.items() if key not in ("metadata", "status", "kind")]
    stack.append(("metadata.annotations", {key: value for key, value in annotations.items() if key not in _OWN_ANNOTATIONS}, True))
    while stack:
        path, value, free = stack.pop()
        if isinstance(value, str):
            if free:
                yield path, value
        elif isinstance(value, list):
            stack.extend((f"{path}[{index}]", item, free) for index, item in reversed(list(enumerate(value))))
        elif isinstance(value, dict):
            for key, child in reversed(list(value.items())):
                step = f".{key}" if _PLAIN_KEY.fullmatch(key) else f"[{key}]"
                # `value` beside `name` is that of an environment variable.
                inside = free or key in _FREE_TEXT or (key == "value" and "name" in value)
                if key not in _NEVER and not (key == "resourceNames" and _is_followed_rule(obj, value)):
                    stack.append((path + step, child, inside))


def _is_followed_rule(obj: Object, rule: dict[str, Any]) -> bool:
    """Returns whether the names in a rule follow, as in a Role, or are not those of ConfigMaps and Secrets."""
    resources = rule.get("resources")
    return isinstance(resources, list) and ("namespace" in obj["metadata"] or not _CONFIG_RESOURCES.intersection(map(str, resources)))
