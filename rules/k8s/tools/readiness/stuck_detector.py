"""Why something does not get ready: what is worth an explanation, when, and what ends a wait early."""

from __future__ import annotations

from typing import Callable, Iterable, Iterator, Sequence

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.kinds import EXPLAINED_BY_EVENTS
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.output.events import Event, Part, Waiting, stuck
from rules.k8s.tools.output.render import event_line
from rules.k8s.tools.readiness.current_pods import PresentPods, stuck_former
from rules.k8s.tools.readiness.kube_events import events_of
from rules.k8s.tools.readiness.pods import cannot_start, is_bad, most_telling_container, pod_reason, restarts

# Seconds until what is in trouble is explained, and what is merely slow and has a warning.
_BAD_AFTER = 7.0
_SLOW_AFTER = 10.0
_LOOK_EVERY = 3.0
_LOG_LINES = 20
# Of so many pods of an object are the events read.
_LOOKED_AT = 3
# What its controller may still mend (a pod that is started again) has not failed at once.
_FAILURE_SECONDS = 5.0
# So long an image or a Secret may be missing: somebody may be pushing or making it.
_CANNOT_START_SECONDS = 60.0
# So often a container may crash once everything that its service depends on is ready.
_CRASHES = 5


class StuckDetector:
    """Follows what is not ready while a run waits.

    Args:
        client: the API server, for events and logs.
        learn: told of pods whose own words are about to be shown.
    """

    def __init__(self, client: Client, learn: Callable[[Iterable[Object]], None] = lambda pods: None):
        self._client = client
        self._learn = learn
        self._present = PresentPods(client)
        self._since: dict[tuple[str, str], float] = {}
        self._lasting: dict[str, float] = {}
        self._looked: dict[str, float] = {}
        self._explained: set[tuple[str, bool]] = set()

    def explanations(self, parts: Sequence[Part], now: float) -> Iterator[Event]:
        """Yields an explanation for each object that has been stuck for a while, once.

        Args:
            parts: the present state of every target.
            now: seconds on any clock that goes forward.
        """
        waiting_labels = {part.label for part in parts if part.waiting}
        seen: set[tuple[str, str]] = set()
        for part in parts:
            for waiting in part.waiting:
                yield from self._of(part, waiting, waiting_labels, now, seen)
        for key in [key for key in self._since if key not in seen]:
            del self._since[key]

    def _of(self, part: Part, waiting: Waiting, waiting_labels: set[str], now: float, seen: set[tuple[str, str]]) -> Iterator[Event]:
        name = str(waiting.identity)
        bad = self._bad(waiting)
        in_trouble = bool(bad) or waiting.state.bad or waiting.state.failed
        for word in ("slow", "bad") if in_trouble else ("slow",):
            seen.add((name, word))
            self._since.setdefault((name, word), now)
        if in_trouble and now - self._since[name, "bad"] >= _BAD_AFTER and (name, True) not in self._explained:
            self._explained |= {(name, True), (name, False)}
            yield self._explain(part, waiting, bad[0] if bad else None, waiting_labels)
        elif (now - self._since[name, "slow"] >= _SLOW_AFTER and (name, False) not in self._explained
              and now - self._looked.get(name, -_LOOK_EVERY) >= _LOOK_EVERY):
            self._looked[name] = now
            if told := self._told(waiting):
                self._explained.add((name, False))
                yield self._explain(part, waiting, told[0], waiting_labels)

    def _bad(self, waiting: Waiting) -> list[Object]:
        """Returns the pods in trouble that are in the way of an object."""
        bad = [pod for pod, _ in waiting.pods if is_bad(pod)]
        present = self._present.of(waiting, bad)
        return present or stuck_former(waiting, bad)

    def _told(self, waiting: Waiting) -> list[Object | None]:
        """Returns what has an event that explains: the first such pod, or None for the object itself; [] without any."""
        places: list[Object | None] = [*self._present.of(waiting, [pod for pod, _ in waiting.pods][:_LOOKED_AT]), None]
        for place in places:
            live = place or waiting.live
            if live and any(event.get("type") == "Warning" or live.get("kind") in EXPLAINED_BY_EVENTS for event in events_of(self._client, live)):
                return [place]
        return []

    def _explain(self, part: Part, waiting: Waiting, pod: Object | None, waiting_labels: set[str]) -> Event:
        self._learn([pod] if pod else [])
        reason = pod_reason(pod) if pod else waiting.state.reason
        if pod and waiting.identity.kind == "StatefulSet" and not self._present.of(waiting, [pod]):
            reason += " (it is of the former template, and the StatefulSet waits for it; delete the pod)"
        starting = [dep for dep in part.deps if dep in waiting_labels]
        if starting:
            reason += f" (it depends on {', '.join(starting)}, which {'is' if len(starting) == 1 else 'are'} not ready yet)"
        container, log = last_log_lines(self._client, pod, _LOG_LINES) if pod else ("", [])
        return stuck(part, waiting, pod=pod["metadata"]["name"] if pod else "", reason=reason,
                     last_event=last_event(self._client, pod or waiting.live), container=container, log=log)

    def check(self, parts: Iterable[Part], now: float) -> None:
        """Ends the wait where going on makes no sense.

        Raises:
            TurnupError: an object says that it has failed, cannot start for want of an image or a Secret, or
                crashes again and again although everything that it depends on is ready.
        """
        parts = list(parts)
        waiting_labels = {part.label for part in parts if part.waiting}
        for part in parts:
            alone = not any(dep in waiting_labels for dep in part.deps)
            for waiting in part.waiting:
                if self._is_final(waiting, alone, now):
                    raise TurnupError(f"{part.label}: {self.sentence(waiting)}; look at it with 'bazel run {part.label}.describe'.")

    def _is_final(self, waiting: Waiting, alone: bool, now: float) -> bool:
        crashed = [pod for pod, _ in waiting.pods if alone and is_bad(pod) and restarts(pod) >= _CRASHES]
        lacking = [pod for pod, _ in waiting.pods if cannot_start(pod)]
        if self._present.of(waiting, crashed):
            return True
        return (self._lasts(waiting, "failed", waiting.state.failed, now, _FAILURE_SECONDS)
                or self._lasts(waiting, "start", bool(self._present.of(waiting, lacking)), now, _CANNOT_START_SECONDS))

    def _lasts(self, waiting: Waiting, word: str, so: bool, now: float, seconds: float) -> bool:
        """Says whether something has been so, without a break, for some seconds."""
        key = f"{word} {waiting.identity}"
        if not so:
            self._lasting.pop(key, None)
            return False
        return now - self._lasting.setdefault(key, now) >= seconds

    def sentence(self, waiting: Waiting) -> str:
        """Returns an object and why it is not ready, down to the pod, its last event and its last log lines, in one sentence's part."""
        reason = waiting.state.reason
        text = f"{waiting.identity}: {reason}" if waiting.state.failed else f"{waiting.identity} {reason}"
        present = self._present.of(waiting, [pod for pod, _ in waiting.pods])
        chosen = self._bad(waiting) or present
        event = last_event(self._client, chosen[0] if chosen else waiting.live)
        if not chosen:
            return text + (f" (last event: {event})" if event else "")
        pod = chosen[0]
        self._learn([pod])
        text += f" (pod {pod['metadata']['name']}: {pod_reason(pod)}"
        text += f"; last event: {event}" if event else ""
        log = last_log_lines(self._client, pod, 3)[1]
        return text + (f"; last log lines: {' | '.join(log)})" if log else ")")


def last_event(client: Client, live: Object | None) -> str:
    """Returns the newest warning of an object as a line, its newest event where there is no warning, or ""."""
    found = events_of(client, live) if live else []
    warnings = [event for event in found if event.get("type") == "Warning"]
    newest = (warnings or found)[-1:]
    return event_line(newest[0]) if newest else ""


def last_log_lines(client: Client, pod: Object, lines: int) -> tuple[str, list[str]]:
    """Returns the container of a pod whose log says most about its trouble, and the last lines of that; ("", []) where there are none."""
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
