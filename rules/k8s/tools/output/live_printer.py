"""Printer for terminals: lines, and a tree that is redrawn while the run waits."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from rules.common.control_characters import strip_control_characters
from rules.k8s.tools.output.events import Event
from rules.k8s.tools.output.lines import line
from rules.k8s.tools.output.printers import PlainPrinter
from rules.k8s.tools.output.tree import fitted, layout, lines, wrapped

# Lines of the terminal that the tree does not use.
_FREE_LINES = 3


class LivePrinter(PlainPrinter):
    """Prints lines on a terminal, with the present tree below them while the run waits.

    Args:
        stdout: receives data.
        stderr: the terminal.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        super().__init__(stdout, stderr)
        self._title = ""
        self._states: Sequence[Event] = ()
        self._live: Any = None
        self._console: Any = None

    def show(self, event: Event) -> None:
        """Prints an event's line, above the tree if there is one."""
        text = line(event)
        if self._live and text is not None:
            self._live.console.print(strip_control_characters(text), markup=False, highlight=False, soft_wrap=True)
        else:
            super().show(event)

    def status(self, title: str, states: Sequence[Event]) -> None:
        """Prints the tree, in color if stdout is a terminal."""
        from rich.console import Console

        console, tree = Console(file=self.stdout, highlight=False), layout(title, states)
        console.print(_text(wrapped(tree, console.width) if console.is_terminal else lines(tree)), soft_wrap=True)

    def begin(self, title: str) -> None:
        """Starts drawing the tree."""
        # Importing rich takes 60 ms, and only a run that waits needs it.
        from rich.console import Console
        from rich.live import Live

        super().begin(title)
        self._title, self._states = title, ()
        self._console = Console(file=self.stream)
        self._live = Live(get_renderable=self._draw, console=self._console, refresh_per_second=8, transient=True)
        self._live.start()

    def progress(self, states: Sequence[Event]) -> None:
        """Sets the state that the next refresh draws."""
        self._states = states

    def end(self) -> None:
        """Removes the tree from the screen."""
        live, self._live = self._live, None
        live.stop()

    def _draw(self) -> Any:
        elapsed = time.monotonic() - self._begun
        tree = layout(self._title, self._states, elapsed)
        # Also the last frame must fit: Live removes as many lines as it drew, and cannot remove those that have left the screen.
        height = max(self._console.height - _FREE_LINES, 1)
        whole = list(wrapped(tree, self._console.width))
        if len(whole) <= height:
            return _text(whole)
        if sum(1 for _ in lines(tree)) > height:
            tree = layout(self._title, self._states, elapsed, all_ready=False)
        return _text(fitted(tree, height))


def _text(rows: Iterable[tuple[str, str, str]]) -> Any:
    """Returns the lines of a tree as rich text."""
    from rich.text import Text

    return Text("\n", no_wrap=True, overflow="ellipsis").join(
        [Text.assemble((before, "dim"), (strip_control_characters(text), style)) for before, text, style in rows]
    )
