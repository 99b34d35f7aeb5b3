"""Step: wait for the API server to take requests, then let those start who need it."""

from __future__ import annotations

from cluster.embedded.api import wait_for
from cluster.embedded.components import API_READY
from cluster.embedded.context import Context
from cluster.embedded.machine import mark

TITLE = "Waiting for the API server"

_TIMEOUT = 90.0


def execute(context: Context) -> None:
    """Returns when /readyz says ok; raises ClusterError when it does not in time."""

    def look() -> object:
        context.check_background()
        return context.api.request("GET", "/readyz")

    wait_for("the API server's readiness", look, _TIMEOUT, f"see `./turnup cluster logs --name {context.cluster.name} kube-apiserver`")
    for pid in context.pids.values():
        mark(pid, API_READY)
