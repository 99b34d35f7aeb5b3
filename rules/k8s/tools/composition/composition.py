"""Composition: the object that an apply should lead to, computed here instead of by the API server. Pure functions.

Server-side apply is what writes almost everything. It does not lead to what the manifest says in these cases, so the run composes
the object itself and sends it as an update (see write/composed_writer.py):

1. Turnup's own fields are spread over several managers: after a replace, an adoption, or an apply of stringData. An apply removes
   only what its own last apply set.
2. A field that the server defaulted, and that nobody owns, forbids what the manifest now says: `rollingUpdate` beside the
   strategy Recreate.
3. Fields of a custom resource leave its manifest: if what is around them becomes empty, an apply sets it to null or removes it,
   and an empty list stays.
4. The manifest leaves spec.replicas to an autoscaler: an apply would reset it to the default first.
5. The server has derived a field that nobody owns from another one, which changes (see derivation.py).
6. A field leaves the manifest that the server has copied to a field that nobody owns: it would be filled in from there again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from rules.k8s.tools.api.openapi import Schema
from rules.k8s.tools.objects.objects import Object, is_built_in

Fields = dict[str, Any]
"""Fields of an object as managedFields lists them (FieldsV1): nested mappings with empty leaves."""

_ABSENT = object()
# Fields of pods that the server also stores under a former name.
_MIRRORS = {"serviceAccountName": "serviceAccount"}
_INDEX = re.compile(r"\[[^\]]*\]")


def union(sets: Iterable[Fields]) -> Fields:
    """Returns the union of sets of fields."""
    result: Fields = {}
    for fields in sets:
        result = _union(result, fields)
    return result


def _union(one: Fields, other: Fields) -> Fields:
    return {**one, **{key: _union(one.get(key) or {}, value) for key, value in other.items()}}


def compose(live: Object, wanted: Object, schema: Schema, owned: Fields, others: Fields, unset: Collection[str] = ()) -> Object:
    """Returns a live object with a manifest merged into it.

    Args:
        live: the whole live object.
        wanted: the object as an apply would send it.
        schema: the schema of its kind.
        owned: the fields that Turnup set before. What the manifest no longer has goes, together with what the server defaulted
            inside it, unless others own it.
        others: the fields of other managers.
        unset: paths, without indices, of fields that the server finds in the way (see paths_in_the_way). If nobody owns them and
            the manifest does not have them, they go as well. Where the manifest has null, the server's default stays.
    """
    body = {key: value for key, value in wanted.items() if key not in ("apiVersion", "kind")}
    composed = _Composer(unset, stores_empty=not is_built_in(wanted)).merge(
        {key: value for key, value in live.items() if key not in ("apiVersion", "kind")}, body, schema, owned, others, ""
    )
    return {"apiVersion": wanted["apiVersion"], "kind": wanted["kind"], **composed}


class _Composer:
    """Merges values.

    Args:
        unset: as for `compose`.
        stores_empty: whether the server stores empty lists and mappings, as it does for custom resources.
    """

    def __init__(self, unset: Collection[str], *, stores_empty: bool) -> None:
        self._unset = unset
        self._stores_empty = stores_empty

    def merge(self, live: Any, wanted: Any, schema: Schema, owned: Fields, others: Fields, path: str) -> Any:
        if isinstance(live, dict) and isinstance(wanted, dict) and not schema.is_atomic:
            return self._merge_mapping(live, wanted, schema, owned, others, path)
        if isinstance(live, list) and isinstance(wanted, list):
            if schema.keys:
                return self._merge_list(live, wanted, schema, owned, others, path)
            if schema.is_set:
                return _merge_set(live, wanted, owned, others)
        return wanted

    def _merge_mapping(self, live: dict[str, Any], wanted: dict[str, Any], schema: Schema, owned: Fields, others: Fields, path: str) -> dict[str, Any]:
        result = {}
        for key, value in live.items():
            mine, theirs, inner = owned.get(f"f:{key}"), others.get(f"f:{key}"), f"{path}.{key}" if path else key
            if wanted.get(key) is not None:
                result[key] = self.merge(value, wanted[key], schema.field(key), mine or {}, theirs or {}, inner)
            elif key in wanted and theirs is None:
                # The server has answered null with a default, and may not let null replace it.
                result[key] = value if _INDEX.sub("", inner) in self._unset else None
            else:
                left = self._left(value, schema.field(key), mine, theirs, inner)
                if left is not _ABSENT:
                    result[key] = left
        return {**result, **{key: value for key, value in wanted.items() if key not in live and not self._is_not_stored(value, schema.field(key))}}

    def _is_not_stored(self, value: Any, schema: Schema) -> bool:
        return not self._stores_empty and (value == [] or (value == {} and schema.is_map))

    def _left(self, value: Any, schema: Schema, mine: Fields | None, theirs: Fields | None, path: str) -> Any:
        """Returns what stays of a live value that the manifest does not have; _ABSENT for nothing."""
        if mine is None and theirs is None:
            # The server does not record who owns an empty list, unless the list is atomic.
            nobodys = _INDEX.sub("", path) in self._unset or (value == [] and (schema.is_set or schema.keys))
            return _ABSENT if nobodys else value
        if mine is None:
            return value
        if theirs is None:
            return _ABSENT
        if isinstance(value, (dict, list)) and not schema.is_atomic:
            return self.merge(value, type(value)(), schema, mine, theirs, path)
        return value

    def _merge_list(self, live: list[Any], wanted: list[Any], schema: Schema, owned: Fields, others: Fields, path: str) -> list[Any]:
        keys = schema.keys
        there, asked = by_key(live, keys), by_key(wanted, keys)
        if there is None or asked is None:
            return wanted
        mine, theirs = fields_by_key(owned, keys), fields_by_key(others, keys)
        result = {}
        for key, value in there.items():
            inner = f"{path}[]"
            if key in asked:
                result[key] = self.merge(value, asked[key], schema.items, mine.get(key, {}), theirs.get(key, {}), inner)
            else:
                left = value if key not in mine else self._left(value, schema.items, mine[key], theirs.get(key), inner)
                if left is not _ABSENT:
                    # An element always has its key.
                    result[key] = {**{name: value[name] for name in keys if name in value}, **left}
        return [result.get(key, asked.get(key)) for key in _in_order(list(result), list(asked))]


def _merge_set(live: list[Any], wanted: list[Any], owned: Fields, others: Fields) -> list[Any]:
    there, asked = ({json.dumps(value, sort_keys=True): value for value in values} for values in (live, wanted))
    stay = [key for key in there if key in asked or f"v:{key}" not in owned or f"v:{key}" in others]
    return [{**there, **asked}[key] for key in _in_order(stay, list(asked))]


def _in_order(stay: list[str], asked: list[str]) -> list[str]:
    """Returns the keys of both lists: those that stay in their order if the manifest has the same, and else in the manifest's."""
    common = [key for key in stay if key in asked]
    if common != [key for key in asked if key in stay]:
        return asked + [key for key in stay if key not in asked]
    result = list(stay)
    place = 0
    for key in asked:
        if key in result:
            place = result.index(key) + 1
        else:
            result.insert(place, key)
            place += 1
    return result


def _key_of(element: Any, keys: dict[str, Any]) -> str | None:
    if not isinstance(element, dict):
        return None
    values = [element.get(name) if element.get(name) is not None else default for name, default in keys.items()]
    return json.dumps(values)


def by_key(elements: list[Any], keys: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the elements of a list by their key; None if the keys are not unique."""
    found = {key: element for element in elements if (key := _key_of(element, keys)) is not None}
    return found if len(found) == len(elements) else None


def fields_by_key(fields: Fields, keys: dict[str, Any]) -> dict[str, Fields]:
    """Returns the fields inside each element of a list by the element's key, as in by_key."""
    named = ((_key_of(json.loads(name[2:]), keys), inner) for name, inner in fields.items() if name.startswith("k:"))
    return {key: inner for key, inner in named if key is not None}


def field_set(wanted: Object, schema: Schema) -> Fields:
    """Returns the fields of a manifest as server-side apply records them."""
    body = {key: value for key, value in wanted.items() if key not in ("apiVersion", "kind")}
    body["metadata"] = {key: value for key, value in wanted["metadata"].items() if key not in ("name", "namespace")}
    if not body["metadata"]:
        del body["metadata"]
    return _fields(body, schema)


def without_null(value: Any) -> Any:
    """Returns a value without the fields that are null, for which the server has a default."""
    if isinstance(value, dict):
        return {key: without_null(each) for key, each in value.items() if each is not None}
    return [without_null(each) for each in value] if isinstance(value, list) else value


def _fields(value: Any, schema: Schema) -> Fields:
    if isinstance(value, dict) and not schema.is_atomic:
        return {f"f:{key}": _fields(each, schema.field(key)) for key, each in value.items()}
    if isinstance(value, list) and schema.keys:
        result: Fields = {}
        for each in value:
            key = {name: each[name] if each.get(name) is not None else default for name, default in schema.keys.items()}
            present = {name: each_value for name, each_value in key.items() if each_value is not None}
            result["k:" + json.dumps(present, separators=(",", ":"), sort_keys=True)] = {".": {}, **_fields(each, schema.items)}
        return result
    if isinstance(value, list) and schema.is_set:
        return {"v:" + json.dumps(each, separators=(",", ":")): {} for each in value}
    return {}


def overlaps(one: Fields, other: Fields) -> bool:
    """Returns whether two sets of fields have a field in common, or one has a field inside a field of the other."""
    if not one or not other:
        return True
    return any(overlaps(one[name], other[name]) for name in one.keys() & other.keys() if name != ".")


def paths_in_the_way(causes: Iterable[dict[str, Any]], live: Object, wanted: Object) -> list[list[str]]:
    """Returns what may be why the server refuses a change: choices, each a list of paths without indices.

    The first choice has the field that the refusal names, the fields around and inside it, and its siblings: a refusal of one
    member of a union names the new member, the old one, or the union. The second has the named fields that are null in the manifest.

    Args:
        causes: the causes in the details of the refusal.
        live: the live object.
        wanted: the manifest.
    """
    named = {_INDEX.sub("", str(cause.get("field"))).strip(".") for cause in causes if cause.get("field")}
    nulls = {path for path, value in _by_path(wanted) if value is None}
    found = set()
    for path, _ in _by_path(live):
        around = path.rpartition(".")[0]
        for name in named:
            sibling = around == name.rpartition(".")[0] and around.count(".") > 0
            if name == path or name.startswith(f"{path}.") or around == name or sibling:
                found.add(path)
    inside = sorted(path for path in found - nulls if "." in path and not path.startswith(("metadata.", "status.")))
    return [choice for choice in (inside, sorted(named & nulls)) if choice]


def _by_path(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    """Yields the path, without indices, and the value of each field inside a value."""
    if isinstance(value, dict):
        for key, each in value.items():
            inner = f"{path}.{key}" if path else key
            yield inner, each
            yield from _by_path(each, inner)
    elif isinstance(value, list):
        for each in value:
            yield from _by_path(each, path)


def mirrors_left(wanted: Any, owned: Fields, path: str = "") -> Iterator[str]:
    """Yields the path of each copy of a field that the server keeps under a former name, if the field has left the manifest.

    Nobody owns the copy, and the server would fill in the field from it again.

    Args:
        wanted: the manifest.
        owned: the fields that Turnup set before.
        path: the path of both in the object.
    """
    if not isinstance(wanted, dict):
        return
    for name, inner in owned.items():
        key = name[2:]
        if key in _MIRRORS and wanted.get(key) is None:
            yield f"{path}.{_MIRRORS[key]}"
        yield from mirrors_left(wanted.get(key), inner, f"{path}.{key}" if path else key)


def removes(wanted: Any, owned: Fields) -> bool:
    """Returns whether a manifest lacks a field that Turnup set before.

    Args:
        wanted: the manifest, or a value in it.
        owned: the fields of it that Turnup set before.
    """
    for name, inner in owned.items():
        kind, key = name[:2], name[2:]
        if kind == "f:":
            if not isinstance(wanted, dict) or key not in wanted or removes(wanted[key], inner):
                return True
        elif kind == "k:":
            same = [each for each in wanted if _has_key(each, json.loads(key))] if isinstance(wanted, list) else []
            if not same or removes(same[0], inner):
                return True
        elif kind == "v:" and not (isinstance(wanted, list) and json.loads(key) in wanted):
            return True
    return False


def has_raw_mapping(wanted: Any, schema: Schema) -> bool:
    """Returns whether a manifest has a mapping that server-side apply merges although its fields have no owners: nothing leaves it."""
    if isinstance(wanted, dict):
        return schema.is_raw or any(has_raw_mapping(each, schema.field(key)) for key, each in wanted.items() if key != "metadata")
    return isinstance(wanted, list) and any(has_raw_mapping(each, schema.items) for each in wanted)


def missing_paths(wanted: Any, fields: Fields, path: str = "") -> Iterator[str]:
    """Yields the path of each field of a set that a manifest does not have.

    Args:
        wanted: the manifest, or a value in it.
        fields: the set.
        path: the path of both in the object.
    """
    for name, inner in fields.items():
        kind, key = name[:2], name[2:]
        if kind == "f:":
            place = f"{path}.{key}" if path else key
            if not isinstance(wanted, dict) or key not in wanted:
                yield place
            else:
                yield from missing_paths(wanted[key], inner, place)
        elif kind == "k:":
            same = [each for each in wanted if _has_key(each, json.loads(key))] if isinstance(wanted, list) else []
            if same:
                yield from missing_paths(same[0], inner, f"{path}[{key}]")
            else:
                yield f"{path}[{key}]"


def _has_key(element: Any, key: dict[str, Any]) -> bool:
    """Returns whether an element of a list has a key, which may consist of defaults that the element does not name."""
    return isinstance(element, dict) and all(element.get(name) in (None, value) for name, value in key.items())


def without(fields: Fields, *path: str) -> Fields:
    """Returns a set of fields without one of them."""
    head, *rest = path
    if f"f:{head}" not in fields:
        return fields
    inner = without(fields[f"f:{head}"], *rest) if rest else {}
    kept = {name: value for name, value in fields.items() if name != f"f:{head}"}
    return {**kept, f"f:{head}": inner} if inner else kept
