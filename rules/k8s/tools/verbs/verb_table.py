"""The table of verbs: the options of each and the function that implements it.

To add a verb, add an entry here, what Bazel builds for it to rules/k8s/private/launching.bzl, and a row to
rules/k8s/README.md. A test compares the three.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Callable


@dataclass(frozen=True)
class Verb:
    """One verb.

    Attributes:
        does: the function that implements it, as MODULE:FUNCTION of this folder. It is imported while the first
            requests are under way, because importing takes as long as they do. It gets the run and, unless
            the verb is local, the client, the items and the executor, and returns the exit code.
        options: names of its options beyond those that every verb has.
        local: it needs no cluster.
        pins: it refuses to run if an image has no pin.
        objects: it acts on the objects of the plan; otherwise it gets no items.
        writes: it changes the cluster, so it continues even if the reader of its output closes the pipe.
        conditions: it leaves out what this cluster must not get (see conditions.py).
        failed: the exit code of every error; None for the error's own.
    """

    does: str
    options: tuple[str, ...] = ()
    local: bool = False
    pins: bool = False
    objects: bool = True
    writes: bool = False
    conditions: bool = False
    failed: int | None = None

    def load(self) -> Callable[..., Any]:
        """Returns the function that implements it."""
        module, _, function = self.does.partition(":")
        return getattr(importlib.import_module(f"rules.k8s.tools.verbs.{module}"), function)


_WRITES = ("wait", "order", "no-wait")

VERBS: dict[str, Verb] = {
    "show": Verb("show:show", local=True),
    "create": Verb("apply:write", _WRITES, pins=True, writes=True, conditions=True),
    "apply": Verb("apply:write", (*_WRITES, "force-conflicts", "adopt", "prune", "delete-data", "moved-from"), pins=True, writes=True, conditions=True),
    "replace": Verb("apply:write", _WRITES, pins=True, writes=True, conditions=True),
    "rollback": Verb("rollback:roll_back", (*_WRITES, "force-conflicts", "delete-data", "to", "list"), objects=False, writes=True),
    "delete": Verb("delete:delete", ("wait", "no-wait", "delete-data", "moved-from"), writes=True),
    # 1 means that something would change: errors need another exit code.
    "diff": Verb("diff:diff", ("force-conflicts", "prune", "delete-data", "moved-from"), conditions=True, failed=2),
    "describe": Verb("describe:describe"),
    "status": Verb("status:status_verb", conditions=True),
    "wait": Verb("wait:wait_verb", ("timeout",), conditions=True),
    "logs": Verb("logs:logs_verb", ("follow", "since", "tail")),
    "forward": Verb("forward:forward_verb", ("port",)),
    "graph": Verb("graph:graph_verb", ("format",), local=True),
}
