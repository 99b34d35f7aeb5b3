"""Kubernetes quantities as numbers."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

_SUFFIXES: dict[str, Decimal | int] = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": 1000,
    "M": 1000**2,
    "G": 1000**3,
    "T": 1000**4,
    "P": 1000**5,
    "E": 1000**6,
    "Ki": 1024,
    "Mi": 1024**2,
    "Gi": 1024**3,
    "Ti": 1024**4,
    "Pi": 1024**5,
    "Ei": 1024**6,
}


def parse_quantity(value: Any) -> Decimal | None:
    """Returns the value of a Kubernetes quantity (`500m`, `1Gi`, 2, `1e3`); None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    text = str(value)
    for length in (2, 1):
        if text[-length:] in _SUFFIXES and len(text) > length:
            number, factor = text[:-length], _SUFFIXES[text[-length:]]
            break
    else:
        number, factor = text, 1
    try:
        return Decimal(number) * factor
    except InvalidOperation:
        return None


def format_quantity(value: Decimal) -> str:
    """Returns a quantity as text, in the largest binary unit that fits."""
    for suffix in ("Ti", "Gi", "Mi"):
        if value and value % _SUFFIXES[suffix] == 0:
            return f"{value / _SUFFIXES[suffix]:f}{suffix}"
    return f"{value.normalize():f}"
