"""Stuck objects: when and how a waiting run explains them, and which end the wait early."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.kinds import EXPLAINED_BY_EVENTS
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.output.events import Event, TargetState, UnreadyObject, stuck
from rules.k8s.tools.output.render import event_line
from rules.k8s.tools.readiness.bounds import out_of_processes
from rules.k8s.tools.readiness.current_pods import CurrentPods, blocking_old_pods
from rules.k8s.tools.readiness.kube_events import list_events
from rules.k8s.tools.readiness.pods import cannot_start, is_failing, most_telling_container, pod_reason, restart_count

# Seconds until a failing object is explained, and one that is merely slow but has a warning.
_BAD_AFTER = 7.0
_SLOW_AFTER = 10.0
_EVENTS_EVERY = 3.0
_LOG_LINES = 20
# The number of pods of an object for which events are read.
_PODS_WITH_EVENTS = 3
# A controller may still fix a failure, for example by starting a pod again.
_FAILURE_SECONDS = 5.0
# How long an image or a Secret may be missing: somebody may be pushing or creating it.
_CANNOT_START_SECONDS = 60.0
# How often a container may crash once everything that its service depends on is ready.
_MAX_CRASHES = 5


class StuckDetector:
    """Detects stuck objects while a run waits.

    Args:
        client: client of the API server, for events and logs.
        learn: receives pods before their log lines or messages are shown.
    """

    def __init__(self, client: Client, learn: Callable[[Iterable[Object]], None] = lambda pods: None) -> None:
        self._client = client
        self._learn = learn
        self._current = CurrentPods(client)
        self._since: dict[tuple[str, str], float] = {}
        self._held_since: dict[str, float] = {}
        self._events_read: dict[str, float] = {}
        self._explained: set[tuple[str, bool]] = set()

    def explanations(self, targets: Sequence[TargetState], now: float) -> Iterator[Event]:
        """Yields an explanation for each object that has been stuck for a while, once.

        Args:
            targets: the present state of every target.
            now: seconds on a monotonic clock.
        """
        waiting_labels = {target.label for target in targets if target.waiting}
        seen: set[tuple[str, str]] = set()
        for target in targets:
            for waiting in target.waiting:
                yield from self._explain_if_due(target, waiting, waiting_labels, now, seen)
        for key in [key for key in self._since if key not in seen]:
            del self._since[key]

    def _explain_if_due(self, target: TargetState, waiting: UnreadyObject, waiting_labels: set[str], now: float, seen: set[tuple[str, str]]) -> Iterator[Event]:
        name = str(waiting.identity)
        failing = self._failing_pods(waiting)
        is_failing_now = bool(failing) or waiting.state.bad or waiting.state.failed
        for word in ("slow", "bad") if is_failing_now else ("slow",):
            seen.add((name, word))
            self._since.setdefault((name, word), now)
        if is_failing_now and now - self._since[name, "bad"] >= _BAD_AFTER and (name, True) not in self._explained:
            self._explained |= {(name, True), (name, False)}
            yield self._explain(target, waiting, failing[0] if failing else None, waiting_labels)
        elif (
            now - self._since[name, "slow"] >= _SLOW_AFTER
            and (name, False) not in self._explained
            and now - self._events_read.get(name, -_EVENTS_EVERY) >= _EVENTS_EVERY
        ):
            self._events_read[name] = now
            if explained := self._explained_by_event(waiting):
                self._explained.add((name, False))
                yield self._explain(target, waiting, explained[0], waiting_labels)

    def _failing_pods(self, waiting: UnreadyObject) -> list[Object]:
        """Returns the failing pods that keep an object from becoming ready."""
        failing = [pod for pod, _ in waiting.pods if is_failing(pod)]
        current = self._current.of(waiting, failing)
        return current or blocking_old_pods(waiting, failing)

    def _explained_by_event(self, waiting: UnreadyObject) -> list[Object | None]:
        """Returns what has an event that explains the delay: [the first such pod], [None] for the object itself, [] for nothing."""
        candidates: list[Object | None] = [*self._current.of(waiting, [pod for pod, _ in waiting.pods][:_PODS_WITH_EVENTS]), None]
        for candidate in candidates:
            live = candidate or waiting.live
            if live and any(event.get("type") == "Warning" or live.get("kind") in EXPLAINED_BY_EVENTS for event in list_events(self._client, live)):
                return [candidate]
        return []

    def _explain(self, target: TargetState, waiting: UnreadyObject, pod: Object | None, waiting_labels: set[str]) -> Event:
        self._learn([pod] if pod else [])
        reason = pod_reason(pod) if pod else waiting.state.reason
        if pod and waiting.identity.kind == "StatefulSet" and not self._current.of(waiting, [pod]):
            reason += " (it has the previous template, and the StatefulSet waits for it; delete the pod)"
        starting = [dep for dep in target.deps if dep in waiting_labels]
        if starting:
            reason += f" (it depends on {', '.join(starting)}, which {'is' if len(starting) == 1 else 'are'} not ready yet)"
        container, log = last_log_lines(self._client, pod, _LOG_LINES) if pod else ("", [])
        bound = out_of_processes(log)
        if bound and bound not in reason:
            reason += f": {bound}"
        return stuck(
            target,
            waiting,
            pod=pod["metadata"]["name"] if pod else "",
            reason=reason,
            last_event=last_event(self._client, pod or waiting.live),
            container=container,
            log=log,
        )

    def check(self, targets: Iterable[TargetState], now: float) -> None:
        """Ends the wait if waiting longer is pointless.

        Args:
            targets: the present state of the targets that count.
            now: seconds on a monotonic clock.

        Raises:
            TurnupError: an object has failed, lacks its image or a Secret, or crashes repeatedly although everything
                that it depends on is ready.
        """
        targets = list(targets)
        waiting_labels = {target.label for target in targets if target.waiting}
        for target in targets:
            deps_ready = not any(dep in waiting_labels for dep in target.deps)
            for waiting in target.waiting:
                if self._is_final(waiting, deps_ready, now):
                    raise TurnupError(f"{target.label}: {self.sentence(waiting)}; look at it with 'bazel run {target.label}.describe'.")

    def _is_final(self, waiting: UnreadyObject, deps_ready: bool, now: float) -> bool:
        crashed = [pod for pod, _ in waiting.pods if deps_ready and is_failing(pod) and restart_count(pod) >= _MAX_CRASHES]
        unstartable = [pod for pod, _ in waiting.pods if cannot_start(pod)]
        if self._current.of(waiting, crashed):
            return True
        return self._has_held(waiting, "failed", waiting.state.failed, now, _FAILURE_SECONDS) or self._has_held(
            waiting, "start", bool(self._current.of(waiting, unstartable)), now, _CANNOT_START_SECONDS
        )

    def _has_held(self, waiting: UnreadyObject, word: str, holds: bool, now: float, seconds: float) -> bool:
        """Returns whether a condition has held without interruption for some seconds."""
        key = f"{word} {waiting.identity}"
        if not holds:
            self._held_since.pop(key, None)
            return False
        return now - self._held_since.setdefault(key, now) >= seconds

    def sentence(self, waiting: UnreadyObject) -> str:
        """Returns a clause about an object that is not ready: the reason, down to the pod, its last event and last log lines."""
        reason = waiting.state.reason
        text = f"{waiting.identity}: {reason}" if waiting.state.failed else f"{waiting.identity} {reason}"
        current = self._current.of(waiting, [pod for pod, _ in waiting.pods])
        chosen = self._failing_pods(waiting) or current
        event = last_event(self._client, chosen[0] if chosen else waiting.live)
        if not chosen:
            return text + (f" (last event: {event})" if event else "")
        pod = chosen[0]
        self._learn([pod])
        log = last_log_lines(self._client, pod, 3)[1]
        why, bound = pod_reason(pod), out_of_processes(log)
        text += f" (pod {pod['metadata']['name']}: {why}" + (f": {bound}" if bound and bound not in why else "")
        text += f"; last event: {event}" if event else ""
        return text + (f"; last log lines: {' | '.join(log)})" if log else ")")


def last_event(client: Client, live: Object | None) -> str:
    """Returns an object's newest warning as a line; its newest event if there is no warning; "" if there is no event."""
    found = list_events(client, live) if live else []
    warnings = [event for event in found if event.get("type") == "Warning"]
    newest = (warnings or found)[-1:]
    return event_line(newest[0]) if newest else ""


def last_log_lines(client: Client, pod: Object, lines: int) -> tuple[str, list[str]]:
    """Returns the last log lines of the container that best explains why a pod is not ready.

    Args:
        client: client of the API server.
        pod: the live pod.
        lines: the number of lines.

    Returns:
        (container, lines); ("", []) if there are none.
    """
    chosen = most_telling_container(pod)
    if not chosen:
        return "", []
    container, previous = chosen
    meta = pod["metadata"]
    for before in (previous, not previous):
        query = {"container": container, "tailLines": lines, "previous": "true" if before else None}
        try:
            text = client.text(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/log", query)
        except (ApiError, TurnupError):
            continue
        found = [line for line in text.splitlines() if line.strip()]
        if found:
            return container, found[-lines:]
    return "", []
