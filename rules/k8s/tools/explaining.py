"""Why something does not get ready: what is worth an explanation, when, and what ends a wait early."""

from __future__ import annotations

from typing import Iterable, Iterator, Sequence

from rules.k8s.tools.client import Client
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.events import Event, Part, Waiting, stuck
from rules.k8s.tools.manifests import Object
from rules.k8s.tools.pods import cannot_start, is_bad, pod_reason, restarts, spokesman
from rules.k8s.tools.render import event_line
from rules.k8s.tools.verbs import events_of

# Seconds until what is in trouble is explained, and what is merely slow and has a warning.
_BAD_AFTER = 7.0
_SLOW_AFTER = 10.0
_LOOK_EVERY = 3.0
_LOG_LINES = 20
# What its controller may still mend (a pod that is started again) has not failed at once.
_FAILURE_SECONDS = 5.0
# So long an image or a Secret may be missing: somebody may be pushing or making it.
_CANNOT_START_SECONDS = 60.0
# So often a container may crash once everything that its service depends on is ready.
_CRASHES = 5


class Troubles:
    """Follows what is not ready while a run waits.

    Args:
        client: the API server, for events and logs.
    """

    def __init__(self, client: Client):
        self._client = client
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
        pods = [pod for pod, _ in waiting.pods]
        bad = [pod for pod in pods if is_bad(pod)]
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
            if warned := self._warned(waiting, pods):
                self._explained.add((name, False))
                yield self._explain(part, waiting, warned[0], waiting_labels)

    def _warned(self, waiting: Waiting, pods: list[Object]) -> list[Object | None]:
        """Returns what has a warning: the first such pod, or None for the object itself; [] without any."""
        places: list[Object | None] = [*pods[:3], None]
        for place in places:
            live = place or waiting.live
            if live and any(event.get("type") == "Warning" for event in events_of(self._client, live)):
                return [place]
        return []

    def _explain(self, part: Part, waiting: Waiting, pod: Object | None, waiting_labels: set[str]) -> Event:
        reason = pod_reason(pod) if pod else waiting.state.reason
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
                    raise TurnupError(f"{part.label}: {sentence(self._client, waiting)}; look at it with 'bazel run {part.label}.describe'.")

    def _is_final(self, waiting: Waiting, alone: bool, now: float) -> bool:
        pods = [pod for pod, _ in waiting.pods]
        if alone and any(is_bad(pod) and restarts(pod) >= _CRASHES for pod in pods):
            return True
        return (self._lasts(waiting, "failed", waiting.state.failed, now, _FAILURE_SECONDS)
                or self._lasts(waiting, "start", any(cannot_start(pod) for pod in pods), now, _CANNOT_START_SECONDS))

    def _lasts(self, waiting: Waiting, word: str, so: bool, now: float, seconds: float) -> bool:
        """Says whether something has been so, without a break, for some seconds."""
        key = f"{word} {waiting.identity}"
        if not so:
            self._lasting.pop(key, None)
            return False
        return now - self._lasting.setdefault(key, now) >= seconds


def last_event(client: Client, live: Object | None) -> str:
    """Returns the newest warning of an object as a line, its newest event where there is no warning, or ""."""
    found = events_of(client, live) if live else []
    warnings = [event for event in found if event.get("type") == "Warning"]
    newest = (warnings or found)[-1:]
    return event_line(newest[0]) if newest else ""


def last_log_lines(client: Client, pod: Object, lines: int) -> tuple[str, list[str]]:
    """Returns the container of a pod whose log says most about its trouble, and the last lines of that; ("", []) where there are none."""
    chosen = spokesman(pod)
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


def sentence(client: Client, waiting: Waiting) -> str:
    """Returns an object and why it is not ready, down to the pod, its last event and its last log lines, in one sentence's part."""
    reason = waiting.state.reason
    text = f"{waiting.identity}: {reason}" if waiting.state.failed else f"{waiting.identity} {reason}"
    if not waiting.pods:
        return text
    pod, why = next(((pod, why) for pod, why in waiting.pods if is_bad(pod)), waiting.pods[0])
    text += f" (pod {pod['metadata']['name']}: {why}"
    event = last_event(client, pod)
    text += f"; last event: {event}" if event else ""
    log = last_log_lines(client, pod, 3)[1]
    return text + (f"; last log lines: {' | '.join(log)})" if log else ")")
