"""Step: wait until cluster DNS answers on its Service address, from every node."""

from __future__ import annotations

from cluster.embedded.components import CLUSTER_READY, NODEINIT
from cluster.embedded.context import Context
from cluster.embedded.machine import enter, mark

TITLE = "Waiting for cluster DNS"

_TIMEOUT = "90s"


def execute(context: Context) -> None:
    """Returns when a query from each node was answered; raises ClusterError when not in time."""
    layout = context.cluster.layout
    query = [f"{NODEINIT}/nodeinit", "resolve", f"kubernetes.default.svc.{layout.dns_domain}", f"{layout.dns_service}:53", _TIMEOUT]

    def ask(pid: int) -> None:
        context.runner.run([*enter(pid), *query])

    for work in [context.pool.submit(ask, pid) for pid in context.pids.values()]:
        work.result()
    for pid in context.pids.values():
        mark(pid, CLUSTER_READY)
