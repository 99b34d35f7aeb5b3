"""Is an object on the cluster just what an apply of the manifest would leave? Pure functions.

Server-side apply keeps, in managedFields, which fields a manager last applied. Where those are exactly the manifest's
fields, and each has the manifest's value in the live object, another apply changes nothing. That is decided here without
a request for each object. The answer "no" only means "not for sure" (a quantity may be written in two ways): then the
server is asked.
"""

from __future__ import annotations

import json
from typing import Any

from rules.k8s.tools.api.client import FIELD_MANAGER
from rules.k8s.tools.objects.objects import Object

_ABSENT = object()
# What identifies an object is no field that anybody manages.
_UNMANAGED = ("apiVersion", "kind")
_UNMANAGED_METADATA = ("name", "namespace")


def is_applied(wanted: Object, live: Object) -> bool:
    """Says whether it is certain that applying changes nothing.

    Args:
        wanted: the object as an apply sends it.
        live: the whole live object, managedFields included.

    Returns:
        True when the fields last applied by Turnup are those of `wanted`, with their values.
    """
    meta = live["metadata"]
    ours = [entry for entry in meta.get("managedFields") or [] if entry.get("manager") == FIELD_MANAGER and not entry.get("subresource")]
    if len(ours) != 1 or ours[0].get("operation") != "Apply" or ours[0].get("apiVersion") != wanted["apiVersion"]:
        return False
    if meta.get("deletionTimestamp"):
        return False
    body = {key: value for key, value in wanted.items() if key not in _UNMANAGED}
    body["metadata"] = {key: value for key, value in wanted["metadata"].items() if key not in _UNMANAGED_METADATA}
    if not body["metadata"]:
        del body["metadata"]
    return _same(body, live, ours[0].get("fieldsV1") or {})


def _same(wanted: Any, live: Any, fields: dict[str, Any]) -> bool:
    """Compares one value: `fields` is the part of a FieldsV1 set that belongs to it."""
    names = [name for name in fields if name != "."]
    if not names:
        return (not fields or wanted in ({}, [])) and _equal(wanted, live)
    kind = names[0][:2]
    if any(name[:2] != kind for name in names):
        return False
    if kind == "f:":
        return _same_mapping(wanted, live, fields, names)
    if kind == "k:":
        return _same_list(wanted, live, fields, names)
    return kind == "v:" and _same_set(wanted, live, names)


def _same_mapping(wanted: Any, live: Any, fields: dict[str, Any], names: list[str]) -> bool:
    if not isinstance(wanted, dict) or not isinstance(live, dict) or {name[2:] for name in names} != wanted.keys():
        return False
    return all(_same(wanted[name[2:]], live.get(name[2:], _ABSENT), fields[name]) for name in names)


def _same_list(wanted: Any, live: Any, fields: dict[str, Any], names: list[str]) -> bool:
    """Compares a list whose elements are told apart by some of their fields."""
    if not isinstance(wanted, list) or not isinstance(live, list) or len(wanted) != len(names):
        return False
    places = []
    for name in names:
        key = json.loads(name[2:])
        # The server has filled defaults into the key; a manifest may leave them out.
        mine = [index for index, each in enumerate(wanted) if isinstance(each, dict) and _has(each, key, default=True)]
        theirs = [index for index, each in enumerate(live) if isinstance(each, dict) and _has(each, key, default=False)]
        if len(mine) != 1 or len(theirs) != 1 or not _same_element(wanted[mine[0]], live[theirs[0]], fields[name], key):
            return False
        places.append((mine[0], theirs[0]))
    return _in_order(places, len(wanted))


def _same_element(wanted: dict[str, Any], live: dict[str, Any], fields: dict[str, Any], key: dict[str, Any]) -> bool:
    # An element may be owned as a whole ({} or {".": {}}) where it has nothing but its key.
    if all(name == "." for name in fields):
        return all(field in key and _equal(value, key[field]) for field, value in wanted.items())
    return _same(wanted, live, fields)


def _has(element: dict[str, Any], key: dict[str, Any], *, default: bool) -> bool:
    return all(_equal(element.get(field, value if default else _ABSENT), value) for field, value in key.items())


def _same_set(wanted: Any, live: Any, names: list[str]) -> bool:
    if not isinstance(wanted, list) or not isinstance(live, list) or len(wanted) != len(names):
        return False
    values = [json.loads(name[2:]) for name in names]
    if not all(value in wanted and live.count(value) == 1 for value in values):
        return False
    return _in_order([(wanted.index(value), live.index(value)) for value in values], len(wanted))


def _in_order(places: list[tuple[int, int]], count: int) -> bool:
    """Says whether every element was found, in the same order on both sides."""
    ordered = sorted(places)
    return [mine for mine, _ in ordered] == list(range(count)) and all(
        before[1] < after[1] for before, after in zip(ordered, ordered[1:]))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, (dict, list)) or isinstance(other, (dict, list)):
        # Through JSON, because Python takes True for 1.
        return type(one) is type(other) and one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    return one == other and isinstance(one, bool) == isinstance(other, bool) and one is not _ABSENT and one is not None
