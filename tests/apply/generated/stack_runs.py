"""Runs random histories until there are enough operations and kills, and keeps what fails, shrunk."""

from __future__ import annotations

import json
import random
import time

from tests.apply.generated.cases import RUN_AGAIN, Report
from tests.apply.generated.engine import Engine
from tests.apply.generated.histories import history
from tests.apply.generated.stack_model import Step
from tests.apply.generated.stack_trials import Failure, Trial, shrink_history

_LENGTH = 10
# A check that fails again and again is shrunk this often, and then only counted.
_SHRINKS = 3
_TELL = 20


class StackRun:
    """Random histories of stacks.

    Args:
        engine: the user.
        report: gets counts; its folder gets reproductions.
        shrinking: the seconds for shrinking in all.

    Attributes:
        failures: one paragraph for each failure.
    """

    def __init__(self, engine: Engine, report: Report, shrinking: float) -> None:
        self._engine = engine
        self._report = report
        self._shrinking = shrinking
        self._dice = random.Random(report.seed)
        self._places = 0
        self._seen: dict[str, int] = {}
        self.failures: list[str] = []

    def run(self, operations: int, kills: int) -> None:
        """Runs histories until there are as many operations and kills."""
        share = min(0.9, 1.6 * kills / operations)
        counts = self._report.counts
        number = 0
        while counts.get("operations", 0) < operations or counts.get("kills", 0) < kills:
            number += 1
            steps = history(self._dice, _LENGTH, share)
            failure = self._try(steps)
            self._report.count("histories")
            if number % _TELL == 0:
                print(self._report.summary(), flush=True)
            if failure:
                self._keep(steps, failure, f"history {number}")

    def _try(self, steps: list[Step]) -> Failure | None:
        self._places += 1
        return Trial(self._engine, self._report, f"stack-{self._places}").run(steps)

    def _keep(self, steps: list[Step], failure: Failure, step: str) -> None:
        self._seen[failure.check] = self._seen.get(failure.check, 0) + 1
        if self._seen[failure.check] > _SHRINKS:
            return
        started = time.monotonic()
        counts = dict(self._report.counts)
        steps, failure = shrink_history(steps, failure, self._try, self._shrinking / 4)
        self._report.counts.clear()
        self._report.counts.update(counts)
        self._shrinking -= time.monotonic() - started
        path = self._report.folder / f"history-{len(self.failures) + 1:03d}.json"
        plain = {
            "check": failure.check,
            "found": failure.detail,
            "seed": self._report.seed,
            "step": step,
            "run_again": RUN_AGAIN,
            "steps": [each.plain() for each in steps],
        }
        path.write_text(json.dumps(plain, indent=1))
        lines = "\n".join(f"    {json.dumps(each.plain())}" for each in steps)
        self.failures.append(f"{failure.check} ({step}, seed {self._report.seed}): {failure.detail}\n{lines}\n    {path}")
        print(f"FOUND {self.failures[-1]}", flush=True)
