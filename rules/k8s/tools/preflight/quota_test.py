"""Tests of the comparison of a closure with a quota."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, deployment
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.objects import identity
from rules.k8s.tools.preflight.quota import find_exceeded, parse_quantity


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


def test_scoped_quota_is_left_to_the_server():
    """A quota that counts only some pods is left to the server."""
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
