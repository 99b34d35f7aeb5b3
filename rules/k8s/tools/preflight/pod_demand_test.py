"""Tests of the pods that workloads ask for, and of what each counts in a quota."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rules.k8s.tools.objects.objects import Identity
from rules.k8s.tools.preflight.pod_demand import in_scope, is_pod_resource, needs_surge, pod_amount, pod_count, workload_of

DEPLOYMENT = Identity("apps", "Deployment", "dev", "web")
JOB = Identity("batch", "Job", "dev", "once")
DAEMONS = Identity("apps", "DaemonSet", "dev", "agent")


@pytest.mark.parametrize(
    ("spec", "needs"),
    [
        ({}, True),
        ({"replicas": 3}, True),  # 25% of 3 are 1 more and none less.
        ({"replicas": 4}, False),  # 25% of 4 may be deleted first.
        ({"replicas": 0}, False),
        ({"strategy": {"type": "Recreate"}}, False),
        ({"replicas": 9, "strategy": {"rollingUpdate": {"maxUnavailable": 0}}}, True),
        ({"replicas": 9, "strategy": {"rollingUpdate": {"maxUnavailable": "11%"}}}, True),
        ({"replicas": 9, "strategy": {"rollingUpdate": {"maxUnavailable": "12%"}}}, False),
        ({"replicas": 9, "strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}, False),
    ],
)
def test_which_rollouts_need_room(spec, needs):
    """A rollout needs room for a pod if it creates one first and may not delete one; percentages are rounded as Kubernetes does."""
    assert needs_surge(DEPLOYMENT, {"spec": spec}) is needs


def test_only_deployments_and_daemon_sets_with_surge_need_room():
    """StatefulSets delete first, as DaemonSets do by default."""
    assert not needs_surge(Identity("apps", "StatefulSet", "dev", "db"), {"spec": {}})
    assert not needs_surge(DAEMONS, {"spec": {}})
    assert needs_surge(DAEMONS, {"spec": {"updateStrategy": {"rollingUpdate": {"maxSurge": "1%", "maxUnavailable": 0}}}})


@pytest.mark.parametrize(
    ("identity", "spec", "live", "count"),
    [
        (DEPLOYMENT, {"replicas": 3}, None, 3),
        (DEPLOYMENT, {}, None, 1),
        (DEPLOYMENT, {}, 7, 7),  # An autoscaler's.
        (JOB, {}, None, 1),
        (JOB, {"parallelism": 5}, None, 5),
        (JOB, {"parallelism": 5, "completions": 2}, None, 2),
        (JOB, {"parallelism": 5, "suspend": True}, None, 0),
        (JOB, {"parallelism": 5}, 1, 1),
        (Identity("", "Pod", "dev", "p"), {}, None, 1),
        (Identity("", "Pod", "dev", "p"), {}, 0, 0),  # It has ended.
    ],
)
def test_how_many_pods_a_workload_asks_for(identity, spec, live, count):
    """Replicas count, or a Job's parallelism; what runs already counts where the manifest does not say."""
    assert pod_count(identity, {"spec": spec}, live, None) == count


def node(*taints: dict[str, Any], **labels: str) -> dict[str, Any]:
    """Returns a node."""
    return {"metadata": {"name": "n", "labels": labels}, "spec": {"taints": list(taints)}}


def test_daemon_sets_run_a_pod_on_each_node_that_they_tolerate():
    """A DaemonSet counts the nodes that its selector matches and whose taints it tolerates."""
    nodes = [node(disk="ssd"), node(), node({"key": "gpu", "effect": "NoSchedule"}), node({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"})]

    def count(**spec: Any) -> int:
        return pod_count(DAEMONS, {"spec": {"template": {"spec": spec}}}, None, nodes)

    assert count() == 3
    assert count(nodeSelector={"disk": "ssd"}) == 1
    assert count(tolerations=[{"key": "gpu", "operator": "Exists"}]) == 4
    assert pod_count(DAEMONS, {"spec": {}}, 2, None) == 2


def test_what_a_pod_requests():
    """A pod requests the sum of its containers and sidecars, or its largest init container if that is more, and its overhead."""

    def container(cpu: str, **settings: str) -> dict[str, Any]:
        return {"name": "c", "resources": {"requests": {"cpu": cpu}}, **settings}

    spec: dict[str, Any] = {"containers": [container("1"), container("500m")]}
    assert pod_amount(spec, "requests.cpu") == pod_amount(spec, "cpu") == Decimal("1.5")
    assert pod_amount(spec, "limits.cpu") == 0
    spec["initContainers"] = [container("250m", restartPolicy="Always"), container("2")]
    assert pod_amount(spec, "requests.cpu") == Decimal("2.25")
    spec["initContainers"][1] = container("1")
    assert pod_amount(spec, "requests.cpu") == Decimal("1.75")
    assert pod_amount({**spec, "overhead": {"cpu": "1"}}, "requests.cpu") == Decimal("2.75")
    assert pod_amount({**spec, "resources": {"requests": {"cpu": "8"}}}, "requests.cpu") == 8
    gpu = {"containers": [{"name": "c", "resources": {"limits": {"nvidia.com/gpu": "2"}}}]}
    assert pod_amount(gpu, "requests.nvidia.com/gpu") == 2


@pytest.mark.parametrize("name", ["pods", "count/pods", "cpu", "requests.memory", "limits.cpu", "requests.nvidia.com/gpu", "hugepages-2Mi"])
def test_resources_of_pods(name):
    """Quotas of pods and what they ask for are told from quotas of objects."""
    assert is_pod_resource(name)
    assert not any(map(is_pod_resource, ("configmaps", "requests.storage", "count/jobs.batch", "gold.storageclass.storage.k8s.io/requests.storage")))


@pytest.mark.parametrize(
    ("scopes", "spec", "inside"),
    [
        (["Terminating"], {"activeDeadlineSeconds": 5}, True),
        (["Terminating"], {}, False),
        (["NotTerminating"], {}, True),
        (["BestEffort"], {"containers": [{"name": "c"}]}, True),
        (["BestEffort"], {"containers": [{"name": "c", "resources": {"limits": {"cpu": 1}}}]}, False),
        (["NotBestEffort", "Terminating"], {"containers": [{"name": "c", "resources": {"limits": {"cpu": 1}}}]}, False),
        ([("PriorityClass", "In", ["high"])], {"priorityClassName": "high"}, True),
        ([("PriorityClass", "In", ["high"])], {}, False),
        ([("PriorityClass", "NotIn", ["high"])], {}, True),
        ([("PriorityClass", "Exists", [])], {"priorityClassName": "low"}, True),
        ([("PriorityClass", "DoesNotExist", [])], {"priorityClassName": "low"}, False),
        (["OfALaterVersion"], {}, False),
    ],
)
def test_scopes(scopes, spec, inside):
    """A quota counts only pods in all of its scopes; an unknown scope counts nothing."""
    plain = [scope for scope in scopes if isinstance(scope, str)]
    chosen = [{"scopeName": scope[0], "operator": scope[1], "values": scope[2]} for scope in scopes if not isinstance(scope, str)]

    assert in_scope({"spec": {"scopes": plain, "scopeSelector": {"matchExpressions": chosen}}}, spec) is inside


def test_whose_a_pod_is():
    """A pod of a ReplicaSet is its Deployment's if the ReplicaSet is named after a template."""

    def pod(kind: str, name: str, **labels: str) -> dict[str, Any]:
        return {"metadata": {"name": "p", "labels": labels, "ownerReferences": [{"controller": True, "kind": kind, "name": name}]}}

    assert workload_of(pod("ReplicaSet", "web-5d4", **{"pod-template-hash": "5d4"})) == ("Deployment", "web")
    assert workload_of(pod("ReplicaSet", "web-5d4")) == ("ReplicaSet", "web-5d4")
    assert workload_of(pod("StatefulSet", "db")) == ("StatefulSet", "db")
    assert workload_of({"metadata": {"name": "p"}}) == ("Pod", "p")
