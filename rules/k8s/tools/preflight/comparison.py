"""Comparison of a manifest with its live object, to find objects that an apply would not change. Pure functions.

Server-side apply records in managedFields which fields a manager last applied. If those are exactly the manifest's fields,
and the live object has the manifest's values in them, another apply changes nothing. This saves a request per object. A
"no" only means "not certain", because a quantity can be written in two ways; then a dry run decides: what it would
store is compared with what is stored (see content_digest).
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from typing import Any

from rules.k8s.tools.api.client import FIELD_MANAGER
from rules.k8s.tools.api.field_ownership import is_alone
from rules.k8s.tools.objects.objects import Object, is_built_in

_ABSENT = object()
# managedFields does not list the fields that identify an object.
_UNMANAGED = ("apiVersion", "kind")
_UNMANAGED_METADATA = ("name", "namespace")
# What a write may change without changing what the object says.
_BOOKKEEPING = ("managedFields", "generation", "resourceVersion")
# The server's counter of a DaemonSet's templates, which it writes as an annotation.
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def is_applied(wanted: Object, live: Object) -> bool:
    """Returns whether an apply certainly changes nothing.

    Args:
        wanted: the object as an apply sends it.
        live: the whole live object, including managedFields.

    Returns:
        True if the fields that Turnup last applied are those of `wanted`, with the same values.
    """
    meta = live["metadata"]
    ours = [entry for entry in meta.get("managedFields") or [] if entry.get("manager") == FIELD_MANAGER and not entry.get("subresource")]
    if len(ours) != 1 or ours[0].get("operation") != "Apply" or ours[0].get("apiVersion") != wanted["apiVersion"]:
        return False
    if meta.get("deletionTimestamp") or has_empty_list_more(wanted, live):
        return False
    body = {key: value for key, value in wanted.items() if key not in _UNMANAGED}
    body["metadata"] = {key: value for key, value in wanted["metadata"].items() if key not in _UNMANAGED_METADATA}
    if not body["metadata"]:
        del body["metadata"]
    return _same(body, live, ours[0].get("fieldsV1") or {})


def has_empty_list_more(wanted: Object, live: Object) -> bool:
    """Returns whether a live custom resource has an empty list that its manifest may have had before; the server does not record that."""
    if is_built_in(wanted) or not is_alone(live):
        return False
    return any(_has_empty_list_more(wanted.get(key), value) for key, value in live.items() if key not in ("metadata", "status"))


def _has_empty_list_more(wanted: Any, live: Any) -> bool:
    if isinstance(live, dict):
        there = wanted if isinstance(wanted, dict) else {}
        return any(_has_empty_list_more(there.get(key), value) for key, value in live.items())
    return live == [] and wanted is None


def content_digest(obj: Object) -> bytes:
    """Returns a digest of an object that is equal for objects that say the same.

    Who owns which field, and the numbers of the write, do not count. For kinds of Kubernetes itself an empty list is the same as
    none: the server does not store it, but a dry run returns it.
    """
    meta = {key: value for key, value in obj["metadata"].items() if key not in _BOOKKEEPING}
    if meta.get("annotations"):
        meta["annotations"] = {key: value for key, value in meta["annotations"].items() if key != _TEMPLATE_GENERATION}
    content = {**obj, "metadata": meta}
    text = json.dumps(_without_empty_lists(content) if is_built_in(obj) else content, sort_keys=True)
    return hashlib.sha256(text.encode()).digest()


def _without_empty_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_empty_lists(each) for key, each in value.items() if each is not None and each != []}
    return [_without_empty_lists(each) for each in value] if isinstance(value, list) else value


def dropped_fields(wanted: Any, stored: Any, path: str = "") -> Iterator[str]:
    """Yields the path of each field of a manifest that the server does not store, for example because a feature is switched off.

    Fields with the value that an absent field means (null, false, 0, or empty) do not count.

    Args:
        wanted: the manifest.
        stored: what the server stores.
        path: the path of both in the object.
    """
    if isinstance(wanted, dict) and isinstance(stored, dict):
        for key, value in wanted.items():
            inner = f"{path}.{key}" if path else key
            if key in stored:
                yield from dropped_fields(value, stored[key], inner)
            elif not _says_nothing(value):
                yield inner
    elif isinstance(wanted, list) and isinstance(stored, list) and len(wanted) == len(stored):
        for index, (one, other) in enumerate(zip(wanted, stored, strict=True)):
            yield from dropped_fields(one, other, f"{path}[{index}]")


def _says_nothing(value: Any) -> bool:
    """Returns whether a value is the one that an absent field has, or consists of such values."""
    if isinstance(value, dict):
        return all(_says_nothing(each) for each in value.values())
    return not value or (isinstance(value, list) and all(_says_nothing(each) for each in value))


def _same(wanted: Any, live: Any, fields: dict[str, Any]) -> bool:
    """Returns whether a value is the same on both sides; `fields` is its part of the FieldsV1 set."""
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
    """Returns whether a list is the same on both sides, if some fields are the key of its elements."""
    if not isinstance(wanted, list) or not isinstance(live, list) or len(wanted) != len(names):
        return False
    places = []
    for name in names:
        key = json.loads(name[2:])
        # The key in managedFields has the server's defaults, which a manifest may omit.
        mine = [index for index, each in enumerate(wanted) if isinstance(each, dict) and _has(each, key, default=True)]
        theirs = [index for index, each in enumerate(live) if isinstance(each, dict) and _has(each, key, default=False)]
        if len(mine) != 1 or len(theirs) != 1 or not _same_element(wanted[mine[0]], live[theirs[0]], fields[name], key):
            return False
        places.append((mine[0], theirs[0]))
    return _in_order(places, len(wanted))


def _same_element(wanted: dict[str, Any], live: dict[str, Any], fields: dict[str, Any], key: dict[str, Any]) -> bool:
    # An element with nothing but its key may be owned as a whole ({} or {".": {}}).
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
    """Returns whether every element was found, in the same order on both sides."""
    ordered = sorted(places)
    return [mine for mine, _ in ordered] == list(range(count)) and all(before[1] < after[1] for before, after in itertools.pairwise(ordered))


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, (dict, list)) or isinstance(other, (dict, list)):
        # JSON distinguishes True from 1; Python's == does not.
        return type(one) is type(other) and one == other and json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    return one == other and isinstance(one, bool) == isinstance(other, bool) and one is not _ABSENT and one is not None
