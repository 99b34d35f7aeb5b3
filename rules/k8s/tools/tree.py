"""A live tree on a terminal: which service waits for which, down to the pod and its reason."""

from __future__ import annotations

import time
from typing import Any, TextIO

from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.waiting import Part, Waiting


class LiveTree:
    """Draws parts as a tree while waiting; a context manager.

    Args:
        title: the target that was run.
        stream: the terminal.
    """

    def __init__(self, title: str, stream: TextIO):
        # rich costs 60 ms to import, and a piped run never needs it.
        from rich.console import Console
        from rich.live import Live

        self._title = title
        self._started = time.monotonic()
        self._parts: list[Part] = []
        self._console = Console(file=stream)
        self._live = Live(get_renderable=self._draw, console=self._console, refresh_per_second=8, transient=True)

    def __enter__(self) -> LiveTree:
        self._live.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._live.__exit__(*details)

    def update(self, parts: list[Part]) -> None:
        """Takes the present state; it is drawn at the next refresh."""
        self._parts = parts

    def explain(self, text: str) -> None:
        """Prints a line above the tree, where it stays."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _draw(self) -> Any:
        return draw(self._title, self._parts, time.monotonic() - self._started)


def draw(title: str, parts: list[Part], elapsed: float) -> Any:
    """Returns the tree: every root of the closure, below it what it depends on and what it waits for.

    Args:
        title: first line.
        parts: the closure, dependencies first.
        elapsed: seconds since waiting began.
    """
    from rich.text import Text
    from rich.tree import Tree

    by_label = {part.label: part for part in parts}
    depended_on = {dep for part in parts for dep in part.deps}
    done = sum(not part.waiting for part in parts)
    root = Tree(Text(f"{title}: {done} of {len(parts)} ready, {format_duration(elapsed)}", style="bold"))
    shown: set[str] = set()
    for part in reversed(parts):
        if part.label not in depended_on:
            _add(root, part, by_label, shown)
    return root


def _add(node: Any, part: Part, by_label: dict[str, Part], shown: set[str]) -> None:
    from rich.text import Text

    if part.label in shown:
        node.add(Text(f"{part.title} (above)", style="dim"))
        return
    shown.add(part.label)
    ready = not part.waiting
    branch = node.add(Text(("✓ " if ready else "… ") + part.title, style="green" if ready else "yellow"))
    for waiting in part.waiting:
        _add_object(branch, waiting)
    for dep in part.deps:
        if dep in by_label:
            _add(branch, by_label[dep], by_label, shown)


def _add_object(branch: Any, waiting: Waiting) -> None:
    from rich.text import Text

    style = "red" if waiting.state.failed else "yellow"
    leaf = branch.add(Text(f"{waiting.identity}: {waiting.state.reason}", style=style))
    for pod, reason in waiting.pods:
        leaf.add(Text(f"{pod['metadata']['name']}: {reason}", style="dim"))
