"""`.trigger`: runs CronJobs now, each as a Job of its own, and can wait until they have succeeded."""

from __future__ import annotations

import secrets
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item, Result, attempt
from rules.k8s.tools.errors import UsageError
from rules.k8s.tools.objects.objects import identity
from rules.k8s.tools.output import events
from rules.k8s.tools.readiness.waiting import wait_ready

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run

_JOBS = Resource("batch/v1", "Job", "jobs", True)
_FIELD_MANAGER = "turnup-trigger"
# A Job's name becomes a label of its pods, of 63 characters at most.
_MOST_CHARACTERS = 63


def execute(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Creates a Job for each CronJob among the items, or for the chosen ones, and waits if asked; returns the exit code.

    Raises:
        UsageError: there is no CronJob, or none of a chosen name.
        TurnupError: a Job could not be created, has failed, or has not succeeded in time.
    """
    chosen = choose(items, run.options.name, run.plan.label)
    results = list(executor.map(lambda item: attempt(item, lambda: _trigger(client, item)), chosen))
    for result in results:
        run.report.result(result)
    code = run.finish(results)
    if run.options.wait:
        wait_ready(client, run.plan, [result.item for result in results], run.options.wait, run.report, since=run.waiting_since)
        run.report.emit(events.ready(run.plan.label))
    return code


def choose(items: list[Item], names: list[str], label: str) -> list[Item]:
    """Returns the CronJobs with the given names; all if no name is given.

    Args:
        items: the items of the closure.
        names: the names that were asked for.
        label: the target, for errors.

    Raises:
        UsageError: there is no CronJob, or none of a given name.
    """
    present = [item for item in items if (item.identity.group, item.identity.kind) == ("batch", "CronJob")]
    if not present:
        raise UsageError(f"{label} has no CronJob, so there is nothing to trigger.")
    missing = [name for name in names if all(item.identity.name != name for item in present)]
    if missing:
        raise UsageError(f"--name={missing[0]} is not a CronJob of {label}; it has {', '.join(sorted(item.identity.name for item in present))}.")
    return [item for item in present if not names or item.identity.name in names]


def _trigger(client: Client, item: Item) -> Result:
    live = client.get_or_none(item.path)
    if live is None:
        return Result(item, "failed", error=f"{item.label}: {item.identity} is not in the cluster; apply it first.")
    made = client.request("POST", _JOBS.path(item.identity.namespace), query={"fieldManager": _FIELD_MANAGER}, body=job_of(live))[1]
    return Result(Item(item.label, made, _JOBS, identity(made)), "created", made)


def job_of(cron_job: dict[str, Any]) -> dict[str, Any]:
    """Returns a Job that runs a live CronJob's template once, as `kubectl create job --from` makes it.

    The CronJob is its owner, so that the CronJob's limits of history apply to it, and it goes with the CronJob.
    """
    meta, template = cron_job["metadata"], cron_job["spec"]["jobTemplate"]
    suffix = f"-{secrets.token_hex(4)}"
    own = template.get("metadata") or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": meta["name"][: _MOST_CHARACTERS - len(suffix)].rstrip("-.") + suffix,
            "namespace": meta["namespace"],
            "labels": own.get("labels") or {},
            "annotations": {**(own.get("annotations") or {}), "cronjob.kubernetes.io/instantiate": "manual"},
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "CronJob", "name": meta["name"], "uid": meta["uid"], "controller": True}],
        },
        "spec": template["spec"],
    }
