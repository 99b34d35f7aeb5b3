"""Follower: watches the objects of a run, reports the state of its targets, and explains stuck objects."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.informer import Informer, Key
from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.objects.objects import Identity
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.output.events import TargetState, held, state
from rules.k8s.tools.output.reporter import Reporter
from rules.k8s.tools.readiness.closure_state import ClosureState, collections_of, is_ready_when_written, pods_with_messages
from rules.k8s.tools.readiness.cluster_facts import ClusterFacts
from rules.k8s.tools.readiness.live_secrets import LiveSecrets
from rules.k8s.tools.readiness.stuck_detector import StuckDetector

# Changes come in bursts. The state is computed at most once in this time.
_PAUSE_SECONDS = 0.1
# An object may be deleted before a watch sees what was written, so this is how long to expect it.
_BEHIND_SECONDS = 5.0


class Follower:
    """A context manager that watches objects while a run waits for them.

    Args:
        client: client of the API server.
        plan: the plan of the closure.
        items: the objects of the run.
        report: receives the state of every target, and the explanations of stuck objects.
        written: those that have been written so far; None if the run writes nothing. `expect` adds to it.
        facts: what else the state depends on; None for a run that writes the objects itself.
    """

    def __init__(
        self,
        client: Client,
        plan: Plan,
        items: Iterable[Item],
        report: Reporter,
        *,
        written: Iterable[Identity] | None = None,
        facts: ClusterFacts | None = None,
    ) -> None:
        items = list(items)
        self._written = None if written is None else set(written)
        watched = [item for item in items if written is None or not is_ready_when_written(item)]
        collections = collections_of(watched)
        # Each watch occupies a connection, so the watches have their own client.
        self._informer = Informer(Client(client.connection, connections=len(collections) + 2), collections)
        self._closure = ClosureState(plan, items, self._informer, facts or ClusterFacts(client), written=self._written, settle=True)
        self._secrets = LiveSecrets(client, plan.objects, report.learn)
        self._detector = StuckDetector(client, self._secrets.learn)
        self._client = client
        self._report = report
        self._shown = report.waiting(plan.label)
        self._started = time.monotonic()
        self._version = -1
        self._followed = {item.identity for item in watched}
        self._told: set[tuple[Identity, str]] = set()
        self._expected: dict[Identity, tuple[Key, int, float]] = {}

    def __enter__(self) -> Self:
        self._informer.start()
        self._shown.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._shown.__exit__(kind, error, trace)
        self._informer.stop()

    def report_state(self, labels: Collection[str] | None = None, only: Collection[Identity] | None = None) -> list[TargetState] | None:
        """Reports the present state, and explains stuck objects.

        Args:
            labels: labels of the targets that count; None for all.
            only: the objects of these targets that count; None for all.

        Returns:
            The state of these targets, dependencies first; None while it is not known yet.

        Raises:
            TurnupError: one of these objects has failed permanently.
        """
        if not self._informer.complete or self._is_behind():
            return None
        states = self._closure.states()
        self._secrets.learn(pods_with_messages(states))
        self._report.progress(map(state, states))
        targets = [target for target in states if labels is None or target.label in labels]
        if only is not None:
            targets = [replace(target, waiting=tuple(obj for obj in target.waiting if obj.identity in only)) for target in targets]
        for target in targets:
            for obj in target.held:
                if (obj.identity, obj.state.reason) not in self._told:
                    self._told.add((obj.identity, obj.state.reason))
                    self._report.emit(held(target, obj))
        if any(target.waiting for target in targets):
            now = time.monotonic() - self._started
            for event in self._detector.explanations(targets, now):
                self._report.emit(event)
            self._detector.check(targets, now)
        return targets

    def expect(self, result: Result) -> None:
        """Records a write: the state counts as unknown until the watches have seen it."""
        identity, resource = result.item.identity, result.item.resource
        if self._written is not None and result.outcome != "failed":
            self._written.add(identity)
        version = (result.live or {}).get("metadata", {}).get("resourceVersion", "")
        if identity in self._followed and version.isdecimal():
            key = (resource.api_version, resource.kind, identity.namespace, identity.name)
            self._expected[identity] = (key, int(version), time.monotonic() + _BEHIND_SECONDS)

    def _is_behind(self) -> bool:
        """Returns whether the watches have not seen all writes yet."""
        now = time.monotonic()
        for identity, (key, version, until) in list(self._expected.items()):
            live = self._informer.get(key)
            seen = live["metadata"].get("resourceVersion", "") if live else ""
            if (seen.isdecimal() and int(seen) >= version) or now > until:
                del self._expected[identity]
        return bool(self._expected)

    def pause(self, seconds: float) -> None:
        """Waits until something has changed, but at most some seconds.

        Args:
            seconds: the longest time to wait.

        Raises:
            TurnupError: the objects cannot be read.
        """
        self._version = self._informer.wait(self._version, seconds)
        time.sleep(_PAUSE_SECONDS)

    def deadline_message(self, targets: list[TargetState] | None, seconds: float) -> str:
        """Returns the error message for a deadline that has passed: what is not ready, and why.

        Args:
            targets: the state of the targets; None or [] if unknown.
            seconds: the time that the run has waited.
        """
        if not targets:
            why = self._informer.temporary_error or "allow more time."
            return f"the cluster's state could not be read within {format_duration(seconds)}: {why}"
        unready = [f"{target.title}: {self._detector.sentence(waiting)}" for target in targets for waiting in target.waiting]
        more = f" and {len(unready) - 3} more" if len(unready) > 3 else ""
        return f"not ready after {format_duration(seconds)}: {'; '.join(unready[:3])}{more}."
