"""Tests of what a text from elsewhere loses before it reaches a terminal."""

from __future__ import annotations

import json

import pytest

from rules.common.control_characters import escape_control_characters, strip_control_characters

EVIL = "\x1b]0;TITLE\x07a\x1b[2J\x9b31mb\x1b]52;c;ZXZpbA==\x1b\\c\x1bPq#0\x1b\\d\rO\x08\u202egnp.exe\x1bc\x1b(0"


def test_sequences_go_as_a_whole() -> None:
    """Titles, clipboard writes, cursor moves and resets leave nothing behind; colors stay only where they are wanted."""
    assert strip_control_characters(EVIL) == "abcdOgnp.exe"
    assert strip_control_characters("\x1b[31mred\x1b[0m\tx\n") == "red\tx\n"
    assert strip_control_characters("\x1b[31mred\x1b[0m", colors=True) == "\x1b[31mred\x1b[0m"
    assert strip_control_characters("\u00fcber \u2713") == "\u00fcber \u2713"


def test_no_control_character_is_left() -> None:
    """Every single character of C0, C1 and of directions goes, whatever stands beside it, but line breaks and tabs."""
    hostile = [chr(code) for code in (*range(32), *range(0x7F, 0xA0), 0x2028, 0x202E, 0x2066)]
    for first in hostile:
        for text in (first, f"{first}[", f"{first}]x", f"a{first}\x1b", f"\x1b{first}[0m"):
            assert not set(strip_control_characters(text)) & set(hostile) - set("\n\t"), text


def test_an_unfinished_sequence_takes_no_line_with_it() -> None:
    """A title without an end hides nothing but its escape character, so a log cannot make the lines after it disappear."""
    assert strip_control_characters("\x1b]0;no end\nnext line") == "]0;no end\nnext line"


@pytest.mark.parametrize("ascii_only", [True, False])
def test_json_keeps_its_value(ascii_only: bool) -> None:
    """JSON has no raw control character, and the same value."""
    text = escape_control_characters(json.dumps({"a": EVIL + "\x7f\u00fc"}, ensure_ascii=ascii_only))
    assert text.isprintable() and json.loads(text) == {"a": EVIL + "\x7f\u00fc"}
