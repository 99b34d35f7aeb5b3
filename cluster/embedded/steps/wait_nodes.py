"""Step: wait until every node is Ready."""

from __future__ import annotations

from cluster.embedded.api import wait_for
from cluster.embedded.context import Context

TITLE = "Waiting for nodes"

_TIMEOUT = 90.0


def execute(context: Context) -> None:
    """Returns when all nodes are Ready and have their images; raises ClusterError when not in time."""
    layout = context.cluster.layout
    wanted = {layout.node(number) for number in layout.numbers}
    ready: set[str] = set()

    def look() -> object:
        context.check_background()
        answer = context.api.request("GET", "/api/v1/nodes")
        ready.clear()
        ready.update(item["metadata"]["name"] for item in answer["items"] if is_ready(item))
        return True if wanted <= ready else None

    def state() -> str:
        return f"not Ready: {', '.join(sorted(wanted - ready))}"

    wait_for("readiness of all nodes", look, _TIMEOUT, f"see `turnup cluster logs --name {context.cluster.name} kubelet`", state)
    for work in context.background:
        work.result()


def is_ready(node: dict) -> bool:
    """Whether a Node object's condition Ready is True."""
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in node["status"].get("conditions", []))
