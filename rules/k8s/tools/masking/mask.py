"""Masks the values of Secrets in everything that is printed."""

from __future__ import annotations

import base64
import binascii
import copy
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rules.k8s.tools.masking.secret_forms import byte_forms, text_forms
from rules.k8s.tools.objects.generated_values import generated_keys
from rules.k8s.tools.objects.objects import LAST_APPLIED, Object, is_secret

MASK = "***"
GENERATED = "generated"
"""Stands in a diff for a value that the cluster does not have yet."""
CUT = "…"
"""Marks where a text was cut before it was masked."""

# Masking shorter values would hide parts of ordinary words.
_SHORTEST = 3
# A value of several lines (a key) may be printed line by line. Shorter lines are not secret by themselves.
_SHORTEST_LINE = 8

Learn = Callable[[Iterable[Object]], None]
"""Takes the values of live Secrets, which are masked from then on."""


def mask_object(obj: Object) -> Object:
    """Returns an object that is safe to print: a Secret with every value masked, another object as it is."""
    return mask_pair(obj, None)[0] if is_secret(obj) else obj


def mask_pair(before: Object | None, after: Object | None) -> tuple[Any, Any]:
    """Masks two states of one Secret so that a changed value is still visible as a change.

    Equal values become `***` on both sides, different ones `*** (before)` and
    `*** (after)`, and one that has just been generated `generated`. Nothing that is derived from a value (length, hash) is shown.

    Args:
        before: the first state; None for none.
        after: the second state; None for none.

    Returns:
        Copies of both.
    """
    sides = [copy.deepcopy(side) for side in (before, after)]
    for field in ("data", "stringData"):
        values = [(side or {}).get(field) or {} for side in sides]
        for key in {key for value in values if isinstance(value, dict) for key in value}:
            old, new = (value.get(key) if isinstance(value, dict) else None for value in values)
            same = old == new or old is None or new is None
            for side, label in zip(sides, ("before", "after"), strict=False):
                if side and isinstance(side.get(field), dict) and key in side[field]:
                    side[field][key] = MASK if same else f"{MASK} ({label})"
    for key in generated_keys(after) if after else ():
        if sides[1] and key in (sides[1].get("data") or {}) and key not in ((before or {}).get("data") or {}):
            sides[1]["data"][key] = GENERATED
    for side in sides:
        annotations = ((side or {}).get("metadata") or {}).get("annotations") or {}
        if LAST_APPLIED in annotations:
            annotations[LAST_APPLIED] = MASK
    return sides[0], sides[1]


class Redactor:
    """Masks known values of Secrets in any text, in every form in which programs write them (secret_forms.py).

    Beside a CUT, it also masks the part of a value that remains there.
    """

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._forms: set[str] = set()
        # By their first characters: a text is searched once, regardless of the number of Secrets.
        self._by_start: dict[str, list[str]] = {}

    def learn(self, objects: Iterable[Object]) -> None:
        """Adds the values of all Secrets among `objects`."""
        for obj in objects:
            if not is_secret(obj):
                continue
            for field, of in (("data", _decoded), ("stringData", _encoded)):
                values = obj.get(field)
                for value in values.values() if isinstance(values, dict) else ():
                    if isinstance(value, str) and value not in self._values:
                        self._values.add(value)
                        self._learn(value, of(value))

    def _learn(self, written: str, value: bytes | None) -> None:
        """Adds one value: as its Secret has it, and as containers get it (None if it is not valid base64)."""
        found = {written}
        if value is None:
            found.update(text_forms(written))
        else:
            found.update(byte_forms(value))
            try:
                text = value.decode("utf-8")
            except UnicodeDecodeError:
                text = ""
            found.update(text_forms(text))
            for line in {line.strip() for line in text.splitlines()} if "\n" in text else ():
                if len(line) >= _SHORTEST_LINE:
                    found.update(text_forms(line))  # Programs do not write single lines in base64 or hex.
        for form in found:
            if len(form) >= _SHORTEST and form not in self._forms:
                self._forms.add(form)
                self._by_start.setdefault(form[:_SHORTEST], []).append(form)

    def __call__(self, text: str) -> str:
        """Returns the text with `***` in place of every known value."""
        if not self._forms:
            return text
        spans = list(self._whole(text))
        if CUT in text:
            spans += self._cut(text)
        return _masked(text, spans)

    def _whole(self, text: str) -> Iterator[tuple[int, int]]:
        """Yields the start and end of each known value."""
        starts = self._by_start
        for begin in [index for index in range(len(text) - _SHORTEST + 1) if text[index : index + _SHORTEST] in starts]:
            length = max((len(form) for form in starts[text[begin : begin + _SHORTEST]] if text.startswith(form, begin)), default=0)
            if length:
                yield begin, begin + length

    def _cut(self, text: str) -> Iterator[tuple[int, int]]:
        """Yields the start and end of each part of a value beside a cut."""
        known = list(self._forms)
        edges = [-1, *(index for index, letter in enumerate(text) if letter == CUT), len(text)]
        for number, (before, after) in enumerate(itertools.pairwise(edges)):
            piece, first, last = text[before + 1 : after], number == 0, number == len(edges) - 2
            if len(piece) < _SHORTEST:
                continue
            if not first and (length := max(_end_of_value(form, piece) for form in known)):
                yield before + 1, before + 1 + length
            if not last and (length := max(_beginning_of_value(form, piece) for form in known)):
                yield after - length, after
            if not first and not last and any(piece in form for form in known):
                yield before + 1, after


def _end_of_value(form: str, piece: str) -> int:
    """Returns the length of the longest end of a value that a piece of text begins with, 0 if it is too short to be recognized."""
    at = form.find(piece[:_SHORTEST])
    while at >= 0:
        if piece.startswith(form[at:]):
            return len(form) - at
        at = form.find(piece[:_SHORTEST], at + 1)
    return 0


def _beginning_of_value(form: str, piece: str) -> int:
    """Returns the length of the longest beginning of a value that a piece of text ends with, 0 if it is too short to be recognized."""
    at = form.rfind(piece[-_SHORTEST:])
    while at >= 0:
        if piece.endswith(form[: at + _SHORTEST]):
            return at + _SHORTEST
        at = form.rfind(piece[-_SHORTEST:], 0, at + _SHORTEST - 1)
    return 0


def _masked(text: str, spans: list[tuple[int, int]]) -> str:
    """Returns a text with MASK in place of some spans; overlapping spans count as one."""
    parts, done = [], 0
    begin = end = -1
    for start, stop in [*sorted(spans), (len(text) + 1, 0)]:
        if start < end:
            end = max(end, stop)
            continue
        if end >= 0:
            parts += [text[done:begin], MASK]
            done = end
        begin, end = start, stop
    return "".join([*parts, text[done:]])


def _encoded(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


def _decoded(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
