"""Tree of a stack: which service waits for which, down to the object, the pod and its reason.

`layout` returns the tree as nodes, and `lines` returns nodes as text. LivePrinter redraws
them on a terminal while a run waits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.output.events import Event
from rules.k8s.tools.output.lines import display_name, object_name


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
