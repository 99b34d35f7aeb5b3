"""The run of a verb: one process that applies one verb to one closure, as `bazel run //pkg:NAME.VERB` starts it.

Exit codes: 0 done; 1 failed; 2 usage; 3 wrong cluster; 130 interrupted (143 by SIGTERM, 129
by SIGHUP). `diff` exits with 0 if nothing would change, 1 if something would, 2 on any error.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from functools import cached_property

from rules.k8s.tools.api.discovery import Kinds
from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.output import events
from rules.k8s.tools.output.reporter import Reporter


class Run:
    """One verb on one plan.

    Attributes:
        plan: what to act on.
        options: the parsed command line.
        environ: the process' environment.
        report: where all output goes.
        kinds: what the cluster serves, once that is known.
        left_out: items of the plan that this cluster must not get.
    """

    def __init__(self, plan: Plan, options: argparse.Namespace, environ: Mapping[str, str], report: Reporter) -> None:
        self.plan = plan
        self.options = options
        self.environ = environ
        self.report = report
        self.kinds = Kinds(())
        self.left_out: list[Item] = []

    @property
    def order(self) -> str:
        """The order in which services are written: `auto`, `ready` or `none` (see write_order.py)."""
        return str(self.options.order)

    @cached_property
    def waiting_since(self) -> float:
        """When (time.monotonic()) the time of --wait began: at the first access. Everything that waits for objects shares it."""
        return time.monotonic()

    def finish(self, results: list[Result]) -> int:
        """Reports how many objects had which outcome; returns the exit code.

        Raises:
            TurnupError: an object failed. The errors of any others have been reported.
        """
        self.report.emit(events.summary(self.plan.label, results))
        failed = [result for result in results if result.outcome == "failed"]
        for result in failed[:-1]:
            self.report.error(result.error, TurnupError.exit_code)
        if failed:
            raise TurnupError(failed[-1].error)
        return 0
