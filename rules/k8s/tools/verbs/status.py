"""`.status`: prints which objects of a closure are ready right now."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.informer import Informer
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.output.events import held, state
from rules.k8s.tools.readiness.capabilities import find_missing
from rules.k8s.tools.readiness.closure_state import ClosureState, collections_of, pods_with_messages
from rules.k8s.tools.readiness.cluster_facts import ClusterFacts
from rules.k8s.tools.stack.listing import members_of_stack

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


def execute(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Prints what is ready, what waits, and for what; returns 0 if everything is ready, else 1."""
    informer = Informer(client, collections_of(items))
    informer.snapshot(executor)
    facts = ClusterFacts(client, members_of_stack(client, run.plan, items))
    parts = ClosureState(run.plan, items, informer, facts).states()
    if words := pods_with_messages(parts):
        from rules.k8s.tools.readiness.live_secrets import LiveSecrets

        LiveSecrets(client, run.plan.objects, run.report.learn).learn(words)
    run.report.status(run.plan.label, map(state, parts))
    for part in parts:
        for obj in part.held:
            run.report.emit(held(part, obj))
    for missing in find_missing(client, items, executor):
        run.report.note(missing.note)
    return 1 if any(part.waiting for part in parts) else 0
