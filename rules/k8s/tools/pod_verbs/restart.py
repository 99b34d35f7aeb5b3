"""`.restart`: replaces the pods of a service or a stack by new ones, as each workload's rollout strategy says.

It sets the annotation that `kubectl rollout restart` sets, as a field manager of its own, so that an apply leaves it as it is and
`.diff` shows nothing.
"""

from __future__ import annotations

import datetime
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import MERGE_PATCH, Client
from rules.k8s.tools.api.item import Item, Result, attempt
from rules.k8s.tools.errors import UsageError
from rules.k8s.tools.output import events
from rules.k8s.tools.readiness.waiting import wait_ready

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run

_ANNOTATION = "kubectl.kubernetes.io/restartedAt"
_FIELD_MANAGER = "turnup-restart"
_RESTARTABLE = (("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"))


def execute(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Restarts every Deployment, StatefulSet and DaemonSet among the items, and waits if asked; returns the exit code.

    Raises:
        UsageError: there is nothing to restart.
        TurnupError: a workload could not be restarted, or is not ready in time.
    """
    workloads = [item for item in items if (item.identity.group, item.identity.kind) in _RESTARTABLE]
    if not workloads:
        raise UsageError(f"{run.plan.label} has no Deployment, StatefulSet or DaemonSet, so there is nothing to restart.")
    moment = datetime.datetime.now(datetime.UTC).isoformat(timespec="microseconds")
    results = list(executor.map(lambda item: attempt(item, lambda: _restart(client, item, moment)), workloads))
    for result in results:
        run.report.result(result)
    code = run.finish(results)
    if run.options.wait:
        wait_ready(client, run.plan, workloads, run.options.wait, run.report, since=run.waiting_since)
        run.report.emit(events.ready(run.plan.label))
    return code


def _restart(client: Client, item: Item, moment: str) -> Result:
    live = client.get_or_none(item.path)
    if live is None:
        return Result(item, "failed", error=f"{item.label}: {item.identity} is not in the cluster; apply it first.")
    if (live.get("spec") or {}).get("paused"):
        return Result(item, "failed", live, error=f"{item.label}: {item.identity} is paused, so it would not restart; resume it first.")
    body = {
        # Another object under the same name is not restarted.
        "metadata": {"uid": live["metadata"]["uid"]},
        "spec": {"template": {"metadata": {"annotations": {_ANNOTATION: moment}}}},
    }
    changed = client.request("PATCH", item.path, query={"fieldManager": _FIELD_MANAGER}, content_type=MERGE_PATCH, body=body)[1]
    return Result(item, "restarted", changed)
