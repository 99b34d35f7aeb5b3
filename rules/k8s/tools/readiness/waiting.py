"""Waiting until the objects of a closure are ready."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.output.reporter import Reporter
from rules.k8s.tools.readiness.closure_state import is_ready_when_written
from rules.k8s.tools.readiness.cluster_facts import ClusterFacts
from rules.k8s.tools.readiness.follower import Follower

# How long the first state may take, even if it starts just before the deadline.
_FIRST_STATE_SECONDS = 5.0


def wait_ready(client: Client, plan: Plan, items: Iterable[Item], seconds: float, report: Reporter, *, since: float) -> None:
    """Waits until every object that was just applied is ready. Kinds that are ready once written are not watched.

    Args:
        client: client of the API server.
        plan: the plan of the closure.
        items: its objects.
        seconds: the longest time to wait.
        report: receives the state of every target, and the explanations of stuck objects.
        since: when (time.monotonic()) the time began.

    Raises:
        TurnupError: the deadline has passed, or an object has failed permanently. The
            message names what is not ready, and why.
    """
    items = list(items)
    if not all(is_ready_when_written(item) for item in items):
        _follow(Follower(client, plan, items, report, written=[item.identity for item in items]), seconds, since)


def wait_for(client: Client, plan: Plan, items: list[Item], seconds: float, report: Reporter, since: float, facts: ClusterFacts) -> None:
    """Waits until every item exists and is ready, with the errors of wait_ready; `facts` is what else their state depends on."""
    if items:
        _follow(Follower(client, plan, items, report, facts=facts), seconds, since)


def _follow(opened: Follower, seconds: float, since: float) -> None:
    latest = max(since + seconds, time.monotonic() + min(seconds, _FIRST_STATE_SECONDS))
    with opened as follower:
        while True:
            targets = follower.report_state()
            if targets is not None and not any(target.waiting for target in targets):
                return
            deadline = latest if targets is None else since + seconds
            if time.monotonic() > deadline:
                raise TurnupError(follower.deadline_message(targets, seconds))
            follower.pause(min(1.0, max(0.01, deadline - time.monotonic())))
