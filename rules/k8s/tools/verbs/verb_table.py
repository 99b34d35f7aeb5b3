"""The table of verbs: the options of each and the function that implements it.

To add a verb, write its module in this folder or in pod_verbs, with a function `execute`, and add an entry here, what Bazel builds for it to
rules/k8s/private/launching.bzl, and a row to rules/k8s/README.md. A test compares the three.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Verb:
    """One verb. The function `execute` of its module implements it.

    `execute` gets the run and, unless the verb is local, the client, the items and the executor, and returns the exit code.

    Attributes:
        name: as in NAME.VERB.
        options: names of its options beyond those that every verb has.
        local: it needs no cluster.
        pins: it refuses to run if an image has no pin.
        objects: it acts on the objects of the plan; otherwise it gets no items.
        writes: it changes the cluster, so it continues even if the reader of its output closes the pipe.
        conditions: it leaves out what this cluster must not get (see conditions.py).
        failed: the exit code of every error; None for the error's own.
        command: what follows its options is a command, which has stdout for itself.
        module: the module that implements it; "" for the one of its name.
        folder: the module's folder.
    """

    name: str
    options: tuple[str, ...] = ()
    local: bool = False
    pins: bool = False
    objects: bool = True
    writes: bool = False
    conditions: bool = False
    failed: int | None = None
    command: bool = False
    module: str = ""
    folder: str = "verbs"

    def load(self) -> Callable[..., int]:
        """Returns the function that implements it.

        A run imports it while its first requests are under way, because importing takes as long as they do.
        """
        execute: Callable[..., int] = importlib.import_module(f"rules.k8s.tools.{self.folder}.{self.module or self.name}").execute
        return execute


_WRITES = ("wait", "order", "no-wait")

_TABLE = (
    Verb("show", local=True),
    Verb("create", _WRITES, pins=True, writes=True, conditions=True, module="apply"),
    Verb("apply", (*_WRITES, "force-conflicts", "adopt", "prune", "delete-data", "moved-from"), pins=True, writes=True, conditions=True),
    Verb("replace", _WRITES, pins=True, writes=True, conditions=True, module="apply"),
    Verb("rollback", (*_WRITES, "force-conflicts", "delete-data", "to", "list"), objects=False, writes=True),
    Verb("delete", ("wait", "no-wait", "delete-data", "moved-from"), writes=True),
    # 1 means that something would change: errors need another exit code.
    Verb("diff", ("force-conflicts", "adopt", "prune", "delete-data", "moved-from"), conditions=True, failed=2),
    Verb("describe"),
    Verb("status", conditions=True),
    Verb("wait", ("timeout",), conditions=True),
    Verb("logs", ("follow", "since", "tail"), folder="pod_verbs"),
    Verb("forward", ("port",), folder="pod_verbs"),
    Verb("exec", ("service", "pod", "container", "stdin", "tty", "debug", "image"), command=True, folder="pod_verbs"),
    Verb("restart", ("wait",), writes=True, folder="pod_verbs"),
    Verb("trigger", ("wait", "name"), writes=True, folder="pod_verbs"),
    Verb("graph", ("format",), local=True),
)

VERBS = {verb.name: verb for verb in _TABLE}


def verbs_with(option: str) -> list[str]:
    """Returns the names of the verbs that have an option of their own by that name."""
    return [verb.name for verb in _TABLE if option in verb.options]
