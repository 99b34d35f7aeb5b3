"""Fields that the server derives from others, such as the policyTypes of a NetworkPolicy from its egress rules. Pure functions.

The server derives them when it creates an object, and nobody owns them. When the manifest changes later, an apply leaves them as
they are, although a new object would have others. So a change is a merge of three: what the former manifest would be as a new
object, what the new manifest would be, and the live object. Where the first two differ and the live object still has what the
first has, it gets what the second has. What the server allocates or a controller sets stays: it is not in the first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from rules.k8s.tools.api.field_ownership import is_alone
from rules.k8s.tools.api.openapi import Schema
from rules.k8s.tools.composition.composition import Fields, by_key, fields_by_key, union
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
        owned: the fields that Turnup set. Where no other manager has set fields, empty lists count as well: the server does not
            record who set one, unless the list is atomic.
        schema: the schema of its kind.
    """
    if is_alone(live):
        owned = union([owned, _empty_lists(_content(live), schema)])
    body = _extract({key: value for key, value in live.items() if key not in ("apiVersion", "kind")}, owned, schema)
    meta = {key: live["metadata"][key] for key in ("name", "namespace") if key in live["metadata"]}
    return {**body, "apiVersion": live["apiVersion"], "kind": live["kind"], "metadata": {**(body.get("metadata") or {}), **meta}}


def _empty_lists(value: Any, schema: Schema) -> Fields:
    """Returns the fields that are empty lists and those around them."""
    found: Fields = {}
    for key, each in value.items() if isinstance(value, dict) else ():
        field = schema.field(key)
        if each == [] and not field.is_atomic:
            found[f"f:{key}"] = {}
        elif inner := _empty_lists(each, field):
            found[f"f:{key}"] = inner
    return found


def _extract(value: Any, owned: Fields, schema: Schema) -> Any:
    """Returns the part of a value that consists of some fields."""
    if isinstance(value, dict) and not schema.is_atomic and (owned or not schema.is_raw):
        return {key: _extract(each, owned[f"f:{key}"], schema.field(key)) for key, each in value.items() if f"f:{key}" in owned}
    if isinstance(value, list) and schema.keys and (elements := by_key(value, schema.keys)) is not None:
        mine = fields_by_key(owned, schema.keys)
        keys = {key: {name: each[name] for name in schema.keys if name in each} for key, each in elements.items()}
        return [{**keys[key], **_extract(each, mine[key], schema.items)} for key, each in elements.items() if key in mine]
    if isinstance(value, list) and schema.is_set:
        return [each for each in value if f"v:{json.dumps(each, separators=(',', ':'))}" in owned]
    return value


def says_the_same(one: Object, other: Object) -> bool:
    """Returns whether two objects have the same content, apart from what differs between any two objects."""
    return _content(one) == _content(other)


def derive(obj: Object, live: Object, derivation: Derivation, owned: Fields, schema: Schema) -> Object:
    """Returns an object in which the fields that nobody owns follow the change of the manifest.

    Args:
        obj: the live object with the manifest merged into it.
        live: the live object.
        derivation: what the server makes of the former manifest and of this one.
        owned: the fields of the manifest and of other managers.
        schema: the schema of its kind.
    """
    rest = {key: value for key, value in obj.items() if key in _NOT_DERIVED}
    return {**rest, **_derive(_content(obj), _content(live), _content(derivation.former), _content(derivation.new), owned, schema)}


def _content(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in _NOT_DERIVED}


def _derive(value: Any, live: Any, former: Any, new: Any, owned: Fields | None, schema: Schema) -> Any:
    """Returns a value, or _ABSENT if it goes; `owned` is None if nobody owns it or a part of it."""
    if value == new:
        return value
    if owned is not None:
        # The manifest has it, although the server does not store it if it is empty.
        kind = type(new if value is _ABSENT else value)
        value, new = (kind() if each is _ABSENT and kind in (dict, list) else each for each in (value, new))
    if not schema.is_atomic and all(isinstance(each, dict) for each in (value, live, former, new)):
        return _derive_parts((value, live, former, new), lambda key: ((owned or {}).get(f"f:{key}"), schema.field(key)))
    if schema.keys and all(isinstance(each, list) for each in (value, live, former, new)):
        elements = [by_key(each, schema.keys) for each in (value, live, former, new)]
        if all(each is not None for each in elements):
            fields = fields_by_key(owned or {}, schema.keys)
            return list(_derive_parts(elements, lambda key: (fields.get(key), schema.items)).values())
    # What has just been removed, or set to null, was the live value; what was there before and nobody owns still is.
    return new if owned is None and live == former and value in (_ABSENT, None, live) else value


def _derive_parts(sides: Sequence[Any], inside: Callable[[str], tuple[Fields | None, Schema]]) -> dict[str, Any]:
    """Returns the parts of a mapping; `sides` are the value, the live one, the former and the new one."""
    value, live = sides[:2]
    # A part that the live object does not have is not derived: the server fills it in where it is to be.
    names: list[str] = [*value, *(name for name in live if name not in value)]
    parts = {}
    for name in names:
        each, was, former, new = (side.get(name, _ABSENT) for side in sides)
        parts[name] = _derive(each, was, former, new, *inside(name))
    return {name: each for name, each in parts.items() if each is not _ABSENT}
