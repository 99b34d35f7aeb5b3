"""Removes what a text from elsewhere must not send to a terminal: logs, events, messages of servers and containers."""

from __future__ import annotations

import re

__all__ = ["escape_control_characters", "strip_control_characters"]

# Escape sequences go as a whole, so that nothing of them stays as text: OSC (titles, links, the clipboard) and the other strings of
# ECMA-48 up to their terminator, CSI but colors, and two-character escapes; then every single control character of C0 and C1 but
# line breaks and tabs. Directions that turn a line around (CVE-2021-42574) go, too.
_CONTROL = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]{0,4096}(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)(?![0-9;]*m)[0-?]*[ -/]*[@-~]"
    r"|\x9b[0-9;]*m"
    r"|\x1b(?!\[[0-9;]*m)(?:[ -/]*[0-Z\\^-~])?"
    r"|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
# What JSON may have as it is, and a terminal obeys all the same; json.dumps escapes the others.
_RAW_IN_JSON = re.compile(r"[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_COLORS = re.compile(r"\x1b\[[0-9;]*m")


def strip_control_characters(text: str, *, colors: bool = False) -> str:
    """Returns text without control characters, except line breaks and tabs.

    Args:
        text: the text.
        colors: whether to keep colors.
    """
    if text.isascii() and text.isprintable():
        return text
    kept = _CONTROL.sub("", text)
    return kept if colors else _COLORS.sub("", kept)


def escape_control_characters(text: str) -> str:
    """Returns a JSON text, as json.dumps writes it, with the same value and without any control character."""
    return text if text.isascii() and "\x7f" not in text else _RAW_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
