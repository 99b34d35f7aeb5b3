"""`.describe`: prints the live state, conditions and events of every object."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, read_live
from rules.k8s.tools.masking.mask import Learn
from rules.k8s.tools.output import events
from rules.k8s.tools.output.render import describe as describe_object
from rules.k8s.tools.readiness.kube_events import list_events

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


def describe_items(client: Client, items: Iterable[Item], executor: Executor, learn: Learn) -> list[tuple[Item, str]]:
    """Returns every item with a description of its live state and events."""

    def one(item: Item) -> tuple[Item, str]:
        live = read_live(client, item)
        if live is None:
            return item, f"Name:         {item.identity.name}\nKind:         {item.identity.kind}\nNot in the cluster.\n"
        learn([live])
        if item.identity.kind == "Pod":  # Its events may quote its output.
            from rules.k8s.tools.readiness.live_secrets import LiveSecrets

            LiveSecrets(client, (), learn).learn([live])
        return item, describe_object(live, list_events(client, live))

    return list(executor.map(one, list(items)))


def execute(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Prints a description of every live object; returns the exit code."""
    for item, text in describe_items(client, items, executor, run.report.learn):
        run.report.emit(events.description(item, text))
    return 0
