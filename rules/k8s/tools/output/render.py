"""Text of objects: unified diffs and descriptions, with the values of Secrets masked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from rules.k8s.tools.masking.mask import mask_object, mask_pair
from rules.k8s.tools.objects.objects import Object, is_secret
from rules.k8s.tools.objects.yaml_documents import TOP_FIELDS, to_yaml

# Metadata that only the server sets; in a diff it would be noise.
_SERVER_FIELDS = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")


def diff_objects(name: str, before: Object | None, after: Object | None) -> str:
    """Returns a unified diff of two states of an object; "" if they are the same.

    Args:
        name: the object's name in the header of the diff.
        before: the live object; None if it does not exist.
        after: what it would become; None if it would be deleted.
    """
    before, after = _plain(before), _plain(after)
    if before == after:
        return ""
    if is_secret(before or after or {}):
        before, after = mask_pair(before, after)
    old, new = ("" if side is None else to_yaml(side) for side in (before, after))
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"live {name}", f"wanted {name}", lineterm="")
    return "\n".join(lines) + "\n"


def _plain(obj: Object | None) -> Object | None:
    """Returns an object without its status and the metadata that only the server sets."""
    if obj is None:
        return None
    plain = {key: value for key, value in obj.items() if key != "status"}
    plain["metadata"] = {key: value for key, value in obj["metadata"].items() if key not in _SERVER_FIELDS}
    ordered: Object = _sorted(plain)
    return ordered


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def describe(obj: Object, events: Iterable[Object]) -> str:
    """Returns the description of a live object: metadata, spec, status, conditions and Events."""
    obj = mask_object(obj)
    meta = obj["metadata"]
    lines = [f"Name:         {meta['name']}"]
    if meta.get("namespace"):
        lines.append(f"Namespace:    {meta['namespace']}")
    lines += [f"Kind:         {obj['kind']} ({obj['apiVersion']})", f"Created:      {meta.get('creationTimestamp', '?')}"]
    lines += _pairs("Labels", meta.get("labels")) + _pairs("Annotations", meta.get("annotations"))
    rest = {key: value for key, value in obj.items() if key not in (*TOP_FIELDS, "status")}
    status = dict(obj.get("status") or {})
    conditions = status.pop("conditions", None) or []
    for title, body in (("", rest), ("Status", status)):
        if body:
            lines += ([f"{title}:"] if title else []) + [("  " if title else "") + line for line in to_yaml(body).splitlines()]
    if conditions:
        lines.append("Conditions:")
        lines += [f"  {c.get('type')}={c.get('status')}  {c.get('reason', '')}  {c.get('message', '')}".rstrip() for c in conditions]
    events = list(events)
    lines.append("Events:" if events else "Events:       none")
    lines += [f"  {event_line(event)}" for event in events]
    return "\n".join(lines) + "\n"


def event_line(event: Object) -> str:
    """Returns an Event as one line: type, reason, count, message."""
    count = event.get("count") or (event.get("series") or {}).get("count") or 1
    return f"{event.get('type', '')} {event.get('reason', '')} (x{count}): {' '.join((event.get('message') or '').split())}"


def _pairs(title: str, values: dict[str, str] | None) -> list[str]:
    if not values:
        return []
    return [f"{title}:"] + [f"  {key}={value}" for key, value in sorted(values.items())]
