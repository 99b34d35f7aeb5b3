"""Fields that the server derives from others, such as the policyTypes of a NetworkPolicy from its egress rules. Pure functions.

The server derives them when it creates an object, and nobody owns them. When the manifest changes later, an apply leaves them as
they are, although a new object would have others. So a change is a merge of three: what the former manifest would be as a new
object, what the new manifest would be, and the live object. Where the first two differ and the live object still has what the
first has, it gets what the second has. What the server allocates or a controller sets stays: it is not in the first.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from rules.k8s.tools.api.openapi import Schema
from rules.k8s.tools.composition.composition import Fields, by_key, fields_by_key
from rules.k8s.tools.objects.objects import Object

_ABSENT: Any = object()
# Neither derives from a manifest's spec, and both have parts that differ between any two objects.
_NOT_DERIVED = ("apiVersion", "kind", "metadata", "status")


class Derivation(NamedTuple):
    """What the server makes of two manifests of an object.

    Attributes:
        former: the new object that the former manifest would be.
        new: the new object that the manifest would be.
    """

    former: Object
    new: Object


def former_manifest(live: Object, owned: Fields, schema: Schema) -> Object:
    """Returns the manifest that Turnup applied last, as far as the live object has it.

    Args:
        live: the whole live object.
        owned: the fields that Turnup set.
        schema: the schema of its kind.
    """
    body = _extract({key: value for key, value in live.items() if key not in ("apiVersion", "kind")}, owned, schema)
    meta = {key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]}
    return {**body, "apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": {**(body.get("metadata") or {}), **meta}}


def _extract(value: Any, owned: Fields, schema: Schema) -> Any:
    """Returns the part of a value that consists of some fields."""
    if isinstance(value, dict) and not schema.is_atomic:
        return {key: _extract(each, owned[f"f:{key}"], schema.field(key)) for key, each in value.items() if f"f:{key}" in owned}
    if isinstance(value, list) and schema.keys and (elements := by_key(value, schema.keys)) is not None:
        mine = fields_by_key(owned, schema.keys)
        keys = {key: {name: each[name] for name in schema.keys if name in each} for key, each in elements.items()}
        return [{**keys[key], **_extract(each, mine[key], schema.items)} for key, each in elements.items() if key in mine]
    if isinstance(value, list) and schema.is_set:
        return [each for each in value if f"v:{json.dumps(each, separators=(',', ':'))}" in owned]
    return value


def derive(obj: Object, derivation: Derivation, owned: Fields, schema: Schema) -> Object:
    """Returns an object in which the fields that nobody owns follow the change of the manifest.

    Nothing is added: the server fills in what is absent.

    Args:
        obj: the live object with the manifest merged into it.
        derivation: what the server makes of the former manifest and of this one.
        owned: the fields of the manifest and of other managers.
        schema: the schema of its kind.
    """
    former, new = ({key: value for key, value in each.items() if key not in _NOT_DERIVED} for each in derivation)
    derived: Object = _derive(obj, former, new, owned, schema)
    return derived


def _derive(value: Any, former: Any, new: Any, owned: Fields | None, schema: Schema) -> Any:
    """Returns a value, or _ABSENT if it goes; `owned` is None if nobody owns it or a part of it."""
    if former == new or former is _ABSENT:
        return value
    if new is _ABSENT and owned is not None:
        new = type(former)()
    if isinstance(value, dict) and isinstance(former, dict) and isinstance(new, dict) and not schema.is_atomic:
        parts = {
            key: _derive(each, former.get(key, _ABSENT), new.get(key, _ABSENT), (owned or {}).get(f"f:{key}"), schema.field(key)) for key, each in value.items()
        }
        return {key: each for key, each in parts.items() if each is not _ABSENT}
    if isinstance(value, list) and isinstance(former, list) and isinstance(new, list) and schema.keys:
        return _derive_list(value, former, new, owned or {}, schema)
    return new if owned is None and value == former else value


def _derive_list(value: list[Any], former: list[Any], new: list[Any], owned: Fields, schema: Schema) -> list[Any]:
    elements, before, after = (by_key(each, schema.keys) for each in (value, former, new))
    if elements is None or before is None or after is None:
        return value
    fields = fields_by_key(owned, schema.keys)
    parts = [_derive(each, before.get(key, _ABSENT), after.get(key, _ABSENT), fields.get(key), schema.items) for key, each in elements.items()]
    return [each for each in parts if each is not _ABSENT]
