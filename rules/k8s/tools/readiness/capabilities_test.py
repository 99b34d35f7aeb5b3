"""Tests of what a cluster lacks for an object to work."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.objects import identity
from rules.k8s.tools.readiness.capabilities import STATEMENT, find_missing


class _Cluster:
    """A client whose server has the given paths; all others are absent."""

    def __init__(self, **paths: dict[str, Any]) -> None:
        self.paths = {STATEMENT if name == "statement" else name: value for name, value in paths.items()}
        self.asked: list[str] = []

    def get_or_none(self, path: str, **_: Any) -> dict[str, Any] | None:
        self.asked.append(path)
        return self.paths.get(path)


def _item(kind: str, api: str, name: str = "x", **spec: Any) -> Item:
    obj = {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": "dev"}, "spec": spec}
    return Item("//a:dev", obj, Resource(api, kind, kind.lower() + "s", True), identity(obj))


def _missing(cluster: _Cluster, *items: Item) -> list[str]:
    with ThreadPoolExecutor(2) as executor:
        return [missing.note for missing in find_missing(cluster, items, executor)]


POLICY = _item("NetworkPolicy", "networking.k8s.io/v1")
INGRESS = _item("Ingress", "networking.k8s.io/v1", ingressClassName="nginx")
SCALER = _item("HorizontalPodAutoscaler", "autoscaling/v2")
BALANCER = _item("Service", "v1", type="LoadBalancer")
CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"


def test_nothing_is_asked_for_other_objects():
    """A closure without such objects sends no request."""
    cluster = _Cluster()

    assert _missing(cluster, _item("Service", "v1", type="ClusterIP"), _item("Service", "v1"), _item("ConfigMap", "v1")) == []
    assert _missing(cluster, _item("Ingress", "example.com/v1"), _item("NetworkPolicy", "crd.projectcalico.org/v1")) == []
    assert cluster.asked == []


def test_the_clusters_own_statement():
    """The cluster's sentence is told for the kinds that it names, with one line for all objects of a kind."""
    cluster = _Cluster(statement={"data": {"NetworkPolicy": "nothing enforces network policies\nhere", "Ingress": "ignored: it has classes"}})

    assert _missing(cluster, POLICY, BALANCER, _item("NetworkPolicy", "networking.k8s.io/v1", "y")) == [
        "note: //a:dev: NetworkPolicy dev/x and 1 more: nothing enforces network policies here"
    ]


@pytest.mark.parametrize("statement", [{}, {"data": None}, {"data": {"NetworkPolicy": " "}}, {"data": {"NetworkPolicy": 1}}])
def test_an_odd_statement_says_nothing(statement):
    """A statement without a sentence is no statement."""
    assert _missing(_Cluster(statement=statement), POLICY) == []


def test_ingress_without_controller():
    """An Ingress needs an IngressClass, and the one that it names; an account that may not list them learns nothing."""
    other = _item("Ingress", "networking.k8s.io/v1", "y")
    empty, traefik = _Cluster(**{CLASSES: {"items": []}}), _Cluster(**{CLASSES: {"items": [{"metadata": {"name": "traefik"}}]}})

    assert _missing(empty, INGRESS, other) == ["note: //a:dev: Ingress dev/x and 1 more: the cluster has no IngressClass, so no Ingress controller serves it"]
    assert _missing(traefik, INGRESS, other) == [
        "note: //a:dev: Ingress dev/x: the cluster has no IngressClass 'nginx', so no Ingress controller serves it; it has traefik"
    ]
    assert _missing(_Cluster(**{CLASSES: {"items": [{"metadata": {"name": "nginx"}}]}}), INGRESS, other) == []
    assert _missing(_Cluster(), INGRESS) == []


@pytest.mark.parametrize(
    ("metrics", "group"),
    [
        ([], "metrics.k8s.io"),
        ([{"type": "ContainerResource"}], "metrics.k8s.io"),
        ([{"type": "Object"}], "custom.metrics.k8s.io"),
        ([{"type": "External"}], "external.metrics.k8s.io"),
    ],
)
def test_autoscaler_without_metrics(metrics, group):
    """An autoscaler needs the API of the metrics that it reads."""
    scaler = _item("HorizontalPodAutoscaler", "autoscaling/v2", metrics=metrics)

    (note,) = _missing(_Cluster(), scaler)
    assert note.startswith(f"note: //a:dev: HorizontalPodAutoscaler dev/x: the cluster does not serve {group}, so")
    assert _missing(_Cluster(**{f"/apis/{group}": {"kind": "APIGroup"}}), scaler) == []
