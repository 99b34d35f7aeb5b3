"""`.wait`: waits until a closure is ready."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.output.events import ready
from rules.k8s.tools.readiness.cluster_facts import ClusterFacts
from rules.k8s.tools.readiness.waiting import wait_for
from rules.k8s.tools.stack.listing import members_of_stack

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


def execute(run: Run, client: Client, items: list[Item], _: Executor) -> int:
    """Waits until everything in the plan exists and is ready; returns the exit code."""
    facts = ClusterFacts(client, members_of_stack(client, run.plan, items))
    wait_for(client, run.plan, items, run.options.timeout, run.report, time.monotonic(), facts)
    run.report.emit(ready(run.plan.label))
    return 0
