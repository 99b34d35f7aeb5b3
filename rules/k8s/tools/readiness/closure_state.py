"""How far the targets of a closure are, as a mirror of the cluster shows it."""

from __future__ import annotations

from typing import Iterable

from rules.k8s.tools.api.discovery import POD
from rules.k8s.tools.api.informer import Collection, Informer
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.kinds import WORKLOADS
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.output.events import Part, Waiting
from rules.k8s.tools.readiness.pods import PodIndex, has_words, pod_reason
from rules.k8s.tools.readiness.readiness import readiness


def collections_of(items: Iterable[Item]) -> dict[Collection, list[str]]:
    """Returns the collections that a mirror needs to show how far items are, and the items' names in each."""
    found: dict[Collection, list[str]] = {}
    for item in items:
        found.setdefault((item.resource, item.identity.namespace), []).append(item.identity.name)
        if item.identity.kind in WORKLOADS:
            found.setdefault((POD, item.identity.namespace), [])
    return found


def pods_with_messages(parts: Iterable[Part]) -> list[Object]:
    """Returns the pods whose own words a report of the state would have."""
    return [pod for part in parts for waiting in part.waiting for pod, _ in waiting.pods if has_words(pod)]


class ClosureState:
    """The objects of a run as a mirror sees them.

    Args:
        plan: the closure.
        items: those of its objects that count.
        mirror: of their collections.
    """

    def __init__(self, plan: Plan, items: Iterable[Item], informer: Informer):
        self._mirror = informer
        own = {entry.label for entry in plan.entries}
        self._parts = [(entry.label, entry.service, tuple(dep for dep in entry.deps if dep in own)) for entry in plan.entries]
        self._items: dict[str, list[Item]] = {entry.label: [] for entry in plan.entries}
        for item in items:
            self._items[item.label].append(item)

    def parts(self) -> list[Part]:
        """Returns every target with what it waits for, dependencies first."""
        pods = PodIndex(self._mirror.all("Pod"))
        return [Part(label, service, deps, tuple(self._waiting(self._items[label], pods))) for label, service, deps in self._parts]

    def _waiting(self, items: Iterable[Item], pods: PodIndex) -> Iterable[Waiting]:
        for item in items:
            live = self._mirror.get((item.resource.api_version, item.resource.kind, item.identity.namespace, item.identity.name))
            found = readiness(live)
            if not found.ready:
                own: list[Object] = []
                if live and item.identity.kind == "Pod":
                    own = [live]
                elif live and item.identity.kind in WORKLOADS:
                    own = pods.of(live)
                unready = [(pod, pod_reason(pod)) for pod in own if not readiness(pod).ready]
                yield Waiting(item.identity, found, tuple(sorted(unready, key=lambda pair: pair[0]["metadata"]["name"])), live)
