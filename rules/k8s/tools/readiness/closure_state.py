"""State of a closure: which objects of its targets are not ready, according to an informer."""

from __future__ import annotations

from collections.abc import Iterable

from rules.k8s.tools.api.discovery import POD
from rules.k8s.tools.api.informer import Collection, Informer
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.kinds import WORKLOADS
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.output.events import TargetState, UnreadyObject
from rules.k8s.tools.readiness.pods import PodIndex, has_messages, pod_reason
from rules.k8s.tools.readiness.readiness import readiness


def collections_of(items: Iterable[Item]) -> dict[Collection, list[str]]:
    """Returns the collections that an informer needs for the state of items, with the items' names in each."""
    found: dict[Collection, list[str]] = {}
    for item in items:
        found.setdefault((item.resource, item.identity.namespace), []).append(item.identity.name)
        if item.identity.kind in WORKLOADS:
            found.setdefault((POD, item.identity.namespace), [])
    return found


def pods_with_messages(targets: Iterable[TargetState]) -> list[Object]:
    """Returns the pods whose termination messages a report of the state would quote."""
    return [pod for target in targets for waiting in target.waiting for pod, _ in waiting.pods if has_messages(pod)]


class ClosureState:
    """The state of a closure's targets.

    Args:
        plan: the plan of the closure.
        items: the objects that count.
        informer: a copy of their collections.
    """

    def __init__(self, plan: Plan, items: Iterable[Item], informer: Informer) -> None:
        self._informer = informer
        own = {entry.label for entry in plan.entries}
        self._targets = [(entry.label, entry.service, tuple(dep for dep in entry.deps if dep in own)) for entry in plan.entries]
        self._items: dict[str, list[Item]] = {entry.label: [] for entry in plan.entries}
        for item in items:
            self._items[item.label].append(item)

    def states(self) -> list[TargetState]:
        """Returns the state of every target, dependencies first."""
        pods = PodIndex(self._informer.all("Pod"))
        return [TargetState(label, service, deps, tuple(self._waiting(self._items[label], pods))) for label, service, deps in self._targets]

    def _waiting(self, items: Iterable[Item], pods: PodIndex) -> Iterable[UnreadyObject]:
        """Yields those items that are not ready."""
        for item in items:
            live = self._informer.get((item.resource.api_version, item.resource.kind, item.identity.namespace, item.identity.name))
            found = readiness(live)
            if not found.ready:
                own: list[Object] = []
                if live and item.identity.kind == "Pod":
                    own = [live]
                elif live and item.identity.kind in WORKLOADS:
                    own = pods.of(live)
                unready = [(pod, pod_reason(pod)) for pod in own if not readiness(pod).ready]
                yield UnreadyObject(item.identity, found, tuple(sorted(unready, key=lambda pair: pair[0]["metadata"]["name"])), live)
