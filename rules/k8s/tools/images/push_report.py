"""The progress of a push."""

from __future__ import annotations

import time
from typing import Callable, TextIO

_REDRAW_SECONDS = 0.1


class PushReport:
    """Prints the steps of a push as lines, on a terminal also as a line with the number of bytes.

    Args:
        say: prints a line that stays.
        stream: shows the line with the number of bytes if it is a terminal.
    """

    def __init__(self, say: Callable[[str], None], stream: TextIO):
        self._say = say
        self._stream = stream if stream.isatty() else None
        self._sent: dict[str, int] = {}
        self._drawn = 0.0

    def step(self, state: str, repository: str, digest: str, sent: int) -> None:
        """Reports one step; the arguments are the fields of rules/image's Progress."""
        if state == "pushed":
            self.say(f"  pushed      {repository}")
        elif state in ("uploading", "uploaded"):
            self._sent[digest] = sent
            now = time.monotonic()
            if self._stream and now - self._drawn > _REDRAW_SECONDS:
                self._drawn = now
                print(f"\r  pushing     {sum(self._sent.values()) / 1e6:.1f} MB", end="", file=self._stream, flush=True)

    def say(self, text: str) -> None:
        """Prints a line that stays, in place of the line with the number of bytes."""
        self._clear()
        self._say(text)

    def _clear(self) -> None:
        if self._stream and self._drawn:
            print("\r\x1b[K", end="", file=self._stream)
