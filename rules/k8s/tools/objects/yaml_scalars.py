"""The values of YAML scalars, as kubectl reads them: its library for Go follows YAML 1.1 but for base 60."""

from __future__ import annotations

import math
import re
import struct
from decimal import Decimal

Scalar = str | int | float | bool | None

_CONSTANTS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hexadecimal>[0-9a-fA-F]+)|0[bB](?P<binary>[01]+)|0[oO]?(?P<octal>[0-7]+)|(?P<decimal>0|[1-9][0-9]*))"
    # Go parses the rest after 0b a second time, with a sign.
    r"|0b(?P<inner>[-+][01]+)"
)
_BASES = {"hexadecimal": 16, "binary": 2, "octal": 8, "decimal": 10, "inner": 2}
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# After a leading dot, underscores stand between digits only.
_FRACTION = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?")
# From this number on, Go writes floats in JSON with an exponent.
_EXPONENT_FROM = 1e21
# From this number of digits before the point on, Go writes floats in keys with an exponent.
_KEY_EXPONENT_FROM = 6
_BITS = 64


def resolve(text: str) -> Scalar:
    """Returns the value of a plain scalar: text without quotes and without a tag."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    value: Scalar = None
    if text[0] in "+-0123456789":
        value = _number(text.replace("_", ""))
    elif text[0] == "." and _FRACTION.fullmatch(text):
        value = _finite(text.replace("_", ""))
    return text if value is None else value


def _number(text: str) -> int | float | None:
    match = _INTEGER.fullmatch(text)
    if match and match.lastgroup:
        digits = match[match.lastgroup]
        # More digits than 64 bits have are not converted, because Python limits the conversion.
        number = int(digits, _BASES[match.lastgroup]) if len(digits.lstrip("0+-")) <= _BITS else 1 << _BITS
        number = -number if match["sign"] == "-" else number
        if -(1 << (_BITS - 1)) <= number < 1 << (_BITS - 1 if match["sign"] == "+" else _BITS):
            return number
    return _finite(text) if _FLOAT.fullmatch(text) else None


def _finite(text: str) -> float | None:
    """Returns a float, None for a number beyond the range of floats."""
    value = float(text)
    return None if math.isinf(value) else value


def json_number(value: float) -> int | float:
    """Returns a finite float as it is after Go has written it as JSON: a whole one is an int, so 1e3 is 1000."""
    return int(Decimal(repr(value))) if value.is_integer() and abs(value) < _EXPONENT_FROM else value


def key_text(value: Scalar) -> str | None:
    """Returns the key of a mapping as text, because keys of JSON are texts.

    Args:
        value: what `resolve` returns for the key.

    Returns:
        The text; None for a key that kubectl refuses: null, and an integer of more than 63 bits.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value < 1 << (_BITS - 1) else None
    return _float_key(value) if isinstance(value, float) else value


def _float_key(value: float) -> str:
    """Returns a float as Go writes keys: in the fewest digits that give the same 32-bit float."""
    if math.isnan(value):
        return ".nan"
    try:
        packed = struct.pack("f", value)
    except OverflowError:  # It is infinite in 32 bits.
        packed = struct.pack("f", math.copysign(math.inf, value))
    (single,) = struct.unpack("f", packed)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    digits = next(text for text in (f"{single:.{precision}e}" for precision in range(9)) if struct.pack("f", float(text)) == packed)
    return format(Decimal(digits), "f") if -4 <= int(digits.partition("e")[2]) < _KEY_EXPONENT_FROM else digits
