"""Step: wait until the API server is ready, then let the programs start that need it."""

from __future__ import annotations

from cluster.embedded.api.client import wait_for
from cluster.embedded.nodes.components import API_READY
from cluster.embedded.nodes.machine import mark
from cluster.embedded.steps.context import Context

TITLE = "Waiting for the API server"

_TIMEOUT = 90.0


def execute(context: Context) -> None:
    """Waits until /readyz answers ok.

    Raises:
        ClusterError: it does not in time.
    """

    def look() -> object:
        context.check_background()
        return context.api.request("GET", "/readyz")

    wait_for("the API server is not ready", look, _TIMEOUT, f"see `./turnup cluster logs --name {context.cluster.name} kube-apiserver`")
    for pid in context.pids.values():
        mark(pid, API_READY)
