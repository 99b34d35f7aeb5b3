"""Checks custom resources against the definitions that a closure has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import Object, identity
from rules.k8s.tools.schemas.mistakes import MOST_MISTAKES, Checker

Schema = dict[str, Any]

_KEPT = (
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "required",
    "uniqueItems",
)
_ALTERNATIVES = ("allOf", "anyOf", "oneOf")


def check_custom(objects: Iterable[tuple[str, Object]], where: str) -> None:
    """Checks custom resources whose CustomResourceDefinition is among the objects.

    Args:
        objects: (label of the target, object) of a whole closure.
        where: the closure, for errors.

    Raises:
        TurnupError: an object has a version that its definition does not serve, or not the form that the definition demands.
    """
    objects = list(objects)
    definitions = {(spec.get("group"), (spec.get("names") or {}).get("kind")): spec for _, obj in objects if (spec := _definition(obj))}
    checkers: dict[tuple[str, str], Checker] = {}
    for label, obj in objects if definitions else ():
        group, _, version = obj["apiVersion"].rpartition("/")
        spec = definitions.get((group, obj["kind"]))
        if spec is None:
            continue
        served = {each.get("name"): each for each in spec.get("versions") or [] if each.get("served")}
        if version not in served:
            known = " or ".join(map(str, served)) or "VERSION"
            raise TurnupError(f"{where}: {label}: {identity(obj)}: its definition does not serve {obj['apiVersion']}; write {group}/{known}")
        key = (obj["apiVersion"], obj["kind"])
        if key not in checkers:
            checkers[key] = Checker(root_schema(((served[version].get("schema") or {}).get("openAPIV3Schema")) or {}))
        mistakes = checkers[key].mistakes(obj, secret=False)
        if mistakes:
            sentences = [f"{mistake.path}: {'unknown field; ' if mistake.unknown else ''}{mistake.text}" for mistake in mistakes[:MOST_MISTAKES]]
            more = f", and {len(mistakes) - MOST_MISTAKES} more mistakes" if len(mistakes) > MOST_MISTAKES else ""
            raise TurnupError(f"{where}: {label}: {identity(obj)}: {'. '.join(sentences)}{more}.")


def _definition(obj: Mapping[str, Any]) -> Schema | None:
    """Returns the spec of a CustomResourceDefinition, None for another object."""
    spec = obj.get("spec")
    return spec if obj["kind"] == "CustomResourceDefinition" and isinstance(spec, dict) else None


def root_schema(published: Mapping[str, Any]) -> Schema:
    """Returns the JSON schema of a custom resource.

    The server takes apiVersion, kind and metadata from itself, and drops every field that a definition does not have; here such a field
    is a mistake. Source: https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/.

    Args:
        published: openAPIV3Schema of a definition.
    """
    schema = _strict(published)
    schema["type"] = "object"
    if "properties" in schema or schema.get("additionalProperties") is False:
        schema["properties"] = {**schema.get("properties", {}), "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"}}
    return schema


def _strict(published: Mapping[str, Any]) -> Schema:
    """Returns one level of a structural schema as a JSON schema that refuses unknown fields."""
    schema: Schema = {key: published[key] for key in _KEPT if key in published}
    # Expressions of other engines differ in what they accept; the server checks those.
    kind = published.get("type")
    if published.get("x-kubernetes-int-or-string"):
        schema["type"] = ["string", "integer"]
    elif kind:
        # The server drops a null where null is not allowed and a default exists, so null is no mistake of form.
        schema["type"] = [kind, "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    properties = {name: _strict(child) for name, child in (published.get("properties") or {}).items()}
    embedded = bool(published.get("x-kubernetes-embedded-resource"))
    if embedded:
        properties |= {name: properties.get(name, {}) for name in ("apiVersion", "kind", "metadata")}
    if properties:
        schema["properties"] = properties
    if isinstance(published.get("items"), dict):
        schema["items"] = _strict(published["items"])
    extra = published.get("additionalProperties")
    if isinstance(extra, dict):
        schema["additionalProperties"] = _strict(extra)
    elif kind == "object" and not extra and not published.get("x-kubernetes-preserve-unknown-fields"):
        schema["additionalProperties"] = False
    for name in _ALTERNATIVES:
        # They only add conditions on values: the fields themselves are in `properties`.
        if name in published:
            schema[name] = [_condition(each) for each in published[name]]
    return schema


def _condition(published: Mapping[str, Any]) -> Schema:
    """Returns a condition inside allOf, anyOf or oneOf."""
    schema: Schema = {key: published[key] for key in _KEPT if key in published}
    if "properties" in published:
        schema["properties"] = {name: _condition(child) for name, child in published["properties"].items()}
    if published.get("type"):
        schema["type"] = published["type"]
    for name in _ALTERNATIVES:
        if name in published:
            schema[name] = [_condition(each) for each in published[name]]
    if isinstance(published.get("not"), dict):
        schema["not"] = _condition(published["not"])
    return schema
