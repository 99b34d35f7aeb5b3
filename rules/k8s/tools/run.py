"""What `bazel run //pkg:NAME.VERB` runs: one process that does one verb to one closure.

Exit codes: 0 done; 1 failed; 2 usage; 3 wrong cluster; 130 interrupted (143 by SIGTERM, 129
by SIGHUP). `diff` ends with 0 when nothing would change, 1 when something would, 2 on any error.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Mapping, TextIO

from rules.k8s.tools import events, leftovers
from rules.k8s.tools.client import Client
from rules.k8s.tools.conditions import left_out
from rules.k8s.tools.delivery import check_pins
from rules.k8s.tools.discovery import Kinds, await_defined, discover
from rules.k8s.tools.engine import Item, Result, items_of
from rules.k8s.tools.errors import Terminated, TurnupError, UsageError, run_main
from rules.k8s.tools.guard import confirm, connect
from rules.k8s.tools.mask import Redactor
from rules.k8s.tools.options import parse_options
from rules.k8s.tools.plan import Plan, read_plan
from rules.k8s.tools.reporting import Lasting, Reporter, choose_face
from rules.k8s.tools.start import ENDING
from rules.k8s.tools.verb_table import VERBS

_JOBS = 16


class Run:
    """One verb on one plan.

    Attributes:
        plan: what to act on.
        options: parsed command line.
        environ: the process' environment.
        report: the way out for everything that is said.
        kinds: what the cluster serves, once it has been asked.
        left_out: items of the plan that this cluster must not get.
    """

    def __init__(self, plan: Plan, options: argparse.Namespace, environ: Mapping[str, str], report: Reporter):
        self.plan = plan
        self.options = options
        self.environ = environ
        self.report = report
        self.kinds = Kinds(())
        self.left_out: list[Item] = []

    @property
    def order(self) -> str:
        """In which order services are written: `ready` or `none` (see writing.py)."""
        return self.options.order or ("ready" if self.options.wait else "none")

    @cached_property
    def waiting_since(self) -> float:
        """When (time.monotonic()) the time of --wait began: when it was first asked for. All that waits for objects shares it."""
        return time.monotonic()

    def run(self) -> int:
        """Does the verb; returns the exit code."""
        verb = VERBS[self.options.verb]
        if verb.local:
            return verb.load()(self)
        if verb.pins:
            check_pins(self.plan)
        connection = connect(self.plan, self.options.context, self.environ, accept_cluster=self.options.accept_cluster, say=self.report.note)
        executor = ThreadPoolExecutor(_JOBS)
        try:
            client = Client(connection, connections=_JOBS)
            known = executor.submit(confirm, client, self.plan.label, self.environ, self.report.note)
            does = executor.submit(verb.load)
            self.kinds = discover(client, executor)
            known.result()
            if verb.objects:
                needed = ((entry.label, obj) for entry in self.plan.entries for obj in entry.objects)
                self.kinds = await_defined(client, executor, self.kinds, needed, self.report.note)
            items = items_of(self.plan.entries, self.kinds) if verb.objects else []
            if verb.conditions:
                items = self._needed(client, items)
            return does.result()(self, client, items, executor)
        finally:
            # Nothing queued is started any more. What is under way is not waited for, so that an
            # interrupted run ends at once: it ends with the process.
            executor.shutdown(wait=False, cancel_futures=True)

    def _needed(self, client: Client, items: list[Item]) -> list[Item]:
        """Drops what this cluster must not get, with the images that only it runs."""
        out, reason = left_out(client, items)
        if not out:
            return items
        self.report.note(f"left out: {len(out)} object{'s' * (len(out) != 1)}, because {reason}")
        self.left_out = out
        needed = [item for item in items if item not in out]
        labels = {item.label for item in needed}
        self.plan = replace(self.plan, images=tuple(image for image in self.plan.images if image.label in labels),
                            preloads=tuple(item for item in self.plan.preloads if item.label in labels))
        return needed

    def finish(self, results: list[Result]) -> int:
        """Says how many objects had which outcome; returns the exit code.

        Raises:
            TurnupError: an object failed; the others' errors have been said.
        """
        self.report.emit(events.summary(self.plan.label, results))
        failed = [result for result in results if result.outcome == "failed"]
        for result in failed[:-1]:
            self.report.error(result.error, TurnupError.exit_code)
        if failed:
            raise TurnupError(failed[-1].error)
        return 0


def parse(verb: str, argv: list[str]) -> argparse.Namespace:
    """Reads the arguments after `--` of a verb.

    Raises:
        UsageError: the verb is unknown, or an argument does not belong to it.
    """
    if verb not in VERBS:
        raise UsageError(f"{verb!r} is not a verb; use one of {', '.join(VERBS)}.")
    takers: dict[str, list[str]] = {}
    for name, entry in VERBS.items():
        for option in entry.options:
            takers.setdefault(option, []).append(name)
    return parse_options(verb, VERBS[verb].options, argv, takers)


def main(argv: list[str], stdout: TextIO | None = None, stderr: TextIO | None = None,
         environ: Mapping[str, str] | None = None) -> int:
    """Runs a verb.

    Args:
        argv: PLAN (relative to the runfiles), VERB, then the user's arguments.
        stdout, stderr, environ: the process' own when None.

    Returns:
        The exit code.
    """
    environ = os.environ if environ is None else environ
    redact = Redactor()
    verb = argv[1] if len(argv) > 1 else "show"
    writes = verb in VERBS and VERBS[verb].writes
    out, err = stdout or sys.stdout, stderr or sys.stderr
    if writes:
        out, err = Lasting.of(out), Lasting.of(err)
    report = Reporter(choose_face(argv[2:], out, err), redact)

    def body() -> int:
        options = parse(verb, argv[2:])
        runfiles = Path(environ.get("RUNFILES_DIR", "."))
        plan = read_plan(runfiles / argv[0], runfiles)
        report.learn(plan.objects)
        return Run(plan, options, environ, report).run()

    failed = VERBS[verb].failed if verb in VERBS else None
    code = run_main(body, stderr=err, redact=redact, failed=failed, tell=report.error, reads=not writes)
    report.end(code)
    lost = next((stream.lost for stream in (out, err) if isinstance(stream, Lasting) and stream.lost), None)
    if lost and not code:
        # The work is done, and who reads what is left of the output would take it for all.
        code = TurnupError.exit_code if failed is None else failed
        with contextlib.suppress(OSError, ValueError):
            print(f"ERROR: not all of the output could be written ({lost.strerror}); the run itself went on to its end.", file=stderr or sys.stderr, flush=True)
    return code


def run_process(argv: list[str]) -> None:
    """Runs a verb as what the process is there for, and ends the process; `argv` as for `main`."""
    _heed_signals()
    _exit(main(argv))


def _exit(code: int) -> None:
    """Ends the process at once: threads that still wait for the server are not waited for, so what they would remove is removed here."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    leftovers.clear()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue  # Whoever read it has gone.
    os._exit(code)


def _heed_signals() -> None:
    """Has signals to end the process interrupt what it does, unless it was started to ignore them."""

    def end(number: int, _: object) -> None:
        raise Terminated(number)

    for number in ENDING:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)
