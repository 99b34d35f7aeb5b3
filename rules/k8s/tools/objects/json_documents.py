"""Reads JSON strictly, and measures how deep its values are nested."""

from __future__ import annotations

import json
import math
import re
from typing import Any

from rules.k8s.tools.errors import TurnupError

# Deeper than any definition of a custom resource, and far from the depth at which recursive programs fail.
DEPTH = 200
TOO_DEEP = f"is nested more than {DEPTH} levels deep. Objects of Kubernetes have fewer levels."
# The parts of a valid text in which a key, an escape or a number can be wrong.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[-+.0-9A-Za-z]+')
_SURROGATE = re.compile("[\ud800-\udfff]")
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")
# The largest float has 309 digits; Python limits the conversion of longer integers.
_LONGEST_INTEGER = 310
_CONSTANTS = ("NaN", "Infinity", "-Infinity")


class _NotStrictError(ValueError):
    """The text is JSON only for Python: `_check_strict` knows what is wrong, and where."""


def load_json(text: str, path: str) -> Any:
    """Parses one JSON document; a byte order mark before it is skipped.

    Args:
        text: the document.
        path: the file's name for errors.

    Raises:
        TurnupError: the text is not JSON, a key appears twice in one object, a number is not finite, or a text contains half a
            character.
    """
    text = text.removeprefix("\ufeff")
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_float, parse_int=_int)
        if _SURROGATE_ESCAPE.search(text) or _SURROGATE.search(text):
            _check_strict(text, path)
    except json.JSONDecodeError as error:
        raise TurnupError(f"{path}:{error.lineno}:{error.colno}: the text is not JSON ({error.msg}). Correct it.") from error
    except _NotStrictError:
        _check_strict(text, path)
        raise
    except RecursionError:
        raise TurnupError(f"{path}: {TOO_DEEP}") from None
    return value


def is_json(text: str) -> bool:
    """Returns whether Python reads a text as one JSON document."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise _NotStrictError
    return result


def _refuse(constant: str) -> Any:
    raise _NotStrictError(constant)


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _NotStrictError
    return value


def _int(text: str) -> int:
    if len(text) > _LONGEST_INTEGER:
        raise _NotStrictError
    return int(text)


def _check_strict(text: str, path: str) -> None:
    """Raises an error for the first place where a text that Python reads is not JSON.

    Raises:
        TurnupError: there is one.
    """
    # For each open object the keys so far, None for a list.
    levels: list[set[str] | None] = []
    before = ""
    for match in _TOKEN.finditer(text):
        part = match[0]
        place = place_in(text, match.start(), path)
        if part in ("{", "["):
            levels.append(set() if part == "{" else None)
        elif part in ("}", "]"):
            levels.pop()
        elif part.startswith('"'):
            word = json.loads(part, strict=False)
            half = _SURROGATE.search(word)
            if half:
                raise TurnupError(
                    f"{place}: a text contains the escape \\u{ord(half[0]):04x} alone, which is half of a character. "
                    "Write both halves, or the character itself."
                )
            keys = levels[-1] if levels else None
            if keys is not None and before in ("{", ","):
                if word in keys:
                    raise TurnupError(f"{place}: the key {word!r} appears twice in one mapping. Keep one.")
                keys.add(word)
        elif part in _CONSTANTS:
            raise TurnupError(f"{place}: the value is {part}, which JSON cannot express. Write it as text.")
        elif part[0] in "-0123456789" and (len(part) > _LONGEST_INTEGER or math.isinf(float(part))):
            short = part if len(part) <= 20 else f"{part[:17]}..."
            raise TurnupError(f"{place}: the number {short} is too large. Write it as text.")
        before = part


def place_in(text: str, index: int, path: str) -> str:
    """Returns PATH:LINE:COLUMN of a position in a text."""
    start = text.rfind("\n", 0, index) + 1
    return f"{path}:{text.count(chr(10), 0, index) + 1}:{index - start + 1}"


def is_deep(value: Any) -> bool:
    """Returns whether a JSON value is nested more than DEPTH levels deep."""
    level = [value]
    for _ in range(DEPTH + 1):
        level = [inner for each in level if isinstance(each, (dict, list)) for inner in (each.values() if isinstance(each, dict) else each)]
    return bool(level)
