"""What a cluster lacks for an object to work: a controller, a metrics API, a network that enforces policies.

The API server stores such an object without an error, and nothing ever acts on it. A cluster says what cannot be found out
through its API in the ConfigMap `turnup-cluster` of kube-public: a key is one of the kinds below, its value the sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item

STATEMENT = "/api/v1/namespaces/kube-public/configmaps/turnup-cluster"
"""Where a cluster says what it lacks."""
# 404: nobody made a statement, or the API is not served. 403: this account may not know.
_UNKNOWN = (403, 404)


@dataclass(frozen=True)
class Missing:
    """Something that the cluster lacks.

    Attributes:
        items: the objects that need it.
        sentence: what it lacks, and what follows.
    """

    items: tuple[Item, ...]
    sentence: str

    @property
    def note(self) -> str:
        """The line for the user, with the first of the objects."""
        more = f" and {len(self.items) - 1} more" if len(self.items) > 1 else ""
        return f"note: {self.items[0].label}: {self.items[0].identity}{more}: {self.sentence}"


def find_missing(client: Client, items: Iterable[Item], executor: Executor) -> list[Missing]:
    """Returns what the cluster lacks for the given objects; sends no request if no object needs any of it.

    Args:
        client: client of the API server.
        items: the objects.
        executor: runs requests in parallel.

    Raises:
        TurnupError: the API server does not answer.
    """
    needs: dict[str, list[Item]] = {}
    for item in items:
        need = _need(item)
        if need:
            needs.setdefault(need, []).append(item)
    found = executor.map(lambda need: _CHECKS[need](client, needs[need]), needs)
    return [missing for group in found for missing in group]


def _need(item: Item) -> str:
    """Returns what an object needs of a cluster, a key of _CHECKS; "" for nothing."""
    group, kind = item.identity.group, item.identity.kind
    if (group, kind) == ("", "Service"):
        return "LoadBalancer" if (item.obj.get("spec") or {}).get("type") == "LoadBalancer" else ""
    return kind if (group, kind) in _KINDS else ""


def read_statement(client: Client) -> dict[str, str]:
    """Returns what the cluster says that it lacks: kind or Service type -> sentence; {} if it says nothing.

    Raises:
        TurnupError: the API server does not answer.
    """
    found: Mapping[str, Any] = client.get_or_none(STATEMENT, absent=_UNKNOWN) or {}
    data = found.get("data") or {}
    return {need: " ".join(sentence.split()) for need, sentence in data.items() if isinstance(sentence, str) and sentence.strip()}


def _stated(need: str) -> Callable[[Client, list[Item]], list[Missing]]:
    """Returns a check that asks the cluster's own statement."""

    def check(client: Client, items: list[Item]) -> list[Missing]:
        sentence = read_statement(client).get(need)
        return [Missing(tuple(items), sentence)] if sentence else []

    return check


def _ingress(client: Client, items: list[Item]) -> list[Missing]:
    """Checks that there are ingress controllers, by their classes."""
    answer = client.get_or_none("/apis/networking.k8s.io/v1/ingressclasses", absent=_UNKNOWN)
    if answer is None:
        return []
    classes = {each["metadata"]["name"] for each in answer.get("items") or []}
    if not classes:
        return [Missing(tuple(items), "the cluster has no IngressClass, so no Ingress controller serves it")]
    by_class: dict[str, list[Item]] = {}
    for item in items:
        wanted = (item.obj.get("spec") or {}).get("ingressClassName")
        if wanted and wanted not in classes:
            by_class.setdefault(wanted, []).append(item)
    present = ", ".join(sorted(classes))
    return [
        Missing(tuple(group), f"the cluster has no IngressClass {name!r}, so no Ingress controller serves it; it has {present}")
        for name, group in by_class.items()
    ]


def _autoscaler(client: Client, items: list[Item]) -> list[Missing]:
    """Checks that the API of the metrics that autoscalers read is served."""
    missing = []
    for kinds, group in _METRICS.items():
        using = tuple(item for item in items if _metric_types(item) & kinds)
        if using and client.get_or_none(f"/apis/{group}", absent=(404,)) is None:
            missing.append(Missing(using, f"the cluster does not serve {group}, so the autoscaler does not scale; install a metrics server or adapter"))
    return missing


# Types of an autoscaler's metrics -> the API group that serves them.
# https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#support-for-metrics-apis
_METRICS = {
    frozenset({"Resource", "ContainerResource"}): "metrics.k8s.io",
    frozenset({"Pods", "Object"}): "custom.metrics.k8s.io",
    frozenset({"External"}): "external.metrics.k8s.io",
}


def _metric_types(item: Item) -> set[str]:
    """Returns the types of an autoscaler's metrics; without metrics it reads the CPU's."""
    metrics = (item.obj.get("spec") or {}).get("metrics") or []
    return {str(metric.get("type")) for metric in metrics} or {"Resource"}


_KINDS = {
    ("networking.k8s.io", "NetworkPolicy"),
    ("networking.k8s.io", "Ingress"),
    ("autoscaling", "HorizontalPodAutoscaler"),
}
_CHECKS: dict[str, Callable[[Client, list[Item]], list[Missing]]] = {
    "NetworkPolicy": _stated("NetworkPolicy"),
    "LoadBalancer": _stated("LoadBalancer"),
    "Ingress": _ingress,
    "HorizontalPodAutoscaler": _autoscaler,
}
