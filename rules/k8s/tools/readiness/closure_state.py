"""State of a closure: which objects of its targets are not ready, according to an informer."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from rules.k8s.tools.api.discovery import POD
from rules.k8s.tools.api.informer import Collection as Watched
from rules.k8s.tools.api.informer import Informer
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.kinds import READY_WHEN_WRITTEN, WORKLOADS
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.objects.states import READY, Readiness
from rules.k8s.tools.output.events import TargetState, UnreadyObject
from rules.k8s.tools.readiness.cluster_facts import ClusterFacts
from rules.k8s.tools.readiness.pods import PodIndex, has_messages, pod_reason
from rules.k8s.tools.readiness.readiness import readiness
from rules.k8s.tools.readiness.settling import SettlingPods


def collections_of(items: Iterable[Item]) -> dict[Watched, list[str]]:
    """Returns the collections that an informer needs for the state of items, with the items' names in each."""
    found: dict[Watched, list[str]] = {}
    for item in items:
        found.setdefault((item.resource, item.identity.namespace), []).append(item.identity.name)
        if item.identity.kind in WORKLOADS or item.identity.kind == "PersistentVolumeClaim":
            found.setdefault((POD, item.identity.namespace), [])
    return found


def is_ready_when_written(item: Item) -> bool:
    """Returns whether an item's kind is never more ready than when it is written."""
    return (item.identity.group, item.identity.kind) in READY_WHEN_WRITTEN


def pods_with_messages(targets: Iterable[TargetState]) -> list[Object]:
    """Returns the pods whose termination messages a report of the state would quote."""
    return [pod for target in targets for waiting in target.waiting for pod, _ in waiting.pods if has_messages(pod)]


class ClosureState:
    """The state of a closure's targets.

    Args:
        plan: the plan of the closure.
        items: the objects that count.
        informer: a copy of their collections.
        facts: what else their readiness depends on.
        written: the objects that have been written; others are not ready, also if they exist from an earlier run. None if the
            objects themselves tell: then also those that are ready once written must exist.
        settle: whether pods without a readiness probe must have run for some seconds.
    """

    def __init__(
        self, plan: Plan, items: Iterable[Item], informer: Informer, facts: ClusterFacts, *, written: Collection[Identity] | None = None, settle: bool = False
    ) -> None:
        self._informer = informer
        self._facts = facts
        self._written = written
        own = {entry.label for entry in plan.entries}
        self._targets = [(entry.label, entry.service, tuple(dep for dep in entry.deps if dep in own)) for entry in plan.entries]
        self._items: dict[str, list[Item]] = {entry.label: [] for entry in plan.entries}
        self._jobs: dict[Identity, Object] = {}
        self._settling = SettlingPods() if settle else None
        for item in items:
            self._items[item.label].append(item)

    def states(self) -> list[TargetState]:
        """Returns the state of every target, dependencies first."""
        pods = PodIndex(self._informer.all("Pod"))
        return [self._state(label, service, deps, pods) for label, service, deps in self._targets]

    def _state(self, label: str, service: str, deps: tuple[str, ...], pods: PodIndex) -> TargetState:
        items = self._items[label]
        unwritten = [item.identity for item in items if self._written is not None and item.identity not in self._written]
        waiting, held = [], []
        if unwritten:
            more = f", nor are {len(unwritten) - 1} more objects" if len(unwritten) > 1 else ""
            waiting.append(UnreadyObject(unwritten[0], Readiness(False, f"is not written yet{more}"), ()))
        for item in items:
            if item.identity in unwritten or (self._written is not None and is_ready_when_written(item)):
                continue
            found = self._object(item, pods)
            if not found.state.ready:
                waiting.append(found)
            elif found.state.held:
                held.append(found)
        return TargetState(label, service, deps, tuple(waiting), tuple(held))

    def _object(self, item: Item, pods: PodIndex) -> UnreadyObject:
        """Returns the state of an object that was written."""
        identity = item.identity
        live = self._informer.get((item.resource.api_version, item.resource.kind, identity.namespace, identity.name))
        found = self._readiness(item, live, pods)
        own: list[Object] = []
        if live and identity.kind == "Pod":
            own = [live]
        elif live and identity.kind in WORKLOADS:
            own = pods.of(live)
        if found.ready and self._settling and identity.kind != "Job":
            found = self._settling.check(own) or found
        unready = [] if found.ready else [(pod, pod_reason(pod)) for pod in own if not readiness(pod).ready]
        return UnreadyObject(identity, found, tuple(sorted(unready, key=lambda pair: pair[0]["metadata"]["name"])), live)

    def _readiness(self, item: Item, live: Object | None, pods: PodIndex) -> Readiness:
        """Returns an object's readiness, for those kinds for which it depends on more than the object."""
        kind, found = (item.identity.group, item.identity.kind), readiness(live)
        if kind == ("batch", "Job"):
            return self._job(item, live, found)
        if found.ready or live is None or live["metadata"].get("deletionTimestamp"):
            return found
        if kind == ("", "PersistentVolumeClaim") and (live.get("status") or {}).get("phase") == "Pending":
            unused = not pods.using_claim(item.identity.namespace, item.identity.name)
            return READY if unused and self._facts.is_bound_late(live) else found
        if kind == ("", "Service") and (live.get("spec") or {}).get("type") == "LoadBalancer" and (sentence := self._facts.no_load_balancer):
            return Readiness(True, sentence, held=True)
        return found

    def _job(self, item: Item, live: Object | None, found: Readiness) -> Readiness:
        """Returns a Job's readiness; one that its time to live removed has the outcome that was seen last, or has succeeded."""
        if live is not None:
            self._jobs[item.identity] = live
            return found
        if (item.obj.get("spec") or {}).get("ttlSecondsAfterFinished") is None:
            return found
        last = self._jobs.get(item.identity)
        if last is not None:
            outcome = readiness(last)
            return outcome if outcome.failed else READY
        return READY if self._facts.was_written(item.identity) else found
