"""Tree of a stack: which service waits for which, down to the object, the pod and its reason.

`layout` returns the tree as nodes, `lines` returns nodes as text, and `wrapped` returns them as
text that fits into a terminal. LivePrinter redraws them on a terminal while a run waits.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.output.events import Event
from rules.k8s.tools.output.lines import display_name, object_name

# A text is at least this wide, even beside so many branches that it does not fit into the terminal.
_NARROWEST = 20


@dataclass
class Node:
    """A line of the tree, with the nodes below it.

    Attributes:
        text: the text of the line.
        style: its style in rich.
        children: the nodes below it, in order.
    """

    text: str
    style: str = ""
    children: list[Node] = field(default_factory=list)


def layout(title: str, states: Sequence[Event], elapsed: float | None = None, *, all_ready: bool = True) -> Node:
    """Returns the tree: every root of the closure, and below it its dependencies and what it waits for.

    Args:
        title: the start of the first line.
        states: the state of every target of the closure, dependencies first.
        elapsed: seconds since the run began to wait; None to omit the time.
        all_ready: whether to show the targets that are ready, too.
    """
    by_label = {state["target"]: state for state in states}
    depended_on = {label for state in states for label in state["after"]}
    done = sum(state["ready"] for state in states)
    since = "" if elapsed is None else f", {format_duration(elapsed)}"
    root = Node(f"{title}: {done} of {len(states)} ready{since}", "bold")
    shown: set[str] = set()
    for state in reversed(states):
        if state["target"] not in depended_on:
            root.children += _target(state, by_label, shown, all_ready)
    return root


def _target(state: Event, by_label: dict[str, Event], shown: set[str], all_ready: bool) -> list[Node]:
    if state["target"] in shown:
        return [Node(f"{display_name(state)} (above)", "dim")] if all_ready or not state["ready"] else []
    shown.add(state["target"])
    below = [_object(waiting) for waiting in state["waiting"]]
    for label in state["after"]:
        below += _target(by_label[label], by_label, shown, all_ready)
    if state["ready"] and not all_ready:
        return below
    return [Node(("✓ " if state["ready"] else "… ") + display_name(state), "green" if state["ready"] else "yellow", below)]


def _object(waiting: dict[str, Any]) -> Node:
    pods = [Node(f"{pod['pod']}: {pod['reason']}", "dim") for pod in waiting["pods"]]
    return Node(f"{object_name(waiting['object'])}: {waiting['reason']}", "red" if waiting["failed"] else "yellow", pods)


def lines(node: Node) -> Iterator[tuple[str, str, str]]:
    """Yields (branches before the text, text, style) for each line of a tree."""
    yield "", node.text, node.style
    yield from _below(node, "")


def _below(node: Node, before: str) -> Iterator[tuple[str, str, str]]:
    for index, child in enumerate(node.children):
        last = index + 1 == len(node.children)
        yield before + ("└── " if last else "├── "), child.text, child.style
        yield from _below(child, before + ("    " if last else "│   "))


def wrapped(node: Node, width: int) -> Iterator[tuple[str, str, str]]:
    """Yields the lines of a tree as `lines` does; a text that is too long continues on the next line, beside its branches.

    Args:
        node: the root of the tree.
        width: columns of the terminal.
    """
    rows = list(lines(node))
    following = [before for before, _, _ in rows[1:]] + [""]
    for (before, text, style), after in zip(rows, following, strict=True):
        # A branch that goes on below the text goes on beside it, too.
        beside = before.replace("├── ", "│   ").replace("└── ", "    ") + ("│   " if len(after) > len(before) else "")
        parts = textwrap.wrap(text, max(width - len(beside), _NARROWEST), break_on_hyphens=False) or [""]
        yield before, parts[0], style
        for part in parts[1:]:
            yield beside, part, style


def fitted(root: Node, height: int) -> list[tuple[str, str, str]]:
    """Returns the lines of a tree, cut to a number of lines; the last one then says how many are missing."""
    rows = list(lines(root))
    if len(rows) <= height:
        return rows
    kept = max(height - 1, 1)
    return [*rows[:kept], ("", f"… {len(rows) - kept} more lines", "dim")]
