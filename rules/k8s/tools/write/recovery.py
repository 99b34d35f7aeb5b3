"""An unchanged apply after the cause of a failure was cured: it starts again what would not start by itself, or only minutes later.

A Job that has failed never runs again, a Deployment past its progress deadline stays failed until a pod changes, and the kubelet
waits up to five minutes between two starts of a container.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import replace

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import POD
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict
from rules.k8s.tools.readiness.pods import PodIndex, is_delayed
from rules.k8s.tools.readiness.readiness import readiness

_JOB = ("batch", "Job")
_RESTARTED = (("apps", "Deployment"), ("apps", "StatefulSet"), ("apps", "DaemonSet"), ("apps", "ReplicaSet"), ("", "ReplicationController"))


def rerun_failed_jobs(client: Client, found: list[Verdict | Refusal], executor: Executor) -> list[Verdict | Refusal]:
    """Returns the verdicts, in which unchanged Jobs that have failed are recreated.

    Args:
        client: client of the API server.
        found: what the preflight found.
        executor: runs requests in parallel.
    """
    return list(executor.map(lambda verdict: _rerun(client, verdict), found))


def _rerun(client: Client, verdict: Verdict | Refusal) -> Verdict | Refusal:
    item = verdict.item
    if isinstance(verdict, Refusal) or verdict.outcome != "unchanged" or (item.identity.group, item.identity.kind) != _JOB:
        return verdict
    live = _read(client, item)
    failed = live is not None and readiness(live).failed
    return replace(verdict, outcome="replaced", reason="it has failed, so it runs again") if failed else verdict


def restart_delayed_pods(client: Client, unchanged: Iterable[Item], executor: Executor, note: Callable[[str], None]) -> None:
    """Deletes pods of unchanged workloads that the kubelet would start again only after a long pause, so that new ones start at once.

    Args:
        client: client of the API server.
        unchanged: objects that the run did not write.
        executor: runs requests in parallel.
        note: receives a line for each pod.

    Raises:
        TurnupError: the API server does not answer.
    """
    workloads = [item for item in unchanged if (item.identity.group, item.identity.kind) in _RESTARTED]
    unready = [
        (item, live)
        for item, live in zip(workloads, executor.map(lambda item: _read(client, item), workloads), strict=True)
        if live and not readiness(live).ready
    ]
    pods: dict[str, PodIndex] = {}
    for item, live in unready:
        place = item.identity.namespace
        if place not in pods:
            pods[place] = PodIndex(_pods(client, place))
        for pod in pods[place].of(live):
            if is_delayed(pod) and not pod["metadata"].get("deletionTimestamp") and _delete(client, pod):
                note(f"{item.label}: {item.identity}: the pod {pod['metadata']['name']} is deleted, so that a new one starts at once")


def _read(client: Client, item: Item) -> Object | None:
    """Returns an item's live object; None if it is not there, or if the account may not read it."""
    try:
        return client.get_or_none(item.path, absent=(403, 404))
    except ApiError:
        return None


def _pods(client: Client, namespace: str) -> list[Object]:
    try:
        return client.request("GET", POD.path(namespace))[1].get("items") or []
    except ApiError:
        return []


def _delete(client: Client, pod: Object) -> bool:
    """Deletes a pod that is still the same; returns whether the server did it."""
    meta = pod["metadata"]
    try:
        client.request("DELETE", POD.path(meta["namespace"], meta["name"]), body={"preconditions": {"uid": meta["uid"]}})
    except ApiError:
        return False
    return True
