"""Progress of long commands: status on stderr, a line per step.

On a terminal the running step shows a spinner and its elapsed time; piped,
each step is one plain line when it begins and one when it ends.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

__all__ = ["LineProgress", "Progress", "SilentProgress", "TerminalProgress", "for_stream"]


class Progress(Protocol):
    """Where a command tells how far it is."""

    def step(self, title: str) -> "StepContext":
        """A context manager around one step: it ends well unless an exception leaves it."""
        ...

    def note(self, text: str) -> None:
        """One line for the user outside of any step."""
        ...


class StepContext(Protocol):
    """What `with progress.step(…)` needs."""

    def __enter__(self) -> object: ...

    def __exit__(self, *details: object) -> bool | None: ...


class SilentProgress:
    """Says nothing."""

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """See Progress.step."""
        yield

    def note(self, text: str) -> None:
        """See Progress.note."""


class LineProgress:
    """Plain lines, for logs and pipes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """See Progress.step."""
        self._line(f"{title} …")
        begin = time.monotonic()
        try:
            yield
        except BaseException:
            self._line(f"{title}: failed after {time.monotonic() - begin:.1f} s")
            raise
        self._line(f"{title}: done in {time.monotonic() - begin:.1f} s")

    def note(self, text: str) -> None:
        """See Progress.note."""
        self._line(text)


class TerminalProgress:
    """A spinner with elapsed time for the running step, `✓` or `✗` once it ended."""

    def __init__(self, stream: TextIO) -> None:
        # Imported here: rich takes 50 ms, which a piped command need not pay.
        from rich.console import Console

        self._console = Console(file=stream, highlight=False)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """See Progress.step."""
        from rich.live import Live
        from rich.spinner import Spinner
        from rich.text import Text

        begin = time.monotonic()
        spinner = Spinner("dots")

        def render() -> Spinner:
            spinner.update(text=Text(f"{title}  {time.monotonic() - begin:.1f} s"))
            return spinner

        mark, colour = "✗", "red"
        with Live(console=self._console, get_renderable=render, transient=True, refresh_per_second=10):
            try:
                yield
                mark, colour = "✓", "green"
            finally:
                elapsed = time.monotonic() - begin
                self._console.print(Text.assemble((mark, colour), f" {title}  {elapsed:.1f} s"))

    def note(self, text: str) -> None:
        """See Progress.note."""
        self._console.print(text, markup=False)


def for_stream(stream: TextIO = sys.stderr) -> Progress:
    """The progress that fits a stream: live on a terminal, lines elsewhere."""
    return TerminalProgress(stream) if stream.isatty() else LineProgress(stream)
