"""In which order targets are written and deleted: the graph of the services, as BUILD files give it.

Pure functions and one class without I/O; transaction.py and removal.py ask it what may be done next.
"""

from __future__ import annotations

from typing import Iterable, Mapping

Graph = Mapping[str, Iterable[str]]
"""Label of a target → labels of the targets that it depends on. Labels that are no key are not part of the run."""


def closure_of(graph: Graph, label: str) -> set[str]:
    """Returns everything that a target depends on, directly or not, itself excluded."""
    found: set[str] = set()
    todo = [label]
    while todo:
        for dep in graph.get(todo.pop(), ()):
            if dep in graph and dep not in found:
                found.add(dep)
                todo.append(dep)
    found.discard(label)
    return found


def reversed_graph(graph: Graph) -> dict[str, set[str]]:
    """Returns the graph in which every target has its dependents: the order in which things are deleted."""
    result: dict[str, set[str]] = {label: set() for label in graph}
    for label, deps in graph.items():
        for dep in deps:
            if dep in result and dep != label:
                result[dep].add(label)
    return result


class Order:
    """Which targets may be written now.

    Args:
        graph: the targets of a run.
        changing: those of which something is written. A dependency of one of them has to be ready before; where
            nothing changes, nothing is waited for.

    A target starts once all that it depends on is ready, and starts once.

    Attributes:
        needed: the targets that others wait for.
    """

    def __init__(self, graph: Graph, changing: Iterable[str]):
        self._waits = {label: closure_of(graph, label) for label in changing}
        self.needed: set[str] = set().union(*self._waits.values()) if self._waits else set()
        self._started: set[str] = set()
        self._written: set[str] = {label for label in graph if label not in self._waits}
        self._ready: set[str] = set()

    def startable(self) -> list[str]:
        """Returns the targets that may be written now, each only once."""
        found = [label for label, deps in self._waits.items() if label not in self._started and deps <= self._ready]
        self._started.update(found)
        return found

    def written(self, label: str) -> None:
        """Takes note that everything of a target was written."""
        self._written.add(label)

    def to_watch(self) -> set[str]:
        """Returns the written targets that others wait for and that are not ready yet."""
        blocked = [self._waits[label] for label in self._waits if label not in self._started]
        return (set().union(*blocked) if blocked else set()) & self._written - self._ready

    def ready(self, label: str) -> None:
        """Takes note that a target is ready."""
        self._ready.add(label)

    @property
    def done(self) -> bool:
        """Whether every target was written."""
        return self._waits.keys() <= self._written

    def waiting(self) -> dict[str, set[str]]:
        """Returns the targets that have not started, and what each still waits for."""
        return {label: deps - self._ready for label, deps in self._waits.items() if label not in self._started}
