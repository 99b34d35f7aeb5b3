"""Waiting until a closure is ready, and saying meanwhile what waits for what."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Iterable, TextIO

from rules.k8s.tools.client import Client
from rules.k8s.tools.discovery import Resource
from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.engine import Item, Result
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.manifests import Identity, Object
from rules.k8s.tools.plan import Plan
from rules.k8s.tools.readiness import AT_ONCE, Readiness, is_bad, pod_reason, pods_of, readiness
from rules.k8s.tools.render import event_line
from rules.k8s.tools.verbs import events_of
from rules.k8s.tools.watching import Mirror

_POD = Resource("v1", "Pod", "pods", True)
# Workloads whose pods are worth showing.
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet")
_EXPLAIN_AFTER = 10.0
_PLAIN_EVERY = 10.0
# A failure that its controller may still mend (a pod that is started again) is not final at once.
_FAILURE_SECONDS = 5.0


@dataclass(frozen=True)
class Waiting:
    """An object that is not ready.

    Attributes:
        identity: the object.
        state: why it is not ready.
        pods: (pod, what it waits for) of those of its pods that are not ready.
    """

    identity: Identity
    state: Readiness
    pods: tuple[tuple[Object, str], ...]


@dataclass(frozen=True)
class Part:
    """A target of the closure while waiting.

    Attributes:
        label: the target.
        title: its service's name, or its label.
        deps: labels of the targets it depends on directly.
        waiting: its objects that are not ready; empty when it is.
    """

    label: str
    title: str
    deps: tuple[str, ...]
    waiting: tuple[Waiting, ...]


class Closure:
    """The objects of a run that take time to become ready, as a mirror sees them."""

    def __init__(self, plan: Plan, items: Iterable[Item], mirror: Mirror):
        self._mirror = mirror
        self._parts = [(entry.label, entry.service or entry.label, entry.deps) for entry in plan.entries]
        self._items: dict[str, list[Item]] = {entry.label: [] for entry in plan.entries}
        for item in items:
            self._items[item.label].append(item)

    def parts(self) -> list[Part]:
        """Returns every target with what it waits for, dependencies first."""
        pods = self._mirror.all("Pod")
        return [Part(label, title, deps, tuple(self._waiting(self._items[label], pods))) for label, title, deps in self._parts]

    def _waiting(self, items: Iterable[Item], pods: list[Object]) -> Iterable[Waiting]:
        for item in items:
            live = self._mirror.get((item.resource.api_version, item.resource.kind, item.identity.namespace, item.identity.name))
            state = readiness(live)
            if not state.ready:
                own = pods_of(live, pods) if live and item.identity.kind in _WORKLOADS else []
                unready = [(pod, pod_reason(pod)) for pod in own if not readiness(pod).ready]
                yield Waiting(item.identity, state, tuple(sorted(unready, key=lambda pair: pair[0]["metadata"]["name"])))


def wait_ready(client: Client, plan: Plan, results: Iterable[Result], seconds: float, say: Callable[[str], None],
               stream: TextIO) -> None:
    """Waits until every applied object is ready.

    Args:
        client: the API server.
        plan: the closure.
        results: what the apply gave.
        seconds: how long at most.
        say: writes a line of progress.
        stream: where a live tree is drawn when it is a terminal.

    Raises:
        TurnupError: the deadline has passed, or an object has failed for good; the
            sentence names what is not ready and why.
    """
    items = [result.item for result in results if (result.item.identity.group, result.item.identity.kind) not in AT_ONCE]
    if not items:
        return
    collections = [(item.resource, item.identity.namespace) for item in items]
    collections += [(_POD, item.identity.namespace) for item in items if item.identity.kind in _WORKLOADS]
    # Watches keep their connections: they get a client of their own, with one for each.
    mirror = Mirror(Client(client.connection, connections=len(set(collections)) + 2), collections)
    mirror.start()
    try:
        if stream.isatty():
            from rules.k8s.tools.tree import LiveTree

            with LiveTree(plan.label, stream) as tree:
                _loop(client, Closure(plan, items, mirror), mirror, seconds, tree.update, tree.explain)
        else:
            lines = _PlainLines(say)
            _loop(client, Closure(plan, items, mirror), mirror, seconds, lines.update, say)
    finally:
        mirror.stop()


def _loop(client: Client, closure: Closure, mirror: Mirror, seconds: float, update: Callable[[list[Part]], None],
          explain: Callable[[str], None]) -> None:
    started = time.monotonic()
    version = -1
    stuck: dict[str, float] = {}
    explained: set[str] = set()
    while True:
        now = time.monotonic() - started
        parts = closure.parts() if mirror.complete else []
        if parts:
            update(parts)
            if not any(part.waiting for part in parts):
                return
            _check_failed(parts, stuck, now, client)
            for text in _explanations(client, parts, stuck, explained, now):
                explain(text)
        if now > seconds:
            raise TurnupError(_deadline(client, parts, seconds))
        version = mirror.wait(version, min(1.0, max(0.01, seconds - now)))


def _check_failed(parts: Iterable[Part], stuck: dict[str, float], now: float, client: Client) -> None:
    """Raises when an object says that it has failed, and has said so for a while."""
    for part in parts:
        for waiting in part.waiting:
            key = f"failed {waiting.identity}"
            if not waiting.state.failed:
                stuck.pop(key, None)
            elif now - stuck.setdefault(key, now) > _FAILURE_SECONDS:
                raise TurnupError(f"{part.label}: {_reason(client, waiting)}; look at it with 'bazel run {part.label}.describe'.")


def _explanations(client: Client, parts: Iterable[Part], stuck: dict[str, float], explained: set[str], now: float) -> Iterable[str]:
    """Yields one explanation for each pod that has been stuck for a while."""
    bad = {pod["metadata"]["uid"]: (part, pod) for part in parts for waiting in part.waiting
           for pod, _ in waiting.pods if is_bad(pod)}
    for uid, (part, pod) in bad.items():
        if now - stuck.setdefault(uid, now) > _EXPLAIN_AFTER and uid not in explained:
            explained.add(uid)
            yield f"  stuck       {part.title}: {_pod_line(client, pod)}"
    for uid in [key for key in stuck if key not in bad and not key.startswith("failed ")]:
        del stuck[uid]


def _pod_line(client: Client, pod: Object) -> str:
    """Returns what a pod waits for, with its last event and the last lines of the container that failed."""
    text = f"pod {pod['metadata']['name']}: {pod_reason(pod)}"
    events = events_of(client, pod)
    if events:
        text += f"; last event: {event_line(events[-1])}"
    log = last_log_lines(client, pod)
    return text + (f"; last log lines: {' | '.join(log)}" if log else "")


def last_log_lines(client: Client, pod: Object, lines: int = 3) -> list[str]:
    """Returns the last lines that the first failed container of a pod has logged; [] where there are none."""
    meta, status = pod["metadata"], pod.get("status") or {}
    for entry in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if not entry.get("restartCount") and not (entry.get("state") or {}).get("terminated"):
            continue
        path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/log"
        previous = "terminated" not in (entry.get("state") or {}) and "running" not in (entry.get("state") or {})
        query = {"container": entry["name"], "tailLines": lines, "previous": "true" if previous else None}
        try:
            return [line for line in client.text(path, query).splitlines() if line.strip()]
        except (ApiError, TurnupError):
            return []
    return []


def _reason(client: Client, waiting: Waiting) -> str:
    text = f"{waiting.identity} {waiting.state.reason}" if not waiting.state.failed else f"{waiting.identity}: {waiting.state.reason}"
    return text + (f" ({_pod_line(client, waiting.pods[0][0])})" if waiting.pods else "")


def _deadline(client: Client, parts: list[Part], seconds: float) -> str:
    if not parts:
        return f"the cluster's state could not be read within {format_duration(seconds)}; give --wait more time."
    blocked = [f"{part.title}: {_reason(client, waiting)}" for part in parts for waiting in part.waiting]
    more = f" and {len(blocked) - 3} more" if len(blocked) > 3 else ""
    return f"not ready after {format_duration(seconds)}: {'; '.join(blocked[:3])}{more}."


class _PlainLines:
    """Progress for a pipe: a line when a target becomes ready, and now and then what is waited for."""

    def __init__(self, say: Callable[[str], None]):
        self._say = say
        self._started = time.monotonic()
        self._last = self._started
        self._ready: set[str] = set()

    def update(self, parts: list[Part]) -> None:
        """Takes the present state."""
        now = time.monotonic()
        for part in parts:
            if not part.waiting and part.label not in self._ready:
                self._ready.add(part.label)
                if now - self._started > 1.0:
                    self._say(f"  ready       {part.title} ({format_duration(now - self._started)})")
        if now - self._last > _PLAIN_EVERY:
            self._last = now
            for text in _blockers(parts):
                self._say(f"  waiting     {text}")


def _blockers(parts: list[Part]) -> list[str]:
    """Returns a line for each target that waits for no other one: what everything else waits for."""
    waiting = {part.label for part in parts if part.waiting}
    lines = []
    for part in parts:
        if part.waiting and not any(dep in waiting for dep in part.deps):
            first = part.waiting[0]
            pod = f", pod {first.pods[0][0]['metadata']['name']}: {first.pods[0][1]}" if first.pods else ""
            lines.append(f"{part.title}: {first.identity} {first.state.reason}{pod}")
    return lines
