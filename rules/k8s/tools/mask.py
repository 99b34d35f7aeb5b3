"""Keeping the values of Secrets out of everything that is printed."""

from __future__ import annotations

import base64
import binascii
import copy
from typing import Any, Iterable

from rules.k8s.tools.manifests import Object

MASK = "***"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# Shorter values would blank out parts of ordinary words in messages.
_SHORTEST = 3


def is_secret(obj: Object) -> bool:
    """Says whether an object is a core Secret."""
    return obj.get("kind") == "Secret" and obj.get("apiVersion") == "v1"


def mask_object(obj: Object) -> Object:
    """Returns an object that is safe to print: a Secret with every value masked, others as they are."""
    return mask_pair(obj, None)[0] if is_secret(obj) else obj


def mask_pair(before: Object | None, after: Object | None) -> tuple[Any, Any]:
    """Masks two states of one Secret so that a changed value still shows as a change.

    Equal values become `***` on both sides, different ones `*** (before)` and
    `*** (after)`. Nothing derived from a value (length, hash) is shown.
    """
    sides = [copy.deepcopy(side) for side in (before, after)]
    for field in ("data", "stringData"):
        values = [(side or {}).get(field) or {} for side in sides]
        for key in {key for value in values if isinstance(value, dict) for key in value}:
            old, new = (value.get(key) if isinstance(value, dict) else None for value in values)
            same = old == new or old is None or new is None
            for side, label in zip(sides, ("before", "after")):
                if side and isinstance(side.get(field), dict) and key in side[field]:
                    side[field][key] = MASK if same else f"{MASK} ({label})"
    for side in sides:
        annotations = ((side or {}).get("metadata") or {}).get("annotations") or {}
        if _LAST_APPLIED in annotations:
            annotations[_LAST_APPLIED] = MASK
    return sides[0], sides[1]


class Redactor:
    """Removes known secret values from any text, plain or in base64."""

    def __init__(self) -> None:
        self._values: set[str] = set()

    def learn(self, objects: Iterable[Object]) -> None:
        """Takes note of the values of all Secrets among `objects`."""
        for obj in objects:
            if not is_secret(obj):
                continue
            for value in (obj.get("data") or {}).values():
                if isinstance(value, str):
                    self._values |= {value, _decoded(value)}
            for value in (obj.get("stringData") or {}).values():
                if isinstance(value, str):
                    self._values |= {value, base64.b64encode(value.encode()).decode()}
        self._values = {value for value in self._values if len(value) >= _SHORTEST}

    def __call__(self, text: str) -> str:
        """Returns the text with every known value replaced by `***`."""
        for value in sorted(self._values, key=len, reverse=True):
            text = text.replace(value, MASK)
        return text


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
