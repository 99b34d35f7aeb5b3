"""The printer for terminals: lines, and a tree that is redrawn while the run waits."""

from __future__ import annotations

import time
from typing import Any, Sequence, TextIO

from rules.k8s.tools.output.events import Event
from rules.k8s.tools.output.lines import line, safe
from rules.k8s.tools.output.printers import PlainPrinter
from rules.k8s.tools.output.tree import Node, layout, lines

# Lines of the terminal that the tree leaves free.
_SPARE_LINES = 3


class LivePrinter(PlainPrinter):
    """Lines on a terminal, and below them, while the run waits, the tree as it is now.

    Args:
        stdout: data goes here.
        stderr: the terminal.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO):
        super().__init__(stdout, stderr)
        self._title = ""
        self._states: Sequence[Event] = ()
        self._live: Any = None

    def show(self, event: Event) -> None:
        """Writes an event's line, above the tree while there is one."""
        text = line(event)
        if self._live and text is not None:
            self._live.console.print(safe(text), markup=False, highlight=False, soft_wrap=True)
        else:
            super().show(event)

    def status(self, title: str, states: Sequence[Event]) -> None:
        """Writes the tree, in colour where stdout is a terminal."""
        from rich.console import Console

        Console(file=self.stdout, highlight=False).print(_text(layout(title, states)), soft_wrap=True)

    def begin(self, title: str) -> None:
        """Starts drawing."""
        # rich costs 60 ms to import, and a run that does not wait never needs it.
        from rich.console import Console
        from rich.live import Live

        super().begin(title)
        self._title, self._states = title, ()
        self._live = Live(get_renderable=self._draw, console=Console(file=self.stream), refresh_per_second=8, transient=True)
        self._live.start()

    def progress(self, states: Sequence[Event]) -> None:
        """Takes the present state; it is drawn at the next refresh."""
        self._states = states

    def end(self) -> None:
        """Takes the tree off the screen."""
        live, self._live = self._live, None
        live.stop()

    def _draw(self) -> Any:
        elapsed = time.monotonic() - self._begun
        tree = layout(self._title, self._states, elapsed)
        height = self._live.console.height if self._live else 0
        if height and sum(1 for _ in lines(tree)) > height - _SPARE_LINES:
            tree = layout(self._title, self._states, elapsed, all_ready=False)
        return _text(tree)


def _text(tree: Node) -> Any:
    """Returns a tree as rich draws it."""
    from rich.text import Text

    return Text("\n", no_wrap=True, overflow="ellipsis").join(
        [Text.assemble((before, "dim"), (safe(text), style)) for before, text, style in lines(tree)])
