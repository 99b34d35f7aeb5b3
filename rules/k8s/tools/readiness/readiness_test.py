"""Tests of the readiness rules, kind by kind."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.tools.readiness.readiness import readiness


def live(kind: str, api_version: str = "apps/v1", spec: dict[str, Any] | None = None, generation: int = 2, **status: Any) -> dict[str, Any]:
    """Returns a live object of generation 2."""
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "x", "namespace": "n", "generation": generation},
        "spec": {"replicas": 2} if spec is None else spec,
        "status": status,
    }


def condition(kind: str, status: str, **fields: str) -> list[dict[str, str]]:
    """Returns a list of one condition."""
    return [{"type": kind, "status": status, **fields}]


DEPLOYED = {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
STATEFUL = {"observedGeneration": 2, "readyReplicas": 2, "updatedReplicas": 2, "currentRevision": "r", "updateRevision": "r"}


@pytest.mark.parametrize(
    "obj",
    [
        live("Deployment", **DEPLOYED),
        live("Deployment", spec={"replicas": 0}, observedGeneration=2),
        live("StatefulSet", **STATEFUL),
        live("StatefulSet", spec={"replicas": 2, "updateStrategy": {"type": "OnDelete"}}, **STATEFUL),
        live(
            "StatefulSet",
            spec={"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
            **{**STATEFUL, "updatedReplicas": 1, "updateRevision": "s"},
        ),
        live("DaemonSet", spec={}, observedGeneration=2, desiredNumberScheduled=3, updatedNumberScheduled=3, numberAvailable=3),
        live("DaemonSet", spec={}, observedGeneration=2, desiredNumberScheduled=0),
        live("DaemonSet", spec={"updateStrategy": {"type": "OnDelete"}}, observedGeneration=2, desiredNumberScheduled=1, numberAvailable=1),
        live("ReplicaSet", observedGeneration=2, readyReplicas=2, replicas=2),
        live("ReplicationController", "v1", observedGeneration=2, readyReplicas=2, replicas=2),
        live("StatefulSet", spec={"replicas": 0}, observedGeneration=2),
        live("Job", "batch/v1", {"suspend": True}),
        live("Job", "batch/v1", {}, conditions=condition("Complete", "True")),
        live("CronJob", "batch/v1", {}),
        live("Pod", "v1", {}, phase="Running", conditions=condition("Ready", "True")),
        live("Pod", "v1", {}, phase="Succeeded"),
        live("PersistentVolumeClaim", "v1", {}, phase="Bound"),
        live("CustomResourceDefinition", "apiextensions.k8s.io/v1", {}, conditions=condition("Established", "True")),
        live("Namespace", "v1", {}, phase="Active"),
        live("Service", "v1", {"type": "ClusterIP"}),
        live("Service", "v1", {"type": "LoadBalancer"}, loadBalancer={"ingress": [{"ip": "10.0.0.1"}]}),
        live("PersistentVolume", "v1", {}, phase="Available"),
        live("APIService", "apiregistration.k8s.io/v1", {}, conditions=condition("Available", "True")),
        live("HorizontalPodAutoscaler", "autoscaling/v2", {}, conditions=condition("AbleToScale", "True")),
        live("PodDisruptionBudget", "policy/v1", {}, observedGeneration=2),
        live("Ingress", "networking.k8s.io/v1", {}),
        live("ConfigMap", "v1", {}),
        live("Thing", "example.com/v1", {}),
        live("Thing", "example.com/v1", {}, conditions=condition("Ready", "True")),
    ],
)
def test_ready(obj):
    """An object in its final state is ready, whatever its kind."""
    assert readiness(obj).ready


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (None, "does not exist"),
        ({**live("Deployment"), "metadata": {"name": "x", "deletionTimestamp": "now"}}, "is terminating"),
        (live("Deployment", **{**DEPLOYED, "observedGeneration": 1}), "its controller has not seen the change yet"),
        (live("Deployment"), "its controller has not seen it yet"),
        (live("Deployment", spec={"replicas": 0}), "its controller has not seen it yet"),
        (live("Deployment", **{**DEPLOYED, "updatedReplicas": 1}), "1 of 2 replicas are updated"),
        (live("Deployment", **{**DEPLOYED, "replicas": 3}), "1 old replicas are still there"),
        (live("Deployment", **{**DEPLOYED, "availableReplicas": 1}), "1 of 2 replicas are available"),
        (live("StatefulSet"), "its controller has not seen it yet"),
        (live("StatefulSet", **{**STATEFUL, "readyReplicas": 1}), "1 of 2 replicas are ready"),
        (live("StatefulSet", **{**STATEFUL, "updateRevision": "s", "updatedReplicas": 1}), "1 of 2 replicas are updated"),
        (live("DaemonSet", spec={}, observedGeneration=2, desiredNumberScheduled=3, updatedNumberScheduled=3, numberAvailable=1), "1 of 3 pods are available"),
        (live("StatefulSet", spec={"replicas": 2, "updateStrategy": {"type": "OnDelete"}}, observedGeneration=2), "0 of 2 replicas are ready"),
        (live("StatefulSet", spec={"replicas": 2, "updateStrategy": {"type": "OnDelete"}}), "its controller has not seen it yet"),
        (
            live("DaemonSet", spec={"updateStrategy": {"type": "OnDelete"}}, observedGeneration=2, desiredNumberScheduled=2, numberAvailable=1),
            "1 of 2 pods are available",
        ),
        # The old pods are ready, and the new ones are not there yet.
        (live("Deployment", observedGeneration=2, replicas=2, readyReplicas=2, availableReplicas=2), "0 of 2 replicas are updated"),
        (live("Deployment", spec={"replicas": 0}, observedGeneration=2, replicas=1), "1 old replicas are still there"),
        (
            live("Deployment", observedGeneration=2, conditions=condition("ReplicaFailure", "True", message="exceeded quota: small")),
            "its pods cannot be created: exceeded quota: small",
        ),
        (live("StatefulSet", spec={"replicas": 1}, **{**STATEFUL, "replicas": 2}), "1 old replicas are still there"),
        (live("ReplicaSet", observedGeneration=2, readyReplicas=1, replicas=2), "1 of 2 replicas are ready"),
        (live("ReplicaSet"), "its controller has not seen it yet"),
        (live("PersistentVolume", "v1", {}, phase="Released"), "is Released"),
        (live("APIService", "apiregistration.k8s.io/v1", {}, conditions=condition("Available", "False", message="no endpoints")), "no endpoints"),
        (live("HorizontalPodAutoscaler", "autoscaling/v2", {}), "its controller has not seen it yet"),
        (live("PodDisruptionBudget", "policy/v1", {}), "its controller has not seen it yet"),
        (live("Job", "batch/v1", {"completions": 3}, succeeded=1), "1 of 3 runs have succeeded"),
        (live("Pod", "v1", {}, phase="Pending"), "is starting"),
        (live("PersistentVolumeClaim", "v1", {}, phase="Pending"), "is Pending"),
        (live("CustomResourceDefinition", "apiextensions.k8s.io/v1", {}), "is not established yet"),
        (live("Namespace", "v1", {}, phase="Terminating"), "is Terminating"),
        (live("Service", "v1", {"type": "LoadBalancer"}), "its load balancer has no address yet"),
        (live("Thing", "example.com/v1", {}, conditions=condition("Ready", "False", message="no disk")), "no disk"),
        (live("Thing", "example.com/v1", {}, conditions=condition("Reconciling", "True", message="step 2")), "step 2"),
        (live("Thing", "example.com/v1", {}, observedGeneration=1), "its controller has not seen the change yet"),
    ],
)
def test_not_ready(obj, reason):
    """An object that is not ready yet has a reason and has not failed."""
    state = readiness(obj)

    assert (state.ready, state.failed, state.reason) == (False, False, reason)


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (live("Deployment", **DEPLOYED, conditions=condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="too late")), "too late"),
        (live("Job", "batch/v1", {}, conditions=condition("Failed", "True", reason="BackoffLimitExceeded")), "failed: BackoffLimitExceeded"),
        (live("Pod", "v1", {}, phase="Failed", message="evicted"), "evicted"),
        (live("PersistentVolume", "v1", {}, phase="Failed", message="cannot recycle"), "cannot recycle"),
        (live("CustomResourceDefinition", "apiextensions.k8s.io/v1", {}, conditions=condition("NamesAccepted", "False", message="taken")), "taken"),
        (live("Thing", "example.com/v1", {}, conditions=condition("Stalled", "True", message="stuck")), "stuck"),
    ],
)
def test_failed(obj, reason):
    """An object that cannot become ready without a change has failed, with a reason."""
    state = readiness(obj)

    assert (state.ready, state.failed, state.reason) == (False, True, reason)


@pytest.mark.parametrize(
    ("obj", "reason"),
    [
        (
            live("Deployment", spec={"replicas": 2, "paused": True}, observedGeneration=2),
            "its rollout is paused, so 0 of 2 replicas are updated; 'kubectl rollout resume' lets it go on",
        ),
        (live("Job", "batch/v1", {"suspend": True}), "it is suspended, so it does not run; set spec.suspend to false to run it"),
        (
            live("StatefulSet", spec={"replicas": 2, "updateStrategy": {"type": "OnDelete"}}, **{**STATEFUL, "updatedReplicas": 0, "updateRevision": "s"}),
            "2 of 2 replicas are old until somebody deletes their pods (updateStrategy OnDelete)",
        ),
        (
            live(
                "DaemonSet",
                spec={"updateStrategy": {"type": "OnDelete"}},
                observedGeneration=2,
                desiredNumberScheduled=3,
                updatedNumberScheduled=1,
                numberAvailable=3,
            ),
            "2 of 3 pods are old until somebody deletes them (updateStrategy OnDelete)",
        ),
    ],
)
def test_held(obj, reason):
    """What only a person can make go on counts as ready, and the reason is known at once."""
    state = readiness(obj)

    assert (state.ready, state.held, state.failed, state.reason) == (True, True, False, reason)


def test_a_paused_deployment_that_failed_or_is_complete():
    """A pause hides no failure, and nothing is held if all replicas are updated."""
    spec = {"replicas": 2, "paused": True}

    assert readiness(live("Deployment", spec=spec, observedGeneration=2, conditions=condition("ReplicaFailure", "True", message="quota"))).bad
    assert not readiness(live("Deployment", spec=spec, **{**DEPLOYED, "availableReplicas": 0})).ready
    assert not readiness(live("Deployment", spec=spec, **DEPLOYED)).held
