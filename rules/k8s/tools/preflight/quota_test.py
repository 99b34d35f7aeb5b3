"""Tests of the comparison of a closure with a quota."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, deployment
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.objects import identity
from rules.k8s.tools.preflight.quantities import parse_quantity
from rules.k8s.tools.preflight.quota import NamespaceState, find_exceeded


def item(obj: dict[str, Any]) -> Item:
    """Returns an item of an object."""
    return Item("//a:dev", obj, Resource(obj["apiVersion"], obj["kind"], obj["kind"].lower() + "s", True), identity(obj))


def web(replicas: int, **requests: str) -> Item:
    """Returns a Deployment with requests."""
    obj = deployment("web", replicas=replicas)
    obj["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": requests}
    return item(obj)


def quota(**hard: str) -> dict[str, Any]:
    """Returns a quota."""
    return {"metadata": {"name": "q"}, "spec": {"hard": {key.replace("__", ".").replace("_per_", "/"): value for key, value in hard.items()}}}


@pytest.mark.parametrize(
    ("text", "value"),
    [("500m", "0.5"), ("1Gi", "1073741824"), (2, "2"), ("1e3", "1000"), ("3k", "3000"), ("0.5", "0.5"), ("x", None), (True, None), ("Gi", None)],
)
def test_quantities(text, value):
    """Quantities are parsed as Kubernetes writes them."""
    assert parse_quantity(text) == (None if value is None else Decimal(value))


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"pods": "4"}, ""),
        ({"pods": "3"}, "request 4 pods, and the quota q allows 3"),
        ({"requests__cpu": "2"}, ""),
        ({"requests__cpu": "1900m"}, "request 2 requests.cpu, and the quota q allows 1900m"),
        ({"memory": "100Mi"}, "request 128Mi memory"),
        ({"count_per_deployments__apps": "0"}, "request 1 count/deployments.apps"),
        ({"configmaps": "0"}, "request 1 configmaps"),
        ({"services__loadbalancers": "0"}, ""),
    ],
)
def test_sums(limits, sentence):
    """Pods, requests and counts are summed over all objects."""
    found = find_exceeded(quota(**limits), [web(4, cpu="500m", memory="32Mi"), item(config_map("a"))])

    assert [sentence in text for _, text in found] == ([True] if sentence else [])


def test_a_quota_of_other_pods_does_not_count():
    """A quota that counts only other pods than those of the closure allows them."""
    limited = quota(pods="1")
    limited["spec"]["scopes"] = ["Terminating"]

    assert find_exceeded(limited, [web(9)]) == []


def claim(name: str, storage: str) -> Item:
    """Returns a claim."""
    return item(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": "dev"},
            "spec": {"resources": {"requests": {"storage": storage}}},
        }
    )


@pytest.mark.parametrize(
    ("limits", "used", "sentence"),
    [
        ({"configmaps": "10"}, {"configmaps": "8"}, ""),
        ({"configmaps": "10"}, {"configmaps": "9"}, "the new objects request 2 configmaps, and the quota q allows 10, of which 9 are in use"),
        ({"count_per_configmaps": "10"}, {"count/configmaps": "9"}, "request 2 count/configmaps"),
        ({"requests__storage": "10Gi"}, {"requests.storage": "8Gi"}, "request 3Gi requests.storage"),
        ({"requests__storage": "10Gi"}, {"requests.storage": "7Gi"}, ""),
        # None of the new objects is a Service, so a limit that is already exceeded is not an error of this run.
        ({"services": "1"}, {"services": "5"}, ""),
        # The pods in use include this stack's, and the server accepts new pods that replace them.
        ({"pods": "5"}, {"pods": "5"}, ""),
        ({"requests__cpu": "2"}, {"requests.cpu": "2"}, ""),
    ],
)
def test_what_is_in_use_leaves_less_room_for_what_is_new(limits, used, sentence):
    """New objects must fit beside what is in use; existing objects and pods are not counted twice."""
    limited = {**quota(**limits), "status": {"used": used}}
    there, new = [item(config_map("a")), web(4, cpu="500m")], [item(config_map(name)) for name in "bc"] + [claim("d", "3Gi")]
    found = find_exceeded(limited, [*there, *new], {each.identity for each in new})

    assert [sentence in text for _, text in found] == ([True] if sentence else [])


def pod(workload: str = "", kind: str = "ReplicaSet", phase: str = "Running", **requests: str) -> dict[str, Any]:
    """Returns a live pod of a Deployment's ReplicaSet, or of a workload of another kind, or of none."""
    meta: dict[str, Any] = {"name": f"{workload or 'alone'}-1", "namespace": "dev"}
    if workload:
        name = f"{workload}-5d4" if kind == "ReplicaSet" else workload
        meta |= {"labels": {"pod-template-hash": "5d4"}, "ownerReferences": [{"controller": True, "kind": kind, "name": name}]}
    return {"metadata": meta, "spec": {"containers": [{"name": "c", "resources": {"requests": requests}}]}, "status": {"phase": phase}}


@pytest.mark.parametrize(
    ("hard", "pods", "rolls", "sentence"),
    [
        ("3", [], False, ""),
        ("3", [pod()], False, "the objects request 3 pods beside the 1 that others use, and the quota q allows 3"),
        ("4", [pod()], False, ""),
        ("3", [pod(phase="Succeeded")], False, ""),
        ("4", [pod("web"), pod("web"), pod("web"), pod("other")], False, ""),
        ("3", [pod("web"), pod("web"), pod("web"), pod("other")], False, ""),  # It adds no pod to what exceeds the quota already.
        ("3", [pod("web"), pod("web"), pod("other")], False, "the objects request 3 pods beside the 1 that others use"),
        ("3", [pod("gone")] * 3, False, ""),
        ("1", [pod("web")] * 3, False, ""),  # Somebody has lowered the quota; what runs goes on.
        ("1", [pod("web")] * 3, True, "the rollout of Deployment dev/web starts a new pod"),
        ("2", [pod("web")] * 2, False, "the objects request 3 pods, and the quota q allows 2"),
        (
            "3",
            [pod("web")] * 3,
            True,
            "the rollout of Deployment dev/web starts a new pod before it deletes an old one, which takes 4 pods and the quota q allows",
        ),
        ("4", [pod("web")] * 3, True, ""),
        ("4", [*[pod("web")] * 3, pod("other")], True, "which takes 4 pods beside the 1 that others use, and the quota q allows 4"),
    ],
)
def test_pods_of_others_and_of_rollouts(hard, pods, rolls, sentence):
    """Pods of others count, and one more for a rollout that needs it; pods that the run deletes and pods that have ended do not."""
    web3 = web(3)
    state = NamespaceState(pods=tuple(pods), leaving=frozenset({("Deployment", "gone")}), rolls=lambda item: rolls)
    found = find_exceeded(quota(pods=hard), [web3], [] if any("web" in each["metadata"]["name"] for each in pods) else [web3.identity], state)

    assert [sentence in text for _, text in found] == ([True] if sentence else []), found


def test_what_others_request_counts_too():
    """Requests of other pods are added to those of the manifests."""
    new = web(2, cpu="500m")
    found = find_exceeded(quota(requests__cpu="2"), [new], [new.identity], NamespaceState(pods=(pod(cpu="1500m"),)))

    assert [
        "request 1 requests.cpu beside the 1.5 that others use, and the quota q allows 2; make room, request less, or raise the quota." in text
        for _, text in found
    ] == [True]


def test_scopes_count_only_what_falls_in():
    """A quota with a scope counts the pods in it, of the closure and of others, and no objects."""
    limited = quota(pods="2", configmaps="0")
    limited["spec"]["scopeSelector"] = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}
    low, high = web(5), web(2)
    high.obj["spec"]["template"]["spec"]["priorityClassName"] = "high"
    urgent = pod()
    urgent["spec"]["priorityClassName"] = "high"

    assert find_exceeded(limited, [low, high, item(config_map("a"))], [], NamespaceState(pods=(pod(), pod()))) == []
    (found,) = find_exceeded(limited, [low, high], [high.identity], NamespaceState(pods=(urgent,)))
    assert found[0] is high and "request 2 pods beside the 1 that others use" in found[1]


def stateful(replicas: int) -> Item:
    """Returns a StatefulSet with a claim of 1 GiB for each pod."""
    template = {"metadata": {"name": "data"}, "spec": {"storageClassName": "gold", "resources": {"requests": {"storage": "1Gi"}}}}
    obj = deployment("db", replicas=replicas)
    return item({**obj, "kind": "StatefulSet", "spec": {**obj["spec"], "volumeClaimTemplates": [template]}})


@pytest.mark.parametrize(
    ("limits", "used", "sentence"),
    [
        ({"persistentvolumeclaims": "2"}, {}, "request 3 persistentvolumeclaims"),
        ({"requests__storage": "2Gi"}, {}, "request 3Gi requests.storage"),
        ({"gold__storageclass__storage__k8s__io_per_requests__storage": "2Gi"}, {}, "request 3Gi gold.storageclass.storage.k8s.io/requests.storage"),
        ({"tin__storageclass__storage__k8s__io_per_persistentvolumeclaims": "0"}, {}, ""),
        ({"persistentvolumeclaims": "4"}, {"persistentvolumeclaims": "2"}, ""),  # One of the three exists.
        ({"persistentvolumeclaims": "4"}, {"persistentvolumeclaims": "3"}, "the new objects request 2 persistentvolumeclaims"),
    ],
)
def test_claims_of_stateful_sets_count(limits, used, sentence):
    """The claims that a StatefulSet creates count, by class, except those that exist."""
    limited = {**quota(**limits), "status": {"used": used}}
    state = NamespaceState(claims=({"metadata": {"name": "data-db-0"}},))
    found = find_exceeded(limited, [stateful(3)], [], state)

    assert [sentence in text for _, text in found] == ([True] if sentence else []), found


def test_services_that_cost_count():
    """Load balancers and node ports count as Kubernetes counts them."""

    def service(kind: str) -> Item:
        return item({"apiVersion": "v1", "kind": "Service", "metadata": {"name": kind.lower(), "namespace": "dev"}, "spec": {"type": kind, "ports": [{}, {}]}})

    both = [service("LoadBalancer"), service("NodePort"), service("ClusterIP")]
    found = [text for _, text in find_exceeded(quota(services__loadbalancers="0", services__nodeports="3"), both)]
    assert "request 1 services.loadbalancers" in found[0] and "request 4 services.nodeports" in found[1]


def test_what_the_cluster_has_not_counted_yet_is_counted():
    """Of a quota that the run creates, the use is what exists."""
    new = item(config_map("b"))
    assert find_exceeded(quota(configmaps="3"), [new], [new.identity], NamespaceState(counts={"configmaps": 3}))
    assert not find_exceeded(quota(configmaps="4"), [new], [new.identity], NamespaceState(counts={"configmaps": 3}))
