"""Waiting until a closure is ready, and saying meanwhile what waits for what; and how far it is right now."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Iterable

from rules.k8s.tools.client import Client
from rules.k8s.tools.closure_state import ClosureState, collections_of, quoted
from rules.k8s.tools.engine import Item
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.events import ready, state
from rules.k8s.tools.following import Following
from rules.k8s.tools.plan import Plan
from rules.k8s.tools.readiness import AT_ONCE
from rules.k8s.tools.reporting import Reporter
from rules.k8s.tools.watching import Mirror

if TYPE_CHECKING:
    from rules.k8s.tools.run import Run

# So long the first look may take, also when it begins just before the deadline.
_LOOK_SECONDS = 5.0


def wait_verb(run: Run, client: Client, items: list[Item], _: Executor) -> int:
    """Waits until everything that the plan names is there and ready; returns the exit code."""
    _wait(client, run.plan, items, run.options.timeout, run.report, time.monotonic())
    run.report.emit(ready(run.plan.label))
    return 0


def status_verb(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Says what is ready, what waits, and for what; returns 0 when all is ready, else 1."""
    mirror = Mirror(client, collections_of(items))
    mirror.snapshot(executor)
    parts = ClosureState(run.plan, items, mirror).parts()
    if words := quoted(parts):
        from rules.k8s.tools.live_secrets import LiveSecrets

        LiveSecrets(client, run.plan.objects, run.report.learn).learn(words)
    run.report.status(run.plan.label, map(state, parts))
    return 1 if any(part.waiting for part in parts) else 0


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
    _wait(client, plan, [item for item in items if (item.identity.group, item.identity.kind) not in AT_ONCE], seconds, report, since)


def _wait(client: Client, plan: Plan, items: list[Item], seconds: float, report: Reporter, since: float) -> None:
    if not items:
        return
    latest = max(since + seconds, time.monotonic() + min(seconds, _LOOK_SECONDS))
    with Following(client, plan, items, report) as following:
        while True:
            parts = following.look()
            if parts is not None and not any(part.waiting for part in parts):
                return
            deadline = latest if parts is None else since + seconds
            if time.monotonic() > deadline:
                raise TurnupError(following.too_late(parts, seconds))
            following.pause(min(1.0, max(0.01, deadline - time.monotonic())))
