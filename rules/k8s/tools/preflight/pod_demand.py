"""The pods that workloads ask for, and what each of them counts in a ResourceQuota. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from rules.k8s.tools.objects.kinds import REPLICATED
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.preflight.quantities import parse_quantity

_TERMINAL = ("Succeeded", "Failed")
# Names of a quota's resources for what pods request, without the prefix `requests.`.
_REQUESTS = ("cpu", "memory", "ephemeral-storage")
# Taints that the DaemonSet controller makes every pod of a DaemonSet tolerate.
_DAEMON_TOLERATES = (
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/network-unavailable",
)


def is_pod_resource(name: str) -> bool:
    """Returns whether a resource of a quota counts pods or what they ask for."""
    if name in ("pods", "count/pods", *_REQUESTS) or name.startswith(("limits.", "hugepages-")):
        return True
    return name.startswith("requests.") and name != "requests.storage"


def pod_spec(identity: Identity, obj: Object) -> dict[str, Any]:
    """Returns the spec of a workload's pods; {} for an object that is not a workload of Kubernetes itself."""
    spec = obj.get("spec") or {}
    if (identity.group, identity.kind) == ("", "Pod"):
        return dict(spec)
    kinds = {("apps", kind) for kind in (*REPLICATED, "DaemonSet")} | {("batch", "Job"), ("", "ReplicationController")}
    return dict((spec.get("template") or {}).get("spec") or {}) if (identity.group, identity.kind) in kinds else {}


def pod_count(identity: Identity, obj: Object, live: int | None, nodes: Iterable[Object] | None) -> int:
    """Returns how many pods a workload certainly asks for once it is written and its rollout has ended.

    Args:
        identity: the workload.
        obj: its manifest.
        live: how many pods it has now; None for a new workload, or if that is unknown.
        nodes: the cluster's nodes; None if they are unknown.
    """
    spec = obj.get("spec") or {}
    if identity.kind == "Pod":
        return 1 if live is None else live
    if identity.kind == "Job":
        if live is not None or spec.get("suspend") is True:
            return live or 0  # It may have finished, and it never runs more pods again than it did.
        most = spec.get("parallelism", 1), spec.get("completions")
        return min(number for number in most if isinstance(number, int)) if isinstance(most[0], int) else 0
    if identity.kind == "DaemonSet":
        pods = pod_spec(identity, obj)
        return sum(_runs_on(pods, node) for node in nodes) if nodes is not None else (live or 0)
    replicas = spec.get("replicas", max(1, live or 0))  # An autoscaler's number stays where the manifest has none.
    return replicas if isinstance(replicas, int) else 0


def _runs_on(spec: dict[str, Any], node: Object) -> bool:
    """Returns whether a DaemonSet certainly runs a pod on a node."""
    labels = node["metadata"].get("labels") or {}
    if spec.get("affinity") or any(labels.get(key) != value for key, value in (spec.get("nodeSelector") or {}).items()):
        return False
    tolerations = spec.get("tolerations") or []
    return all(
        taint.get("effect") == "PreferNoSchedule" or taint.get("key") in _DAEMON_TOLERATES or any(_tolerates(each, taint) for each in tolerations)
        for taint in (node.get("spec") or {}).get("taints") or []
    )


def _tolerates(toleration: dict[str, Any], taint: dict[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint.get("key"))
    return toleration.get("key") == taint.get("key") and (toleration.get("value") or "") == (taint.get("value") or "")


def needs_surge(identity: Identity, obj: Object) -> bool:
    """Returns whether a rollout of a workload cannot even begin without room for one more pod.

    That is the case if it may create pods beyond its number (maxSurge, rounded up as Kubernetes does) and may not delete one
    before the new one is available (maxUnavailable, rounded down).
    """
    spec = obj.get("spec") or {}
    defaults: tuple[Any, Any]
    if (identity.group, identity.kind) == ("apps", "Deployment"):
        strategy, count, defaults = spec.get("strategy") or {}, spec.get("replicas", 1), ("25%", "25%")
    elif (identity.group, identity.kind) == ("apps", "DaemonSet"):
        strategy, count, defaults = spec.get("updateStrategy") or {}, 100, (0, 1)
    else:
        return False
    if strategy.get("type", "RollingUpdate") != "RollingUpdate" or not isinstance(count, int) or not count:
        return False
    rolling = strategy.get("rollingUpdate") or {}
    surge = _portion(rolling.get("maxSurge", defaults[0]), count, math.ceil)
    return surge > 0 and not _portion(rolling.get("maxUnavailable", defaults[1]), count, math.floor)


def _portion(value: Any, count: int, rounded: Any) -> int:
    """Returns a number or percentage of a number of pods."""
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        return int(rounded(count * int(value[:-1]) / 100))
    return value if isinstance(value, int) else 0


def workload_of(pod: Object) -> tuple[str, str]:
    """Returns (kind, name) of the workload that a live pod belongs to, the pod itself if it belongs to none."""
    meta = pod["metadata"]
    controller = next((each for each in meta.get("ownerReferences") or [] if each.get("controller")), None)
    if not controller:
        return "Pod", meta["name"]
    kind, name = str(controller.get("kind")), str(controller.get("name"))
    template = (meta.get("labels") or {}).get("pod-template-hash")
    if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
        return "Deployment", name.removesuffix(f"-{template}")
    return kind, name


def is_finished(pod: Object) -> bool:
    """Returns whether a live pod has ended, so that only `count/pods` counts it."""
    return (pod.get("status") or {}).get("phase") in _TERMINAL


def pod_amount(spec: dict[str, Any], name: str) -> Decimal:
    """Returns what one pod adds to a resource of a quota, such as `pods`, `requests.cpu` or `limits.memory`."""
    if name in ("pods", "count/pods"):
        return Decimal(1)
    side, _, resource = name.partition(".") if name.startswith(("requests.", "limits.")) else ("requests", "", name)
    whole = _asked(spec, side, resource)
    if whole is not None:
        return whole
    running = sum((_asked(each, side, resource) or Decimal(0) for each in spec.get("containers") or []), Decimal(0))
    peak, sidecars = Decimal(0), Decimal(0)
    for each in spec.get("initContainers") or []:
        asked = _asked(each, side, resource) or Decimal(0)
        if isinstance(each, dict) and each.get("restartPolicy") == "Always":
            sidecars += asked
        peak = max(peak, sidecars + (asked if not (isinstance(each, dict) and each.get("restartPolicy") == "Always") else 0))
    overhead = parse_quantity((spec.get("overhead") or {}).get(resource)) or Decimal(0)
    return max(running + sidecars, peak) + overhead


def _asked(holder: Any, side: str, resource: str) -> Decimal | None:
    """Returns what a container, or a pod as a whole, requests or is limited to; None if it does not say."""
    resources = (holder.get("resources") if isinstance(holder, dict) else None) or {}
    limits = resources.get("limits") or {}
    # A missing request defaults to the limit.
    return parse_quantity((resources.get(side) or {}).get(resource, limits.get(resource) if side == "requests" else None))


def in_scope(quota: Object, spec: dict[str, Any]) -> bool:
    """Returns whether a quota certainly counts a pod: whether the pod is in all of its scopes."""
    stated = quota.get("spec") or {}
    conditions = [{"scopeName": scope, "operator": "Exists"} for scope in stated.get("scopes") or []]
    conditions += (stated.get("scopeSelector") or {}).get("matchExpressions") or []
    return all(_matches(condition, spec) for condition in conditions)


def _matches(condition: dict[str, Any], spec: dict[str, Any]) -> bool:
    scope, operator, values = condition.get("scopeName"), condition.get("operator"), condition.get("values") or []
    if scope == "PriorityClass":
        priority = spec.get("priorityClassName") or ""
        return {"Exists": bool(priority), "DoesNotExist": not priority, "In": priority in values, "NotIn": priority not in values}.get(str(operator), False)
    deadline = spec.get("activeDeadlineSeconds") is not None
    sized = any(((each.get("resources") or {}).get(side)) for each in _containers(spec) for side in ("requests", "limits"))
    known = {"Terminating": deadline, "NotTerminating": not deadline, "BestEffort": not sized, "NotBestEffort": sized}
    return known.get(str(scope), False)


def _containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for key in ("containers", "initContainers") for each in spec.get(key) or [] if isinstance(each, dict)]
