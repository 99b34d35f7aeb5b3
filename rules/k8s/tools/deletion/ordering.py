"""The order in which targets are written and deleted, from the graph of services that BUILD files declare.

A build graph has no cycles, but what left a stack is ordered by a graph that the cluster keeps, which anybody with the right to
write ConfigMaps can change. Targets of a cycle do not wait for one another: they go together, after everything else that they
wait for.

Pure functions and one class without I/O; write_order.py and deletion.py ask it what to start next.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

Graph = Mapping[str, Iterable[str]]
"""Label of a target → labels of the targets that it depends on. Labels that are not a key are not part of the run."""


def closure_of(graph: Graph, label: str) -> set[str]:
    """Returns everything that a target depends on, directly or not, without the target itself."""
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
    """Returns the graph from every target to its dependents: the order of deletion."""
    result: dict[str, set[str]] = {label: set() for label in graph}
    for label, deps in graph.items():
        for dep in deps:
            if dep in result and dep != label:
                result[dep].add(label)
    return result


def _waits(graph: Graph, labels: Iterable[str]) -> dict[str, set[str]]:
    """Returns what each of some targets waits for: everything that it depends on, except the targets of its own cycle."""
    closures: dict[str, set[str]] = {}

    def closure(label: str) -> set[str]:
        if label not in closures:
            closures[label] = closure_of(graph, label)
        return closures[label]

    return {label: {dep for dep in closure(label) if label not in closure(dep)} for label in labels}


class DependencyOrder:
    """Tracks which targets of a run can start: each once, when everything that it depends on is ready.

    Args:
        graph: the targets of a run.
        changing: targets with something to write. Their dependencies must be ready before; targets that do not change
            wait for nothing.
        gates: the only dependencies that are waited for, directly or not; None for all.

    Attributes:
        needed: the targets that others wait for.
    """

    def __init__(self, graph: Graph, changing: Iterable[str], gates: Collection[str] | None = None) -> None:
        found = _waits(graph, changing)
        self._waits = {label: deps if gates is None else deps.intersection(gates) for label, deps in found.items()}
        self.needed: set[str] = set().union(*self._waits.values()) if self._waits else set()
        self._started: set[str] = set()
        self._written: set[str] = {label for label in graph if label not in self._waits}
        self._ready: set[str] = set()

    def take_startable(self) -> list[str]:
        """Returns the targets that can start now, and marks them as started: each is returned only once."""
        found = [label for label, deps in self._waits.items() if label not in self._started and deps <= self._ready]
        self._started.update(found)
        return found

    def mark_written(self, label: str) -> None:
        """Marks that everything of a target was written."""
        self._written.add(label)

    def to_watch(self) -> set[str]:
        """Returns the written targets that others wait for and that are not ready."""
        blocked = [self._waits[label] for label in self._waits if label not in self._started]
        return (set().union(*blocked) if blocked else set()) & self._written - self._ready

    def mark_ready(self, label: str) -> None:
        """Marks that a target is ready."""
        self._ready.add(label)

    @property
    def done(self) -> bool:
        """True once every target was written."""
        return self._waits.keys() <= self._written

    def waiting(self) -> dict[str, set[str]]:
        """Returns the targets that have not started, and what each still waits for."""
        return {label: deps - self._ready for label, deps in self._waits.items() if label not in self._started}
