"""Durations as Kubernetes users write them: 30s, 10m, 1h30m."""

from __future__ import annotations

import re

from rules.k8s.tools.errors import UsageError

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_WHOLE = re.compile(r"^(?:\d+(?:\.\d+)?[hms])+$")
_PART = re.compile(r"(\d+(?:\.\d+)?)([hms])")


def parse_duration(text: str) -> float:
    """Returns a duration in seconds.

    Raises:
        UsageError: the text is not a sequence of numbers with the units h, m and s.
    """
    if not _WHOLE.match(text):
        raise UsageError(f"{text!r} is not a duration; write a number with a unit, as in 30s, 10m or 1h30m.")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def format_duration(seconds: float) -> str:
    """Returns a duration for people to read: 0.8s, 42s, 3m05s."""
    if seconds < 10:
        return f"{seconds:.1f}s"
    if seconds < 60:
        return f"{seconds:.0f}s"
    return f"{int(seconds) // 60}m{int(seconds) % 60:02d}s"
