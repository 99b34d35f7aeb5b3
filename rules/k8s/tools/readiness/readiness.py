"""Readiness rules: whether an object of a kind is ready, and why not.

Pure functions of live objects. The rules are those of kstatus, see its documentation
in sigs.k8s.io/cli-utils.
"""

from __future__ import annotations

from typing import Any

from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.objects.states import READY, Readiness
from rules.k8s.tools.readiness.pods import pod_reason


def _waits(reason: str) -> Readiness:
    return Readiness(False, reason)


def _held(reason: str) -> Readiness:
    """Nobody makes it go on because a run waits."""
    return Readiness(True, reason, held=True)


def _fails(reason: str) -> Readiness:
    return Readiness(False, reason, failed=True)


def readiness(obj: Object | None) -> Readiness:
    """Returns whether a live object is ready, with the reason if it is not.

    Args:
        obj: the live object; None if it does not exist.
    """
    if obj is None:
        return _waits("does not exist")
    meta, status = obj["metadata"], obj.get("status") or {}
    if meta.get("deletionTimestamp"):
        return _waits("is terminating")
    observed = status.get("observedGeneration")
    if isinstance(observed, int) and observed < meta.get("generation", 0):
        return _waits("its controller has not seen the change yet")
    rule = _RULES.get((obj["apiVersion"].partition("/")[0] if "/" in obj["apiVersion"] else "", obj["kind"]))
    return rule(obj, status) if rule else _by_conditions(obj, status)


def condition(status: dict[str, Any], kind: str) -> dict[str, Any]:
    """Returns the condition of a type; {} if there is none."""
    return next((entry for entry in status.get("conditions") or [] if entry.get("type") == kind), {})


def _replicas(status: dict[str, Any], name: str) -> int:
    return status.get(name) or 0


def _unseen(status: dict[str, Any]) -> Readiness | None:
    return None if "observedGeneration" in status else _waits("its controller has not seen it yet")


def _deployment(obj: Object, status: dict[str, Any]) -> Readiness:
    wanted = obj["spec"].get("replicas", 1)
    progressing = condition(status, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return _fails(progressing.get("message") or "its progress deadline has passed")
    updated, total, available = (_replicas(status, name) for name in ("updatedReplicas", "replicas", "availableReplicas"))
    if (unseen := _unseen(status)) is not None:
        return unseen
    if updated < wanted:
        refused = condition(status, "ReplicaFailure")
        if refused.get("status") == "True":
            return Readiness(False, f"its pods cannot be created: {refused.get('message') or refused.get('reason')}", bad=True)
        if obj["spec"].get("paused"):
            return _held(f"its rollout is paused, so {updated} of {wanted} replicas are updated; 'kubectl rollout resume' lets it go on")
        return _waits(f"{updated} of {wanted} replicas are updated")
    if total > updated:
        return _waits(f"{total - updated} old replicas are still there")
    if available < updated:
        return _waits(f"{available} of {wanted} replicas are available")
    return READY


def _stateful_set(obj: Object, status: dict[str, Any]) -> Readiness:
    wanted = obj["spec"].get("replicas", 1)
    by_hand = (obj["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"
    if (unseen := _unseen(status)) is not None:
        return unseen
    ready, updated, total = (_replicas(status, name) for name in ("readyReplicas", "updatedReplicas", "replicas"))
    if ready < wanted:
        return _waits(f"{ready} of {wanted} replicas are ready")
    if total > wanted:
        return _waits(f"{total - wanted} old replicas are still there")
    if by_hand:
        old = 0 if status.get("currentRevision") == status.get("updateRevision") else wanted - updated
        return _held(f"{old} of {wanted} replicas are old until somebody deletes their pods (updateStrategy OnDelete)") if old > 0 else READY
    partition = ((obj["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}).get("partition") or 0
    if partition:
        return READY if updated >= wanted - partition else _waits(f"{updated} of {wanted - partition} replicas are updated")
    if status.get("currentRevision") != status.get("updateRevision"):
        return _waits(f"{updated} of {wanted} replicas are updated")
    return READY


def _daemon_set(obj: Object, status: dict[str, Any]) -> Readiness:
    if (unseen := _unseen(status)) is not None:
        return unseen
    wanted = _replicas(status, "desiredNumberScheduled")
    by_hand = (obj["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"
    for name, word in (("updatedNumberScheduled", "updated"), ("numberAvailable", "available")):
        if _replicas(status, name) < wanted and not (by_hand and word == "updated"):
            return _waits(f"{_replicas(status, name)} of {wanted} pods are {word}")
    old = wanted - _replicas(status, "updatedNumberScheduled")
    return _held(f"{old} of {wanted} pods are old until somebody deletes them (updateStrategy OnDelete)") if by_hand and old > 0 else READY


def _replica_set(obj: Object, status: dict[str, Any]) -> Readiness:
    wanted, ready, total = obj["spec"].get("replicas", 1), _replicas(status, "readyReplicas"), _replicas(status, "replicas")
    if (unseen := _unseen(status)) is not None:
        return unseen
    if ready < wanted:
        return _waits(f"{ready} of {wanted} replicas are ready")
    return _waits(f"{total - wanted} old replicas are still there") if total > wanted else READY


def _job(obj: Object, status: dict[str, Any]) -> Readiness:
    failed = condition(status, "Failed")
    if failed.get("status") == "True":
        return _fails(f"failed: {failed.get('message') or failed.get('reason')}")
    if condition(status, "Complete").get("status") == "True":
        return READY
    if obj["spec"].get("suspend"):
        return _held("it is suspended, so it does not run; set spec.suspend to false to run it")
    return _waits(f"{_replicas(status, 'succeeded')} of {obj['spec'].get('completions') or 1} runs have succeeded")


def _pod(obj: Object, status: dict[str, Any]) -> Readiness:
    phase = status.get("phase")
    if phase == "Succeeded" or (phase == "Running" and condition(status, "Ready").get("status") == "True"):
        return READY
    if phase == "Failed":
        return _fails(status.get("message") or "failed")
    return _waits(pod_reason(obj) or "is starting")


def _claim(obj: Object, status: dict[str, Any]) -> Readiness:
    return READY if status.get("phase") == "Bound" else _waits(f"is {status.get('phase') or 'Pending'}")


def _definition(obj: Object, status: dict[str, Any]) -> Readiness:
    if condition(status, "NamesAccepted").get("status") == "False":
        return _fails(condition(status, "NamesAccepted").get("message") or "its names are taken")
    return READY if condition(status, "Established").get("status") == "True" else _waits("is not established yet")


def _namespace(obj: Object, status: dict[str, Any]) -> Readiness:
    return READY if status.get("phase") == "Active" else _waits(f"is {status.get('phase') or 'new'}")


def _service(obj: Object, status: dict[str, Any]) -> Readiness:
    if obj["spec"].get("type") == "LoadBalancer" and not (status.get("loadBalancer") or {}).get("ingress"):
        return _waits("its load balancer has no address yet")
    return READY


def _disruption_budget(obj: Object, status: dict[str, Any]) -> Readiness:
    return READY if "observedGeneration" in status else _waits("its controller has not seen it yet")


def _volume(obj: Object, status: dict[str, Any]) -> Readiness:
    if status.get("phase") == "Failed":
        return _fails(status.get("message") or "failed")
    return READY if status.get("phase") in ("Available", "Bound") else _waits(f"is {status.get('phase') or 'Pending'}")


def _api_service(obj: Object, status: dict[str, Any]) -> Readiness:
    available = condition(status, "Available")
    return READY if available.get("status") == "True" else _waits(available.get("message") or "is not available yet")


def _autoscaler(obj: Object, status: dict[str, Any]) -> Readiness:
    able = condition(status, "AbleToScale")
    if not able:
        return _waits("its controller has not seen it yet")
    return READY if able.get("status") == "True" else _waits(able.get("message") or "is not able to scale")


def _by_conditions(obj: Object, status: dict[str, Any]) -> Readiness:
    """Applies the rule for all other kinds: the conditions Ready, Reconciling and Stalled, if there are any."""
    stalled, reconciling, ready = (condition(status, kind) for kind in ("Stalled", "Reconciling", "Ready"))
    if stalled.get("status") == "True":
        return _fails(stalled.get("message") or "is stalled")
    if reconciling.get("status") == "True":
        return _waits(reconciling.get("message") or "is being reconciled")
    if ready and ready.get("status") != "True":
        return _waits(ready.get("message") or ready.get("reason") or "is not Ready")
    return READY


_RULES = {
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "ReplicaSet"): _replica_set,
    ("", "ReplicationController"): _replica_set,
    ("batch", "Job"): _job,
    ("", "Pod"): _pod,
    ("", "PersistentVolumeClaim"): _claim,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("", "Namespace"): _namespace,
    ("", "Service"): _service,
    ("", "PersistentVolume"): _volume,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("policy", "PodDisruptionBudget"): _disruption_budget,
}
