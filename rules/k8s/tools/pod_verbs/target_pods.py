"""The pods of a target: which live pods belong to its objects, and what those that are not ready wait for."""

from __future__ import annotations

from collections.abc import Iterable

from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.readiness.pods import PodIndex, pod_reason

_JOB_LABEL = "batch.kubernetes.io/job-name"
# How many pods a sentence names at most.
_NAMED_PODS = 5


def pods_of_items(items: Iterable[Item], pods: list[Object]) -> list[tuple[str, Object]]:
    """Returns the (target, pod) pairs of all items' pods, each pod once."""
    index = PodIndex(pods)
    found: dict[str, tuple[str, Object]] = {}
    for item in items:
        for pod in _pods_of(item, index, pods):
            found.setdefault(pod["metadata"]["uid"], (item.label, pod))
    return sorted(found.values(), key=lambda pair: pair[1]["metadata"]["name"])


def _pods_of(item: Item, index: PodIndex, pods: list[Object]) -> list[Object]:
    kind, name, namespace = item.identity.kind, item.identity.name, item.identity.namespace
    if kind == "Pod":
        return [pod for pod in pods if (pod["metadata"]["name"], pod["metadata"].get("namespace")) == (name, namespace)]
    if kind in ("Job", "CronJob"):
        # The server generates a Job's selector; a CronJob's Jobs are named after it with a number.
        jobs = [(pod, (pod["metadata"].get("labels") or {}).get(_JOB_LABEL, "")) for pod in pods if pod["metadata"].get("namespace") == namespace]
        return [pod for pod, job in jobs if (job if kind == "Job" else job.rpartition("-")[0]) == name]
    # A Service's pods also belong to a workload.
    return [] if kind == "Service" else index.of(item.obj)


def reasons_of(pods: Iterable[Object]) -> str:
    """Returns what pods wait for, as part of a sentence."""
    words = [f"{pod['metadata']['name']}: {pod_reason(pod)}" for pod in pods]
    return ", ".join(words[:_NAMED_PODS]) + (f" and {len(words) - _NAMED_PODS} more" if len(words) > _NAMED_PODS else "")
