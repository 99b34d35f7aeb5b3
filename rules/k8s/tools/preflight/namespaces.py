"""Check of the namespaces that a run needs: each exists, is created by the run, or finishes terminating in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor

from rules.k8s.tools.api.api_errors import missing_namespace_sentence
from rules.k8s.tools.api.client import METADATA_ONLY, Client
from rules.k8s.tools.api.finalizers import read_finalizers
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.errors import ApiError, TurnupError

# How long a run waits for terminating namespaces.
_TERMINATING_SECONDS = 60.0


def check_namespaces(client: Client, items: Iterable[Item], executor: Executor, note: Callable[[str], None]) -> None:
    """Checks that every namespace that the items need exists or is among them, before anything is sent.

    Waits for terminating namespaces: nothing can be created in them, and changes would be lost. An account that may not
    read namespaces learns about a missing one from the first write.

    Args:
        client: client of the API server.
        items: the items of the run.
        executor: runs requests in parallel.
        note: receives a line that names the terminating namespaces, if any.

    Raises:
        TurnupError: a namespace is missing, or does not finish terminating in time.
    """
    items = list(items)
    own = {item.identity.name: item for item in items if item.identity.kind == "Namespace" and not item.identity.group}
    needed = own | {item.identity.namespace: item for item in items if item.identity.namespace not in ("", *own)}

    def state(name: str) -> str:
        try:
            live = client.get_or_none(f"/api/v1/namespaces/{name}", accept=METADATA_ONLY)
        except ApiError:
            return ""
        if live is None:
            return "missing"
        return "terminating" if live["metadata"].get("deletionTimestamp") else ""

    states = dict(zip(needed, executor.map(state, needed), strict=True))
    deadline, pause, noted = time.monotonic() + _TERMINATING_SECONDS, 0.1, False
    while terminating := [name for name, found in states.items() if found == "terminating"]:
        if time.monotonic() > deadline:
            item = needed[terminating[0]]
            finalizers = read_finalizers(client, f"/api/v1/namespaces/{terminating[0]}")
            raise TurnupError(
                f"{item.label}: {item.identity}: the namespace {terminating[0]!r} is still terminating after "
                f"{format_duration(_TERMINATING_SECONDS)}{f' ({finalizers})' if finalizers else ''}; nothing was written. Find out "
                "what its finalizers wait for, and run the command again."
            )
        if not noted:
            note(f"waiting until {', '.join(terminating)} {'is' if len(terminating) == 1 else 'are'} gone: terminating")
            noted = True
        time.sleep(pause)
        pause = min(1.0, pause * 2)
        states |= zip(terminating, executor.map(state, terminating), strict=True)
    for name, item in needed.items():
        if states[name] == "missing" and name not in own:
            raise TurnupError(f"{item.label}: {item.identity}: {missing_namespace_sentence(name)}")
