"""Chooses the pod and the container in which a command runs, and says why if there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError, UsageError
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.pod_verbs.target_pods import pods_of_items, reasons_of
from rules.k8s.tools.readiness.pods import container_state, pod_reason
from rules.k8s.tools.readiness.readiness import condition

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"
"""The annotation of a pod that names its main container."""

_LASTING = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod"})
_ENDING = frozenset({"Job", "CronJob"})
# How many names a sentence lists at most.
_LISTED = 20


@dataclass(frozen=True)
class Wish:
    """What the user asked for.

    Attributes:
        service: the name of a service, or the label of a target; "" for the only one.
        pod: the name of a pod; "" for the newest ready one.
        container: the name of a container; "" for the pod's main one.
        unready: a pod that is not ready will do.
    """

    service: str = ""
    pod: str = ""
    container: str = ""
    unready: bool = False


def choose_pod(plan: Plan, items: Sequence[Item], pods: list[Object], wish: Wish) -> Object:
    """Returns the pod in which the command runs.

    Args:
        plan: the plan of the run.
        items: its items.
        pods: the live pods of the namespaces of all items.
        wish: what the user asked for.

    Raises:
        UsageError: the user has to name a service, or named one or a pod that does not exist.
        TurnupError: there is no pod, or none is ready.
    """
    own = _items_of_service(plan, items, wish) if wish.service or not wish.pod else items
    found = [pod for _, pod in pods_of_items(own, pods)]
    alive = [pod for pod in found if not pod["metadata"].get("deletionTimestamp") and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed")]
    what = f"service {wish.service} of {plan.label}" if wish.service else plan.label
    if wish.pod:
        for pod in found:
            if pod["metadata"]["name"] == wish.pod:
                return pod
        raise UsageError(f"--pod={wish.pod} is not a pod of {what}; {_listed('it has', (pod['metadata']['name'] for pod in found), 'no pods')}.")
    if not alive:
        places = sorted({item.identity.namespace for item in own if item.identity.namespace})
        ended = f" that runs (its pods have ended: {', '.join(pod['metadata']['name'] for pod in found[:_LISTED])})" if found else ""
        raise TurnupError(f"{what} has no pod{ended} in {', '.join(places) or 'any namespace'}; run .status to see what it waits for, or apply it first.")
    ready = [pod for pod in alive if condition(pod.get("status") or {}, "Ready").get("status") == "True"]
    if not ready and not wish.unready:
        raise TurnupError(f"no pod of {what} is ready: {reasons_of(alive)}; run .status to see what it waits for, or name a pod that runs with --pod=NAME.")
    return max(ready or alive, key=lambda pod: (pod["metadata"].get("creationTimestamp") or "", pod["metadata"]["name"]))


def _items_of_service(plan: Plan, items: Sequence[Item], wish: Wish) -> list[Item]:
    """Returns the items of the service that has the pods."""
    names = {entry.label: entry.service or entry.label for entry in plan.entries}
    kinds: dict[str, set[str]] = {}
    for item in items:
        kinds.setdefault(item.label, set()).add(item.identity.kind)
    lasting = [label for label, own in kinds.items() if own & _LASTING]
    candidates = lasting or [label for label, own in kinds.items() if own & _ENDING]
    if wish.service:
        chosen = [label for label in kinds if wish.service in (names[label], label)]
        if not chosen:
            listed = _listed("it has", (names[label] for label in candidates), "no service with pods")
            raise UsageError(f"--service={wish.service} is not a service of {plan.label}; {listed}.")
        return [item for item in items if item.label in chosen]
    if not candidates:
        raise UsageError(f"{plan.label} has no workload, so it has no pods to run a command in.")
    if len(candidates) > 1:
        listed = _listed("it has", (names[label] for label in candidates), "")
        raise UsageError(f"{plan.label} has several services; name one with --service=NAME: {listed}.")
    return [item for item in items if item.label == candidates[0]]


def choose_container(pod: Object, wish: Wish) -> str:
    """Returns the container in which the command runs.

    Args:
        pod: the live pod.
        wish: what the user asked for.

    Raises:
        UsageError: the pod has no container of the name.
    """
    spec, meta = pod["spec"], pod["metadata"]
    names = [each["name"] for field in ("containers", "initContainers", "ephemeralContainers") for each in spec.get(field) or []]
    if wish.container and wish.container not in names:
        raise UsageError(f"--container={wish.container} is not a container of pod {meta['namespace']}/{meta['name']}; {_listed('it has', names, '')}.")
    marked = (meta.get("annotations") or {}).get(DEFAULT_CONTAINER, "")
    return wish.container or (marked if marked in names else str(spec["containers"][0]["name"]))


def check_running(pod: Object, container: str) -> None:
    """Checks that a container runs, so that a command can run in it.

    Raises:
        TurnupError: it does not run.
    """
    state = container_state(pod, container)
    if "running" in state:
        return
    meta = pod["metadata"]
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    why = waiting.get("reason") or (f"it ended with exit code {ended.get('exitCode')}" if ended else "") or pod_reason(pod) or "it has not started"
    words = f": {' '.join(waiting['message'].split())}" if waiting.get("message") else ""
    raise TurnupError(f"container {container} of pod {meta['namespace']}/{meta['name']} does not run ({why}{words}); look at it with .describe and .logs.")


def _listed(words: str, names: Iterable[str], none: str) -> str:
    """Returns the names after some words, or other words if there are none."""
    listed = sorted(set(names))
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return f"{words} {', '.join(listed[:_LISTED])}{more}" if listed else f"it has {none}"
