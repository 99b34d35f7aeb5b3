"""Follower objects by watches: how far they are, and why something is stuck; for waiting.py and writing.py."""

from __future__ import annotations

import time
from typing import Any, Collection, Iterable

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.informer import Informer, Key
from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.objects.objects import Identity
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.output.events import Part, state
from rules.k8s.tools.output.reporter import Reporter
from rules.k8s.tools.readiness.closure_state import ClosureState, collections_of, pods_with_messages
from rules.k8s.tools.readiness.live_secrets import LiveSecrets
from rules.k8s.tools.readiness.stuck_detector import StuckDetector

# A change seldom comes alone: at most so often a second is the state computed anew.
_PAUSE_SECONDS = 0.1
# An object that is gone again is never seen as it was written.
_BEHIND_SECONDS = 5.0


class Follower:
    """Follows objects by watches; a context manager.

    Args:
        client: the API server.
        plan: the closure.
        items: what to follow.
        report: told of the state of every target, and why an object is stuck.
    """

    def __init__(self, client: Client, plan: Plan, items: Iterable[Item], report: Reporter):
        items = list(items)
        collections = collections_of(items)
        # Watches keep their connections: they get a client of their own, with one for each.
        self._mirror = Informer(Client(client.connection, connections=len(collections) + 2), collections)
        self._closure = ClosureState(plan, items, self._mirror)
        self._secrets = LiveSecrets(client, plan.objects, report.learn)
        self._troubles = StuckDetector(client, self._secrets.learn)
        self._client = client
        self._report = report
        self._shown = report.waiting(plan.label)
        self._started = time.monotonic()
        self._version = -1
        self._followed = {item.identity for item in items}
        self._expected: dict[Identity, tuple[Key, int, float]] = {}

    def __enter__(self) -> Follower:
        self._mirror.start()
        self._shown.__enter__()
        return self

    def __exit__(self, *details: Any) -> None:
        self._shown.__exit__(*details)
        self._mirror.stop()

    def look(self, labels: Collection[str] | None = None) -> list[Part] | None:
        """Says the present state, and explains what is stuck.

        Args:
            labels: the targets that count; None for all.

        Returns:
            Their state, dependencies first; None while it is not known yet.

        Raises:
            TurnupError: an object of theirs has failed for good.
        """
        if not self._mirror.complete or self._is_behind():
            return None
        every = self._closure.parts()
        self._secrets.learn(pods_with_messages(every))
        self._report.progress(map(state, every))
        parts = [part for part in every if labels is None or part.label in labels]
        if any(part.waiting for part in parts):
            now = time.monotonic() - self._started
            for event in self._troubles.explanations(parts, now):
                self._report.emit(event)
            self._troubles.check(parts, now)
        return parts

    def expect(self, result: Result) -> None:
        """Takes note of a write: until the watches have seen it, what they show of the object is what it was before."""
        identity, resource = result.item.identity, result.item.resource
        version = (result.live or {}).get("metadata", {}).get("resourceVersion", "")
        if identity in self._followed and version.isdecimal():
            key = (resource.api_version, resource.kind, identity.namespace, identity.name)
            self._expected[identity] = (key, int(version), time.monotonic() + _BEHIND_SECONDS)

    def _is_behind(self) -> bool:
        """Says whether the watches have yet to see a write."""
        now = time.monotonic()
        for identity, (key, version, until) in list(self._expected.items()):
            live = self._mirror.get(key)
            seen = live["metadata"].get("resourceVersion", "") if live else ""
            if (seen.isdecimal() and int(seen) >= version) or now > until:
                del self._expected[identity]
        return bool(self._expected)

    def pause(self, seconds: float) -> None:
        """Waits until something has changed, or for some seconds.

        Raises:
            TurnupError: the objects cannot be read.
        """
        self._version = self._mirror.wait(self._version, seconds)
        time.sleep(_PAUSE_SECONDS)

    def too_late(self, parts: list[Part] | None, seconds: float) -> str:
        """Returns the sentence for a deadline that has passed: what is not ready, and why."""
        if not parts:
            why = self._mirror.trouble or "give more time."
            return f"the cluster's state could not be read within {format_duration(seconds)}: {why}"
        blocked = [f"{part.title}: {self._troubles.sentence(waiting)}" for part in parts for waiting in part.waiting]
        more = f" and {len(blocked) - 3} more" if len(blocked) > 3 else ""
        return f"not ready after {format_duration(seconds)}: {'; '.join(blocked[:3])}{more}."
