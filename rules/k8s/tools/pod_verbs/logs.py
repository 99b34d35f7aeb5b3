"""`.logs`: prints the logs of the pods of a service or a stack, interleaved, with a prefix per pod.

Without --follow, all lines are fetched and sorted by time. With it they are printed as they arrive: new pods of a rollout are
included, and a broken connection is reopened where it ended.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import POD
from rules.k8s.tools.api.informer import Informer
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError, TurnupError, interrupted_code
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.output.events import Event
from rules.k8s.tools.pod_verbs.target_pods import pods_of_items, reasons_of
from rules.k8s.tools.readiness.live_secrets import LiveSecrets
from rules.k8s.tools.readiness.pods import container_state

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run

# How long to wait before reading the log of a pod again that is not readable yet, or that the connection lost.
_RETRY_SECONDS = 0.5
# Every followed container occupies a connection.
_CONNECTIONS = 256

Stamped = tuple[str, Event]


def execute(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Prints the log lines of all pods of the items; returns the exit code.

    Raises:
        TurnupError: there are no pods, or none of their containers has started.
    """
    collections = {(POD, item.identity.namespace): () for item in items if item.identity.namespace}
    options = run.options
    if options.follow:
        try:
            _LogFollower(run, client, items).run(Informer(Client(client.connection, connections=len(collections) + 2), collections))
        except KeyboardInterrupt as interrupt:
            return interrupted_code(interrupt)  # The normal end of following, so there is no message.
    informer = Informer(client, collections)
    informer.snapshot(executor)
    chosen = pods_of_items(items, informer.all("Pod"))
    if not chosen:
        raise TurnupError(
            f"{run.plan.label} has no pods in {', '.join(sorted(namespace for _, namespace in collections)) or 'any namespace'}; "
            "run .status to see what it waits for, or apply it first."
        )
    LiveSecrets(client, run.plan.objects, run.report.learn).learn(pod for _, pod in chosen)
    containers = [(label, pod, name) for label, pod in chosen for name in _started(pod)]
    if not containers:
        raise TurnupError(
            f"{run.plan.label} has no log yet, because no container has started: {reasons_of(pod for _, pod in chosen)}; "
            "run .status to see what it waits for, or add '-- --follow' to read from the first line."
        )
    query = {"tailLines": str(options.tail) if options.tail >= 0 else None, "sinceSeconds": str(int(options.since)) if options.since else None}

    def fetch(container: tuple[str, Object, str]) -> list[Stamped]:
        found: list[Stamped] = []
        try:
            found.extend(_read(client, *container, query))
        except TurnupError as error:
            # A node that does not answer, or a removed log, must not hide the lines of others or earlier lines.
            _, pod, name = container
            run.report.note(f"{pod['metadata']['name']} {name}: its log cannot be read{' further' if found else ''}: {error}")
        return found

    for _, event in heapq.merge(*executor.map(fetch, containers), key=lambda stamped: stamped[0]):
        run.report.emit(event)
    return 0


class _LogFollower:
    """Follows the pods of a run until it is interrupted."""

    def __init__(self, run: Run, client: Client, items: list[Item]) -> None:
        self._run = run
        self._client = Client(client.connection, connections=_CONNECTIONS)
        self._items = items
        self._secrets = LiveSecrets(client, run.plan.objects, run.report.learn)
        self._followed: set[tuple[str, str]] = set()
        self._begun = False
        self._gone = False

    def run(self, informer: Informer) -> None:
        """Starts a thread for each container that has started, now and later.

        Raises:
            BrokenPipeError: the reader of the lines closed the pipe.
            TurnupError: the pods cannot be read.
        """
        informer.start()
        version = -1
        while True:
            version = informer.wait(version, _RETRY_SECONDS)
            if self._gone:
                raise BrokenPipeError
            if not informer.complete:
                continue
            fresh = [
                (label, pod, name)
                for label, pod in pods_of_items(self._items, informer.all("Pod"))
                for name in _started(pod)
                if (pod["metadata"]["uid"], name) not in self._followed
            ]
            self._secrets.learn(pod for _, pod, _ in fresh)
            for label, pod, name in fresh:
                self._followed.add((pod["metadata"]["uid"], name))
                threading.Thread(target=self._follow, args=(informer, label, pod, name, self._begun), daemon=True).start()
            self._begun = True

    def _follow(self, informer: Informer, label: str, pod: Object, container: str, new: bool) -> None:
        """Prints what one container logs until its pod is gone. The log of a pod that started later is printed from its first line."""
        options = self._run.options
        query = {"follow": "true"}
        if not new:
            query |= {"tailLines": str(options.tail)} if options.tail >= 0 else {}
            query |= {"sinceSeconds": str(int(options.since))} if options.since else {}
        last = ""
        while True:
            run_of = _run_of(_live(informer, pod), container)
            said = last
            try:
                for stamp, event in _read(self._client, label, pod, container, query):
                    if stamp > said:
                        last = stamp
                        self._run.report.emit(event)
            except ApiError as error:
                if error.status == 404:
                    return
            except TurnupError:
                pass  # The server does not answer: try again.
            except (BrokenPipeError, ValueError):
                self._gone = True
                return
            if last:
                # The API takes whole seconds: lines that were printed already are skipped by their time.
                query = {"follow": "true", "sinceTime": last[:19] + "Z"}
            # A container that has terminated logs nothing until it restarts.
            while True:
                live = _live(informer, pod)
                if live is None:
                    return
                if "running" in container_state(live, container) or _run_of(live, container) != run_of:
                    break
                time.sleep(_RETRY_SECONDS)
            time.sleep(_RETRY_SECONDS)


def _live(informer: Informer, pod: Object) -> Object | None:
    """Returns a pod as it is now, None if it is gone."""
    live = informer.get(("v1", "Pod", pod["metadata"]["namespace"], pod["metadata"]["name"]))
    return live if live and live["metadata"]["uid"] == pod["metadata"]["uid"] else None


def _read(client: Client, label: str, pod: Object, container: str, query: Mapping[str, str | None]) -> Iterator[Stamped]:
    """Yields (time, event) for the lines of one container.

    Raises:
        ApiError: the server refuses, as for a container that has not started.
        UnreachableError: the log ended early; only without `follow`.
    """
    meta = pod["metadata"]
    path = f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/log"
    for text in client.lines(path, {"container": container, "timestamps": "true", **query}, follow="follow" in query):
        stamp, _, line = text.partition(" ")
        yield stamp, {"event": "log", "target": label, "namespace": meta["namespace"], "pod": meta["name"], "container": container, "time": stamp, "line": line}


def _run_of(pod: Object | None, container: str) -> str:
    """Returns when the present or last run of a container started, to distinguish its runs."""
    state = container_state(pod, container)
    return str((state.get("running") or state.get("terminated") or {}).get("startedAt", ""))


def _started(pod: Object) -> list[str]:
    """Returns the containers of a pod that have started at least once."""
    status = pod.get("status") or {}
    entries = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return [entry["name"] for entry in entries if entry.get("restartCount") or any(word in (entry.get("state") or {}) for word in ("running", "terminated"))]
