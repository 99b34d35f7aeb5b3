"""The ConfigMaps and Secrets that an object refers to.

For the kinds of Kubernetes the list is complete but for names that only another object gives a kind, such as the parameters of an
admission policy. For custom resources it has the fields that are named as in Kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.kinds import CONFIG_KINDS
from rules.k8s.tools.objects.objects import Object, identity, is_config

# On an object that refers to configuration in fields of its own kind:
# "ConfigMap=spec.settings, Secret=spec.users[].password, Secret=metadata.annotations[example.com/key]".
REFERENCES_ANNOTATION = "turnup/references"

# Fields that are a mapping with the name of a ConfigMap or Secret in `name`; besides those that end like secretRef.
_BY_NAME = {"configMap": "ConfigMap", "secret": "Secret"}
_REFERENCE = re.compile(r".*([sS]ecret|[cC]onfigMap)(Key)?Ref")
_LISTS_OF_SECRETS = ("imagePullSecrets", "secrets")
# Of a Gateway: a reference without a kind means a Secret.
_CERTIFICATES = "certificateRefs"
_PLURALS = {"configmaps": "ConfigMap", "secrets": "Secret"}
# Parameters of storage classes and snapshot classes, with the parameter for the namespace.
_PARAMETERS = "parameters"
_PARAMETER = re.compile(r"(?P<stem>.*[sS]ecret-?)(?P<name>name|Name)")
# Last words of the annotations of Ingresses, by which ingress controllers name configuration as NAME or NAMESPACE/NAME.
_INGRESS_ANNOTATIONS = {"secret": "Secret", "configmap": "ConfigMap", "set-headers": "ConfigMap", "custom-headers": "ConfigMap"}
# A part of a path: `.field`, `[]` for each item of a list, or `[key]` for a key with dots.
_STEP = re.compile(r"\.?(?P<field>[^.\[\]]+)|\[(?P<key>[^\[\]]*)\]")


@dataclass(frozen=True, order=True)
class Config:
    """A ConfigMap or Secret, identified as in manifests: (kind, namespace, name)."""

    kind: str
    namespace: str
    name: str


Reference = tuple[Config, Callable[[str], None]]
"""What is referred to, and a function that replaces the name in the reference."""


def references(obj: Object) -> list[Config]:
    """Returns the ConfigMaps and Secrets that an object refers to.

    These are: volumes (including projected ones), envFrom and env of pods at any depth, imagePullSecrets and secrets of
    service accounts, any field that ends like secretRef or configMapKeyRef (PersistentVolumes), secretName (Ingress), parameters
    of storage classes, annotations of an Ingress, resourceNames of roles, certificateRefs (Gateway), any
    `{kind: ConfigMap, name: …}`, and what the object's own annotation `turnup/references` names.

    Raises:
        TurnupError: that annotation is wrong.
    """
    return [config for config, _ in find_references(obj)]


def find_references(obj: Object) -> Iterator[Reference]:
    """Yields every reference of an object, with a function that replaces the name in it."""
    if is_config(obj):
        return  # Kubernetes does not read its data.
    namespace = obj["metadata"].get("namespace") or ""
    yield from _in_mapping(obj, namespace)
    stack: list[Any] = [value for key, value in obj.items() if key not in ("metadata", "status")]
    while stack:
        value = stack.pop()
        if isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, dict):
            yield from _in_mapping(value, namespace)
            stack.extend(child for child in value.values() if isinstance(child, (dict, list)))
    if obj["kind"] == "Ingress":
        yield from _in_annotations(obj, namespace)
    yield from _named_by_annotation(obj, namespace)


def _in_mapping(value: dict[str, Any], namespace: str) -> Iterator[Reference]:
    for key, child in value.items():
        if isinstance(child, dict):
            match = _REFERENCE.fullmatch(key)
            kind = _BY_NAME.get(key) or (match and ("Secret" if match[1].lower() == "secret" else "ConfigMap"))
            if kind:
                yield from _field(child, "name", kind, namespace)
            if key == _PARAMETERS:
                yield from _in_parameters(child, namespace)
        elif isinstance(child, list) and (key in _LISTS_OF_SECRETS or key == _CERTIFICATES):
            for item in child:
                if isinstance(item, dict) and "kind" not in item:
                    yield from _field(item, "name", "Secret", namespace)
    yield from _field(value, "secretName", "Secret", namespace, "secretNamespace")
    if value.get("kind") in CONFIG_KINDS:
        yield from _field(value, "name", value["kind"], namespace)
    yield from _in_rule(value, namespace)


def _in_rule(value: dict[str, Any], namespace: str) -> Iterator[Reference]:
    """Yields the references of a role's rule."""
    resources, listed = value.get("resources"), value.get("resourceNames")
    if not isinstance(resources, list) or not isinstance(listed, list):
        return
    kinds = CONFIG_KINDS if "*" in resources else [_PLURALS[each] for each in resources if isinstance(each, str) and each in _PLURALS]
    # Of other resources, the rule means objects of the name in the manifest, too.
    keep = any(each not in _PLURALS for each in resources)
    for index, name in enumerate(list(listed)):
        for kind in kinds if isinstance(name, str) else ():
            yield Config(kind, namespace, name), _adder(listed, index, name, keep)


def _adder(listed: list[Any], index: int, name: str, keep: bool) -> Callable[[str], None]:
    """Returns a function that adds a name to a list: instead of `name` at an index, unless that is to stay or has gone."""

    def rename(new: str) -> None:
        if not keep and listed[index] == name:
            listed[index] = new
        elif new not in listed:
            listed.append(new)

    return rename


def _in_parameters(parameters: dict[str, Any], namespace: str) -> Iterator[Reference]:
    for key in parameters:
        match = _PARAMETER.fullmatch(key)
        # secretName is a reference wherever it stands.
        if match and key != "secretName":
            yield from _field(parameters, key, "Secret", namespace, match["stem"] + ("namespace" if match["name"] == "name" else "Namespace"))


def _in_annotations(obj: Object, namespace: str) -> Iterator[Reference]:
    annotations = obj["metadata"].get("annotations") or {}
    for key in annotations:
        for ending, kind in _INGRESS_ANNOTATIONS.items():
            if key.endswith(ending) and isinstance(annotations[key], str):
                yield _text(annotations, key, kind, namespace)


def _field(mapping: dict[str, Any], field: str, kind: str, namespace: str, other: str = "namespace") -> Iterator[Reference]:
    """Yields the reference in one field; the field `other` of the same mapping names another namespace."""
    name = mapping.get(field)
    if isinstance(name, str) and name:
        elsewhere = mapping.get(other) or mapping.get("namespace")
        yield Config(kind, elsewhere if isinstance(elsewhere, str) and elsewhere else namespace, name), _setter(mapping, field)


def _text(container: Any, key: Any, kind: str, namespace: str) -> Reference:
    """Returns the reference in a text that is NAME or NAMESPACE/NAME."""
    elsewhere, slash, name = container[key].rpartition("/")
    return Config(kind, elsewhere if slash else namespace, name), _setter(container, key, elsewhere + slash)


def _setter(container: Any, key: Any, prefix: str = "") -> Callable[[str], None]:
    def rename(name: str) -> None:
        container[key] = prefix + name

    return rename


def _named_by_annotation(obj: Object, namespace: str) -> Iterator[Reference]:
    text = (obj["metadata"].get("annotations") or {}).get(REFERENCES_ANNOTATION)
    if text is None:
        return
    for part in str(text).split(","):
        kind, equals, path = part.strip().partition("=")
        if kind not in CONFIG_KINDS or not equals or not path:
            raise TurnupError(
                f"{identity(obj)}: the annotation {REFERENCES_ANNOTATION} has {part.strip()!r}. Write KIND=PATH, for example "
                "ConfigMap=spec.settings or Secret=spec.users[].password."
            )
        found = list(_at_path(obj, _steps(path)))
        if not found:
            raise TurnupError(f"{identity(obj)}: the annotation {REFERENCES_ANNOTATION} names {path!r}, where the object has no text. Correct the path.")
        for container, key in found:
            yield _text(container, key, kind, namespace)


def _steps(path: str) -> list[str | None]:
    """Returns the keys of a path, None for each item of a list; no keys for a text that is not a path."""
    steps: list[str | None] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if not match:
            return []
        steps.append(match["field"] or match["key"] or None)
        position = match.end()
    return steps


def _at_path(value: Any, steps: list[str | None]) -> Iterator[tuple[Any, Any]]:
    """Yields (container, key) of each text at a path."""
    if not steps:
        return
    keys: list[Any] = []
    if steps[0] is None:
        keys = list(range(len(value))) if isinstance(value, list) else []
    elif isinstance(value, dict) and steps[0] in value:
        keys = [steps[0]]
    for key in keys:
        if len(steps) > 1:
            yield from _at_path(value[key], steps[1:])
        elif isinstance(value[key], str):
            yield value, key
