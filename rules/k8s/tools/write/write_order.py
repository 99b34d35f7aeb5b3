"""The order of writes.

- `none`: everything at once.
- `auto`: everything at once, but a target that depends on a gate once the gate is ready. A gate is a Job that has to run, such as
  a migration, or an object with the annotation `turnup/dependents: wait`.
- `ready`: each target once everything that it depends on is ready.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, as_completed, wait
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.deletion.ordering import DependencyOrder
from rules.k8s.tools.errors import TurnupError, UnreachableError
from rules.k8s.tools.objects.kinds import WRITTEN_FIRST
from rules.k8s.tools.objects.objects import Identity
from rules.k8s.tools.preflight.verdicts import Verdict, terminating_sentence

if TYPE_CHECKING:
    from rules.k8s.tools.readiness.follower import Follower
    from rules.k8s.tools.run.run import Run
    from rules.k8s.tools.write.writer import Writer

_READY_SECONDS = 600.0
GATE = "turnup/dependents"
"""The annotation of an object for which the dependents of its target wait, with the value `wait`."""


def write_all(run: Run, client: Client, writer: Writer, verdicts: list[Verdict], executor: Executor) -> tuple[list[Result], str]:
    """Writes every item that differs.

    Args:
        run: the run; its options determine the order.
        client: the API server.
        writer: how an item is written.
        verdicts: what the preflight found, dependencies first.
        executor: for writing in parallel.

    Returns:
        A result for each verdict that was written or did not need to be, in the order of the verdicts; and why the others were
        not written, "" when there are none.
    """
    results = {verdict.item.identity: Result(verdict.item, "unchanged", verdict.live) for verdict in verdicts if verdict.outcome == "unchanged"}
    for result in results.values():
        run.report.result(result)
    for verdict in verdicts:
        if verdict.outcome == "replaced":
            run.report.note(f"{verdict.item.label}: {verdict.item.identity} is deleted and recreated: {verdict.reason}")
        if verdict.outcome == "terminating":
            run.report.note(terminating_sentence(verdict.item))
    changing = [verdict for verdict in verdicts if verdict.outcome != "unchanged"]
    first = [verdict for verdict in changing if verdict.item.identity.kind in WRITTEN_FIRST]
    rest = [verdict for verdict in changing if verdict.item.identity.kind not in WRITTEN_FIRST]
    _write_together(run, writer, first, executor, results)
    failure = ""
    if run.order == "none":
        _write_together(run, writer, rest, executor, results)
    else:
        failure = _write_in_order(run, client, writer, rest, verdicts, executor, results)
    return [results[verdict.item.identity] for verdict in verdicts if verdict.item.identity in results], failure


def is_gate(item: Item) -> bool:
    """Returns whether targets that depend on an item's target wait until the item is ready, which a Job is once it is complete."""
    annotated = (item.obj["metadata"].get("annotations") or {}).get(GATE) == "wait"
    return annotated or (item.identity.group, item.identity.kind) == ("batch", "Job")


def _write_together(run: Run, writer: Writer, verdicts: Iterable[Verdict], executor: Executor, results: dict[Identity, Result]) -> None:
    futures = [executor.submit(writer.write, verdict) for verdict in verdicts]
    try:
        for future in as_completed(futures):
            _record(run, future, results)
    finally:
        # After an interrupt, or when the server does not answer, no further write starts.
        _cancel(futures)


def _cancel(futures: Iterable[Future[Result]]) -> None:
    for future in futures:
        future.cancel()


def _record(run: Run, future: Future[Result], results: dict[Identity, Result]) -> Result:
    result = future.result()
    results[result.item.identity] = result
    run.report.result(result)
    return result


def _write_in_order(
    run: Run, client: Client, writer: Writer, changing: list[Verdict], every: list[Verdict], executor: Executor, results: dict[Identity, Result]
) -> str:
    """Writes each target once what it waits for is ready; independent targets are written at once."""
    parts: dict[str, list[Verdict]] = {}
    for verdict in changing:
        parts.setdefault(verdict.item.label, []).append(verdict)
    gates = [verdict.item for verdict in every if is_gate(verdict.item)] if run.order == "auto" else None
    order = DependencyOrder({entry.label: entry.deps for entry in run.plan.entries}, parts, None if gates is None else {item.label for item in gates})
    if not any(order.waiting().values()):
        _write_together(run, writer, changing, executor, results)
        return ""
    from rules.k8s.tools.readiness.follower import Follower

    failure = ""
    written = [identity for identity, result in results.items() if result.outcome != "failed"]
    with Follower(client, run.plan, [verdict.item for verdict in every], run.report, written=written) as follower:
        try:
            _DependencyLoop(run, writer, executor, results, parts, order, follower, None if gates is None else {item.identity for item in gates}).run()
        except UnreachableError:
            raise
        except TurnupError as error:
            failure = str(error)
            # The error that ends the run does not mention them.
            for result in results.values():
                if result.outcome == "failed":
                    run.report.error(result.error, TurnupError.exit_code)
    unwritten = sum(verdict.item.identity not in results for verdict in changing)
    if unwritten:
        run.report.note(f"{unwritten} object{'s were' if unwritten > 1 else ' was'} not written, because a dependency is not ready")
    return failure


class _DependencyLoop:
    """Starts targets as their dependencies become ready, until all are written or one fails."""

    def __init__(
        self,
        run: Run,
        writer: Writer,
        executor: Executor,
        results: dict[Identity, Result],
        parts: dict[str, list[Verdict]],
        order: DependencyOrder,
        follower: Follower,
        gates: Collection[Identity] | None,
    ) -> None:
        self._run = run
        self._writer = writer
        self._executor = executor
        self._results = results
        self._parts = parts
        self._order = order
        self._follower = follower
        self._gates = gates
        self._futures: dict[Future[Result], str] = {}
        self._left: dict[str, int] = {}
        self._failed = False

    def run(self) -> None:
        """Runs until there is nothing left to write.

        Raises:
            TurnupError: a dependency failed, or was not ready in time.
        """
        seconds = self._run.options.wait or _READY_SECONDS
        deadline = self._run.waiting_since + seconds
        try:
            self._write(deadline, seconds)
        except UnreachableError:
            raise
        except TurnupError:
            # Waits for writes under way, so that each object that was sent has a result. No further write starts.
            _cancel(self._futures)
            self._collect([future for future in wait(self._futures).done if not future.cancelled()])
            raise
        finally:
            _cancel(self._futures)

    def _write(self, deadline: float, seconds: float) -> None:
        while not self._order.done:
            if not self._failed:
                self._start()
            if not self._futures:
                if self._failed:
                    return
                self._look(deadline, seconds)
                continue
            done, _ = wait(self._futures, timeout=0.2, return_when=FIRST_COMPLETED)
            self._collect(done)
            self._look(deadline, seconds, pause=False)

    def _start(self) -> None:
        for label in self._order.take_startable():
            self._left[label] = len(self._parts[label])
            self._futures |= {self._executor.submit(self._writer.write, verdict): label for verdict in self._parts[label]}

    def _collect(self, done: Iterable[Future[Result]]) -> None:
        for future in done:
            label = self._futures.pop(future)
            result = _record(self._run, future, self._results)
            self._follower.expect(result)
            self._failed = self._failed or result.outcome == "failed"
            self._left[label] -= 1
            if not self._left[label] and not self._failed:
                self._order.mark_written(label)

    def _look(self, deadline: float, seconds: float, *, pause: bool = True) -> None:
        """Marks which targets have become ready."""
        watched = self._order.to_watch()
        if not watched:
            return
        parts = self._follower.report_state(watched, self._gates)
        for part in parts or ():
            if not part.waiting:
                self._order.mark_ready(part.label)
        if parts and all(not part.waiting for part in parts):
            return
        if time.monotonic() > deadline:
            raise TurnupError(self._follower.deadline_message(parts, seconds))
        if pause:
            self._follower.pause(min(1.0, max(0.01, deadline - time.monotonic())))
