"""Places in stacks: one unit for all engines, and what rjsonnet says wrongly put right.

A place is `file:line:column`, with `-column` or `-line:column` where a range is known. Lines and columns count from 1, a
column is a character (a Unicode code point), and the end is the column after the last character. go-jsonnet and the
reference implementation count bytes.

rjsonnet knows byte offsets, and looks for them as if they were numbers of characters. So a place that it gives is that
of a character whose number is a byte offset: before the first character that is not ASCII it is right, after it the
offset can be had back, and one beyond the last character has no place (`0:0`). Its end is one column too far, and of a
range of several lines it gives only the first line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_FRAME = re.compile(
    r"^ {4}(?P<file><[^>\n]*>|[^:<>]+):(?P<line>\d+):(?P<column>\d+)(?:-(?:(?P<last>\d+):)?(?P<end>\d+))?(?::? +(?P<what>.*)|:?$)",
    re.DOTALL,
)
# A frame of which `from_rjsonnet` could not find the column.
_LOST = re.compile(r"^ {4}(?:<(?:extvar|top-level-arg):[^>]*>|[^:<>]+)(?::\d+)?: ")


def _told(file: str, place: str, what: str | None) -> str:
    """Returns a stack line."""
    return f"    {file}{place}{f': {what}' if what else ''}"


def lost(frame: str) -> bool:
    """Says whether a stack line names a file without line and column."""
    return _LOST.match(frame) is not None


def from_bytes(frame: str, texts: Mapping[str, str]) -> str:
    """Puts a stack line whose columns are bytes right.

    Args:
        frame: The line, with `file:line:column`.
        texts: File, as stacks name it, -> its text.

    Returns:
        The line with columns in characters; any other line as it is, but for the colon after a place.
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

    place = f":{match['line']}:{column(match['line'], match['column'])}"
    if match["end"]:
        end = column(match["last"] or match["line"], match["end"])
        place += f"-{match['last']}:{end}" if match["last"] else f"-{end}"
    return _told(match["file"], place, match["what"])


def position(content: bytes, offset: int) -> tuple[int, int]:
    """Returns line and column of a byte offset in a UTF-8 text."""
    before = content[:offset].decode(errors="ignore")
    return before.count("\n") + 1, len(before) - before.rfind("\n")


class _Text:
    """A file's text, with what turns rjsonnet's places into the right ones."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._bytes = text.encode()
        self._starts = [0, *(i + 1 for i, character in enumerate(text) if character == "\n")]

    def _line(self, line: int) -> tuple[int, int]:
        """Returns the numbers of a line's first character and of its end."""
        following = self._starts[line] - 1 if line < len(self._starts) else len(self._text)
        return self._starts[line - 1], following

    def _place(self, offset: int) -> tuple[int, int]:
        """Returns line and column of a byte offset."""
        return position(self._bytes, offset)

    def _offset(self, line: int, column: int) -> int:
        """Returns the byte offset that rjsonnet meant; the end of the text is the one that it finds behind its last character."""
        number = self._line(line)[0] + column - 1
        return len(self._bytes) if number >= len(self._text) else number

    def point(self, line: int, column: int, end: int | None) -> str:
        """Returns the right place for one that rjsonnet gives within a line."""
        first = self._place(self._offset(line, column))
        if end is None:
            return f":{first[0]}:{first[1]}"
        last = self._place(self._offset(line, end - 1))
        if last[0] != first[0]:
            return f":{first[0]}:{first[1]}-{last[0]}:{last[1]}"
        return f":{first[0]}:{first[1]}" + (f"-{last[1]}" if last[1] > first[1] else "")

    def line(self, line: int) -> str:
        """Returns the right line, if there is only one, for one that rjsonnet gives without a column."""
        if not 1 <= line <= len(self._starts):
            return ""
        first, last = self._line(line)
        found = {self._place(first)[0], self._place(last)[0]}
        return f":{found.pop()}" if len(found) == 1 else ""


def from_rjsonnet(frame: str, texts: Mapping[str, str]) -> str:
    """Puts a stack line of rjsonnet right.

    Args:
        frame: The line as rjsonnet has it.
        texts: File, as stacks name it, -> its text.

    Returns:
        The line with the right place, or with what is known of it: the line, or nothing behind the file.
    """
    match = _FRAME.match(frame)
    if not match or match["file"] not in texts:
        return frame
    text, line, column = _Text(texts[match["file"]]), int(match["line"]), int(match["column"])
    if match["last"] or not line or not column:
        return _told(match["file"], text.line(line), match["what"])
    return _told(match["file"], text.point(line, column, int(match["end"]) if match["end"] else None), match["what"])
