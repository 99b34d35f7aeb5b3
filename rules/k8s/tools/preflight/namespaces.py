"""Checks that every namespace that a run needs exists, is made by the run, or stops terminating in time."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from typing import Callable, Iterable

from rules.k8s.tools.api.api_errors import missing_namespace
from rules.k8s.tools.api.client import METADATA_ONLY, Client
from rules.k8s.tools.api.finalizers import finalizers_sentence
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.errors import ApiError, TurnupError

# So long a run waits for namespaces that are being deleted.
_TERMINATING_SECONDS = 60.0


def check_namespaces(client: Client, items: Iterable[Item], executor: Executor, say: Callable[[str], None]) -> None:
    """Checks that every namespace that the items need is there or among them, before anything is sent.

    Those that are being deleted are waited for: nothing can be made in them, and what is changed goes with them. A user
    who may not read namespaces learns of a missing one when it is used.

    Args:
        client: the API server.
        items: the objects.
        executor: for asking in parallel.
        say: writes a line of progress.

    Raises:
        TurnupError: naming the namespace and the command that makes it, or that it does not come to its end.
    """
    items = list(items)
    own = {item.identity.name: item for item in items if item.identity.kind == "Namespace" and not item.identity.group}
    needed = own | {item.identity.namespace: item for item in items if item.identity.namespace not in ("", *own)}

    def look(name: str) -> str:
        try:
            live = client.request("GET", f"/api/v1/namespaces/{name}", accept=METADATA_ONLY)[1]
        except ApiError as error:
            return "missing" if error.status == 404 else ""
        return "terminating" if live["metadata"].get("deletionTimestamp") else ""

    states = dict(zip(needed, executor.map(look, needed)))
    deadline, pause, said = time.monotonic() + _TERMINATING_SECONDS, 0.1, False
    while ending := [name for name, state in states.items() if state == "terminating"]:
        if time.monotonic() > deadline:
            item = needed[ending[0]]
            held = finalizers_sentence(client, f"/api/v1/namespaces/{ending[0]}")
            raise TurnupError(f"{item.label}: {item.identity}: the namespace {ending[0]!r} is being deleted and still there after "
                              f"{format_duration(_TERMINATING_SECONDS)}{f' ({held})' if held else ''}; nothing was written. Look at what its "
                              "finalizers wait for, and run it again.")
        if not said:
            say(f"waiting for the end of {', '.join(ending)}: {'it is' if len(ending) == 1 else 'they are'} being deleted")
            said = True
        time.sleep(pause)
        pause = min(1.0, pause * 2)
        states |= zip(ending, executor.map(look, ending))
    for name, item in needed.items():
        if states[name] == "missing" and name not in own:
            raise TurnupError(f"{item.label}: {item.identity}: {missing_namespace(name)}")
