"""The form that answers of an API server must have, so that what reads them need not expect lists for objects or numbers for names.

A program that is not an API server, or one that is hostile, may send any JSON. Only what every object of Kubernetes has is checked
here: the schemas of custom resources are their authors' own.
"""

from __future__ import annotations

import json
from typing import Any

_DISCOVERY = frozenset({"APIGroupDiscoveryList", "APIGroupList", "APIGroup", "APIResourceList"})
_TEXTS = ("name", "namespace", "uid", "resourceVersion", "generateName", "creationTimestamp", "deletionTimestamp")


def shape_problem(data: Any, path: str) -> str:
    """Returns what is wrong with the form of a successful answer; "" for nothing.

    Args:
        data: the decoded answer.
        path: the path of the request.
    """
    if not isinstance(data, dict):
        return "no JSON object"
    if not _is(data.get("metadata"), dict):
        return "metadata that is not an object"
    if not path.startswith("/api"):  # the version and the schemas
        return next((f"{field} that is not an object" for field in ("paths", "components") if not _is(data.get(field), dict)), "")
    kind = data.get("kind", "")
    if not isinstance(kind, str):
        return "a kind that is not text"
    if not kind and "metadata" not in data and "items" not in data:
        return "neither kind nor metadata"
    if kind == "Status":
        return ""
    if kind == "APIVersions":
        return "" if all(isinstance(version, str) for version in as_list(data.get("versions"))) else "versions of a wrong form"
    if kind in _DISCOVERY:
        return _discovery_problem(data)
    if "items" not in data and not kind.endswith("List"):
        return _object_problem(data, path)
    if not _is((data.get("metadata") or {}).get("resourceVersion"), str):
        return "metadata.resourceVersion that is not text"
    items = as_list(data.get("items"))
    if not all(isinstance(item, dict) for item in items):
        return "items that are not a list of objects"
    if not all(isinstance(item.get("metadata"), dict) and isinstance(item["metadata"].get("name"), str) for item in items):
        return "items without a name"
    return next((problem for item in items if (problem := _object_problem(item, path))), "")


def event_of(line: bytes, path: str) -> tuple[Any, str]:
    """Returns an event of a watch, and what is wrong with it; "" for nothing."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None, "an event that is not JSON"
    if not isinstance(event, dict) or not _is(event.get("object"), dict):
        return None, "an event that is not an object"
    obj = event.get("object") or {}
    if event.get("type") == "ERROR":
        right = isinstance(obj.get("code", 500), int) and all(isinstance(obj.get(field, ""), str) for field in ("reason", "message"))
        return event, "" if right else "an error of a wrong form"
    if event.get("type") != "BOOKMARK" and not (isinstance(obj.get("metadata"), dict) and isinstance(obj["metadata"].get("name"), str)):
        return None, "an event without a name"
    return event, _object_problem(obj, path)


def _is(value: Any, kind: type) -> bool:
    """Returns whether a value is absent or of a type."""
    return value is None or isinstance(value, kind)


def as_list(value: Any) -> list[Any]:
    """Returns a list, [] for None, and [None] for anything else, which no check takes for an entry of the right type."""
    return [] if value is None else value if isinstance(value, list) else [None]


def _object_problem(obj: dict[str, Any], path: str) -> str:
    """Returns what is wrong with the form of an object; "" for nothing."""
    meta = obj.get("metadata")
    if meta is None:
        return ""  # a review, or another object that is not stored
    if not isinstance(meta, dict):
        return "metadata that is not an object"
    for field in _TEXTS:
        if not _is(meta.get(field), str):
            return f"metadata.{field} that is not text"
    for field in ("labels", "annotations"):
        values = meta.get(field)
        if not _is(values, dict) or not all(isinstance(value, str) for value in (values or {}).values()):
            return f"metadata.{field} that are not texts by name"
    for field, kind in (("finalizers", str), ("ownerReferences", dict), ("managedFields", dict)):
        if not all(isinstance(entry, kind) for entry in as_list(meta.get(field))):
            return f"metadata.{field} of a wrong form"
    if not _is_built_in(path):
        return ""
    for field in ("spec", "status"):
        if not _is(obj.get(field), dict):
            return f"{field} that is not an object"
    conditions = (obj.get("status") or {}).get("conditions")
    return "" if all(isinstance(entry, dict) for entry in as_list(conditions)) else "status.conditions that are not a list of objects"


def _is_built_in(path: str) -> bool:
    """Returns whether a path is in an API of Kubernetes itself: the core, a group without a dot, or one of k8s.io."""
    words = path.split("/")
    return words[1] == "api" or (len(words) > 2 and ("." not in words[2] or words[2].endswith(".k8s.io")))


def _discovery_problem(data: dict[str, Any]) -> str:
    """Returns what is wrong with a discovery document; "" for nothing."""
    for field in ("items", "groups", "resources"):
        if not all(isinstance(entry, dict) for entry in as_list(data.get(field))):
            return f"{field} that are not a list of objects"
    for group in [*(data.get("items") or []), *(data.get("groups") or [])]:
        if not _is(group.get("metadata"), dict):
            return "metadata that is not an object"
        for version in as_list(group.get("versions")):
            if not isinstance(version, dict) or not isinstance(version.get("version") or version.get("groupVersion"), str):
                return "versions of a wrong form"
            if not _is(version.get("groupVersion"), str) or not all(_is_resource(entry) for entry in as_list(version.get("resources"))):
                return "versions of a wrong form"
    fields = ("name", "kind")
    named = all(isinstance(resource.get(field), str) for resource in data.get("resources") or [] for field in fields)
    return "" if named else "resources of a wrong form"


def _is_resource(entry: Any) -> bool:
    """Returns whether an entry of aggregated discovery has what is read of it."""
    return isinstance(entry, dict) and isinstance(entry.get("resource"), str) and _is(entry.get("responseKind"), dict)
