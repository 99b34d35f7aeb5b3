"""Pods whose containers have no readiness probe: they count as ready as soon as they start, also if they end a moment later.

A program that cannot be executed, or that ends at once because of its configuration, is such a pod. So a run that waits takes a
pod for ready only after its containers without probe have run for some seconds.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable
from typing import Any

from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.objects.states import Readiness

SETTLE_SECONDS = 2.0
"""How long a container without readiness probe must have run."""
# After an end with an error, a container must run longer than the first pause of the kubelet between two starts (10 s).
_AFTER_ERROR_SECONDS = 12.0
# Clocks of this machine and of a node may differ by so much.
_CLOCK_SKEW_SECONDS = 30.0


class SettlingPods:
    """Remembers since when it has seen each container run.

    Args:
        monotonic: the clock.
        now: returns the current time, with its time zone.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC),
    ) -> None:
        self._monotonic = monotonic
        self._now = now
        self._seen: dict[str, float] = {}

    def check(self, pods: Iterable[Object]) -> Readiness | None:
        """Returns why pods that count as ready may not be yet; None if they have run long enough.

        Args:
            pods: the live pods of a workload.
        """
        for pod in pods:
            if pod["metadata"].get("deletionTimestamp") or (pod.get("status") or {}).get("phase") not in ("Running", "Pending"):
                continue
            probed = {container["name"] for container in (pod.get("spec") or {}).get("containers") or [] if container.get("readinessProbe")}
            for status in (pod.get("status") or {}).get("containerStatuses") or []:
                if status.get("name") not in probed and (waits := self._container(pod, status)):
                    return waits
        return None

    def _container(self, pod: Object, status: dict[str, Any]) -> Readiness | None:
        running = (status.get("state") or {}).get("running")
        if running is None:
            return None  # its workload is not ready either, or it has finished
        last = (status.get("lastState") or {}).get("terminated") or {}
        needed = _AFTER_ERROR_SECONDS if last.get("exitCode") else SETTLE_SECONDS
        if self._seconds(status.get("containerID") or "", running.get("startedAt")) >= needed:
            return None
        name = f"pod {pod['metadata']['name']}: container {status['name']}"
        if last.get("exitCode"):
            return Readiness(False, f"{name} runs again after {last.get('reason') or 'Error'}, exit code {last['exitCode']}", bad=True)
        return Readiness(False, f"{name} has just started, and has no readiness probe")

    def _seconds(self, container: str, started: Any) -> float:
        """Returns how long a container has run at least."""
        watched = self._monotonic() - self._seen.setdefault(container, self._monotonic())
        try:
            told = (self._now() - datetime.datetime.fromisoformat(str(started))).total_seconds() - _CLOCK_SKEW_SECONDS
        except (ValueError, TypeError):
            told = 0.0
        return max(watched, told)
