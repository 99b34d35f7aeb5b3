"""Step: wait until every node is Ready."""

from __future__ import annotations

import datetime
import math
from typing import Any

from cluster.embedded.api.client import wait_for
from cluster.embedded.steps.context import Context

TITLE = "Waiting for nodes"

_TIMEOUT = 90.0


def execute(context: Context) -> None:
    """Waits until all nodes are Ready and have their images.

    Raises:
        ClusterError: they aren't in time.
    """
    layout = context.cluster.layout
    # Node name → when this run started it. The API server still has what the node reported before it was stopped.
    wanted = {layout.node(number): context.launched.get(number, 0.0) for number in layout.numbers}
    ready: set[str] = set()

    def look() -> object:
        context.check_background()
        answer = context.api.request("GET", "/api/v1/nodes")
        ready.clear()
        ready.update(item["metadata"]["name"] for item in answer["items"] if is_ready(item, wanted.get(item["metadata"]["name"], 0.0)))
        return True if set(wanted) <= ready else None

    def state() -> str:
        return f"not Ready: {', '.join(sorted(set(wanted) - ready))}"

    wait_for("nodes are not ready", look, _TIMEOUT, f"see `./turnup cluster logs --name {context.cluster.name} kubelet`", state)
    for work in context.background:
        work.result()
    # By convention. Pods can select or avoid the control plane's node by this label.
    labels = {"node-role.kubernetes.io/control-plane": ""}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": layout.node(1), "labels": labels}}
    context.api.apply("/api/v1/nodes", node)


def is_ready(node: dict[str, Any], since: float = 0.0) -> bool:
    """Returns whether a Node object is Ready.

    Args:
        node: the Node object.
        since: a report from before this time does not count; in seconds since the epoch.
    """
    for condition in node["status"].get("conditions", []):
        if condition["type"] == "Ready":
            said = datetime.datetime.fromisoformat(condition["lastHeartbeatTime"]).timestamp()
            return condition["status"] == "True" and said >= math.floor(since)
    return False
