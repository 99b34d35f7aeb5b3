"""Step: wait for the API server to take requests."""

from __future__ import annotations

from cluster.embedded.api import wait_for
from cluster.embedded.context import Context

TITLE = "Waiting for the API server"

_TIMEOUT = 90.0


def execute(context: Context) -> None:
    """Returns when /readyz says ok; raises ClusterError when it does not in time."""

    def look() -> object:
        context.check_background()
        return context.api.request("GET", "/readyz")

    wait_for("the API server's readiness", look, _TIMEOUT, f"see `turnup cluster logs --name {context.cluster.name} kube-apiserver`")
