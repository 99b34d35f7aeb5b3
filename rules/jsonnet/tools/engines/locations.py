"""Locations in stack traces: converts the columns of all engines to characters and corrects those of rjsonnet.

A location is `file:line:column`, with `-column` or `-line:column` if the end is known. Lines and columns count from 1, a
column is a character (a Unicode code point), and the end is the column after the last character. go-jsonnet and the
reference implementation count bytes.

rjsonnet has byte offsets, but looks them up as if they were character offsets. Its location is right before the first
character that is not ASCII. After it, the byte offset can be recovered from the location. An offset beyond the last
character has no location (`0:0`). The end is one column too far, and a range of several lines has only its first line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_FRAME = re.compile(
    r"^ {4}(?P<file><[^>\n]*>|[^:<>]+):(?P<line>\d+):(?P<column>\d+)(?:-(?:(?P<last>\d+):)?(?P<end>\d+))?(?::? +(?P<what>.*)|:?$)",
    re.DOTALL,
)
# A frame for which `from_rjsonnet` could not find the column.
_WITHOUT_COLUMN = re.compile(r"^ {4}(?:<(?:extvar|top-level-arg):[^>]*>|[^:<>]+)(?::\d+)?: ")


def _line(file: str, location: str, what: str | None) -> str:
    """Returns a line of a stack trace."""
    return f"    {file}{location}{f': {what}' if what else ''}"


def lacks_column(frame: str) -> bool:
    """Returns True if a line of a stack trace names a file without line and column."""
    return _WITHOUT_COLUMN.match(frame) is not None


def from_bytes(frame: str, texts: Mapping[str, str]) -> str:
    """Converts the columns of a line of a stack trace from bytes to characters.

    Args:
        frame: the line, with `file:line:column`.
        texts: map of file, as stack traces name it, to text.

    Returns:
        The line with columns in characters, and with a colon after the location. A line without a location is unchanged.
    """
    match = _FRAME.match(frame)
    if not match:
        return frame
    text = texts.get(match["file"], "")
    lines = [] if text.isascii() else text.split("\n")

    def column(line: str, number: str) -> int:
        if int(line) > len(lines):
            return int(number)
        before = lines[int(line) - 1].encode(errors="surrogateescape")[: int(number) - 1]
        return len(before.decode(errors="replace")) + int(number) - len(before)

    location = f":{match['line']}:{column(match['line'], match['column'])}"
    if match["end"]:
        end = column(match["last"] or match["line"], match["end"])
        location += f"-{match['last']}:{end}" if match["last"] else f"-{end}"
    return _line(match["file"], location, match["what"])


def position(content: bytes, offset: int) -> tuple[int, int]:
    """Returns line and column of a byte offset in a UTF-8 text."""
    before = content[:offset].decode(errors="ignore")
    return before.count("\n") + 1, len(before) - before.rfind("\n")


class _Text:
    """Text of a file, with functions that correct rjsonnet's locations in it."""

    def __init__(self, text: str) -> None:
        """Finds the starts of the text's lines."""
        self._text = text
        self._bytes = text.encode()
        self._starts = [0, *(i + 1 for i, character in enumerate(text) if character == "\n")]

    def _line(self, line: int) -> tuple[int, int]:
        """Returns the character offsets of a line's start and end."""
        following = self._starts[line] - 1 if line < len(self._starts) else len(self._text)
        return self._starts[line - 1], following

    def _location(self, offset: int) -> tuple[int, int]:
        """Returns line and column of a byte offset."""
        return position(self._bytes, offset)

    def _offset(self, line: int, column: int) -> int:
        """Returns the byte offset behind rjsonnet's location; the end of the text for one after the last character."""
        number = self._line(line)[0] + column - 1
        return len(self._bytes) if number >= len(self._text) else number

    def point(self, line: int, column: int, end: int | None) -> str:
        """Returns the correct location for one that rjsonnet gives within a line."""
        first = self._location(self._offset(line, column))
        if end is None:
            return f":{first[0]}:{first[1]}"
        last = self._location(self._offset(line, end - 1))
        if last[0] != first[0]:
            return f":{first[0]}:{first[1]}-{last[0]}:{last[1]}"
        return f":{first[0]}:{first[1]}" + (f"-{last[1]}" if last[1] > first[1] else "")

    def line(self, line: int) -> str:
        """Returns the correct line for one that rjsonnet gives without a column; "" if it is ambiguous."""
        if not 1 <= line <= len(self._starts):
            return ""
        first, last = self._line(line)
        found = {self._location(first)[0], self._location(last)[0]}
        return f":{found.pop()}" if len(found) == 1 else ""


def from_rjsonnet(frame: str, texts: Mapping[str, str]) -> str:
    """Corrects a line of rjsonnet's stack trace.

    Args:
        frame: the line as rjsonnet reports it.
        texts: map of file, as stack traces name it, to text.

    Returns:
        The line with the correct location, or with its known part: file and line, or only the file.
    """
    match = _FRAME.match(frame)
    if not match or match["file"] not in texts:
        return frame
    text, line, column = _Text(texts[match["file"]]), int(match["line"]), int(match["column"])
    if match["last"] or not line or not column:
        return _line(match["file"], text.line(line), match["what"])
    return _line(match["file"], text.point(line, column, int(match["end"]) if match["end"] else None), match["what"])
