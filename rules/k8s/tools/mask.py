"""Keeping the values of Secrets out of everything that is printed."""

from __future__ import annotations

import base64
import binascii
import copy
import json
from typing import Any, Iterable

from rules.k8s.tools.manifests import Object

MASK = "***"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# Shorter values would blank out parts of ordinary words in messages.
_SHORTEST = 3
# A secret of several lines (a key) may be printed line by line. Shorter lines are no secret by themselves.
_SHORTEST_LINE = 8


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
        if LAST_APPLIED in annotations:
            annotations[LAST_APPLIED] = MASK
    return sides[0], sides[1]


class Redactor:
    """Removes known secret values from any text: plain, in base64, put on one line or escaped as in JSON."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._ordered: list[str] = []

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
        lines = {line.strip() for value in self._values if "\n" in value for line in value.splitlines()}
        self._values |= {line for line in lines if len(line) >= _SHORTEST_LINE}
        # Errors are put on one line, and what quotes a value escapes it.
        self._values |= {form for value in self._values for form in (
            " ".join(value.split()), json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1])}
        self._values = {value for value in self._values if len(value) >= _SHORTEST}
        # Longest first: a value may be a part of another.
        self._ordered = sorted(self._values, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Returns the text with every known value replaced by `***`."""
        for value in self._ordered:
            text = text.replace(value, MASK)
        return text


def _decoded(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
