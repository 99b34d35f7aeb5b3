"""Step: wait until cluster DNS answers every node at its Service address."""

from __future__ import annotations

from cluster.embedded.nodes.components import CLUSTER_READY, NODEINIT
from cluster.embedded.nodes.machine import enter, mark
from cluster.embedded.steps.context import Context

TITLE = "Waiting for cluster DNS"

_TIMEOUT = "90s"


def execute(context: Context) -> None:
    """Waits until a query from each node is answered.

    Raises:
        ClusterError: a query is not answered in time.
    """
    layout = context.cluster.layout
    query = [f"{NODEINIT}/nodeinit", "resolve", f"kubernetes.default.svc.{layout.dns_domain}", f"{layout.dns_service}:53", _TIMEOUT]

    def ask(pid: int) -> None:
        context.runner.run([*enter(pid), *query])

    for work in [context.pool.submit(ask, pid) for pid in context.pids.values()]:
        work.result()
    for pid in context.pids.values():
        mark(pid, CLUSTER_READY)
