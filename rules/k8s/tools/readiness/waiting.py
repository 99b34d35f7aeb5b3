"""Waiting until a closure is ready, and saying meanwhile what waits for what; and how far it is right now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Iterable

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.kinds import READY_WHEN_WRITTEN
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.output.reporter import Reporter
from rules.k8s.tools.readiness.follower import Follower

if TYPE_CHECKING:
    pass

# So long the first look may take, also when it begins just before the deadline.
_LOOK_SECONDS = 5.0






def wait_ready(client: Client, plan: Plan, items: Iterable[Item], seconds: float, report: Reporter, *, since: float) -> None:
    """Waits until every object that was just applied is ready.

    Args:
        client: the API server.
        plan: the closure.
        items: its objects.
        seconds: how long at most.
        report: told of the state of every target, and why an object is stuck.
        since: when (time.monotonic()) that time began.

    Raises:
        TurnupError: the deadline has passed, or an object has failed for good; the
            sentence names what is not ready and why.
    """
    wait_for(client, plan, [item for item in items if (item.identity.group, item.identity.kind) not in READY_WHEN_WRITTEN], seconds, report, since)


def wait_for(client: Client, plan: Plan, items: list[Item], seconds: float, report: Reporter, since: float) -> None:
    if not items:
        return
    latest = max(since + seconds, time.monotonic() + min(seconds, _LOOK_SECONDS))
    with Follower(client, plan, items, report) as following:
        while True:
            parts = following.look()
            if parts is not None and not any(part.waiting for part in parts):
                return
            deadline = latest if parts is None else since + seconds
            if time.monotonic() > deadline:
                raise TurnupError(following.too_late(parts, seconds))
            following.pause(min(1.0, max(0.01, deadline - time.monotonic())))
