"""The output of a push while it runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TextIO

_REDRAW_SECONDS = 0.1


class PushReport:
    """Prints a line per pushed image; on a terminal also a line that counts the sent bytes.

    Args:
        say: prints a line that stays.
        stream: the stream of the counting line, which is drawn only on a terminal.
    """

    def __init__(self, say: Callable[[str], None], stream: TextIO) -> None:
        self._say = say
        self._stream = stream if stream.isatty() else None
        self._sent: dict[str, int] = {}
        self._drawn = 0.0

    def step(self, state: str, repository: str, digest: str, sent: int, _size: int) -> None:
        """Takes one step of a push; see Progress in rules/image/tools/push/push.py."""
        if state == "pushed":
            self.say(f"  pushed      {repository}")
        elif state in ("uploading", "uploaded"):
            self._sent[digest] = sent
            now = time.monotonic()
            if self._stream and now - self._drawn > _REDRAW_SECONDS:
                self._drawn = now
                print(f"\r  pushing     {sum(self._sent.values()) / 1e6:.1f} MB", end="", file=self._stream, flush=True)

    def say(self, text: str) -> None:
        """Prints a line that stays instead of the counting one."""
        self._clear()
        self._say(text)

    def _clear(self) -> None:
        if self._stream and self._drawn:
            print("\r\x1b[K", end="", file=self._stream)
