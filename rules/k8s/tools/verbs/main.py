"""Runs one verb on one closure: what `bazel run //pkg:NAME.VERB` starts, once modules may load."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Mapping, TextIO

from rules.k8s.tools import cleanup
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.cluster_guard import confirm, connect
from rules.k8s.tools.api.discovery import await_defined, discover
from rules.k8s.tools.api.item import Item, items_of
from rules.k8s.tools.errors import Terminated, TurnupError, UsageError, run_main
from rules.k8s.tools.images.delivery import check_pins
from rules.k8s.tools.masking.mask import Redactor
from rules.k8s.tools.objects.plan import read_plan
from rules.k8s.tools.output.reporter import DurableStream, Reporter, choose_printer
from rules.k8s.tools.preflight.conditions import left_out
from rules.k8s.tools.run.options import parse_options
from rules.k8s.tools.run.run import Run
from rules.k8s.tools.verbs.signals import TERMINATION_SIGNALS
from rules.k8s.tools.verbs.verb_table import VERBS

_JOBS = 16


def run_verb(run: Run) -> int:
    """Does the verb; returns the exit code."""
    verb = VERBS[run.options.verb]
    if verb.local:
        return verb.load()(run)
    if verb.pins:
        check_pins(run.plan)
    connection = connect(run.plan, run.options.context, run.environ, accept_cluster=run.options.accept_cluster, say=run.report.note)
    executor = ThreadPoolExecutor(_JOBS)
    try:
        client = Client(connection, connections=_JOBS)
        known = executor.submit(confirm, client, run.plan.label, run.environ, run.report.note)
        does = executor.submit(verb.load)
        run.kinds = discover(client, executor)
        known.result()
        if verb.objects:
            needed = ((entry.label, obj) for entry in run.plan.entries for obj in entry.objects)
            run.kinds = await_defined(client, executor, run.kinds, needed, run.report.note)
        items = items_of(run.plan.entries, run.kinds) if verb.objects else []
        if verb.conditions:
            items = _leave_out(run, client, items)
        return does.result()(run, client, items, executor)
    finally:
        # Nothing queued is started any more. What is under way is not waited for, so that an
        # interrupted run ends at once: it ends with the process.
        executor.shutdown(wait=False, cancel_futures=True)


def _leave_out(run: Run, client: Client, items: list[Item]) -> list[Item]:
    """Drops what this cluster must not get, with the images that only it runs."""
    out, reason = left_out(client, items)
    if not out:
        return items
    run.report.note(f"left out: {len(out)} object{'s' * (len(out) != 1)}, because {reason}")
    run.left_out = out
    needed = [item for item in items if item not in out]
    labels = {item.label for item in needed}
    run.plan = replace(run.plan, push_plans=tuple(item for item in run.plan.push_plans if item.label in labels),
                        preloads=tuple(item for item in run.plan.preloads if item.label in labels))
    return needed


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
        out, err = DurableStream.of(out), DurableStream.of(err)
    report = Reporter(choose_printer(argv[2:], out, err), redact)

    def body() -> int:
        options = parse(verb, argv[2:])
        runfiles = Path(environ.get("RUNFILES_DIR", "."))
        plan = read_plan(runfiles / argv[0], runfiles)
        report.learn(plan.objects)
        return run_verb(Run(plan, options, environ, report))

    failed = VERBS[verb].failed if verb in VERBS else None
    code = run_main(body, stderr=err, redact=redact, failed=failed, tell=report.error, reads=not writes)
    report.end(code)
    lost = next((stream.lost for stream in (out, err) if isinstance(stream, DurableStream) and stream.lost), None)
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
    for number in TERMINATION_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    cleanup.clear()
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

    for number in TERMINATION_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)
