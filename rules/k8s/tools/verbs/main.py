"""The program behind `bazel run //pkg:NAME.VERB`: runs one verb on one closure."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TextIO

from rules.k8s.tools import cleanup
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.cluster_guard import connect, verify_cluster
from rules.k8s.tools.api.discovery import discover, wait_until_served
from rules.k8s.tools.api.item import Item, items_of
from rules.k8s.tools.api.server_warnings import ServerWarnings
from rules.k8s.tools.errors import Terminated, TurnupError, UsageError, run_main
from rules.k8s.tools.images.delivery import check_pins
from rules.k8s.tools.masking.mask import Redactor
from rules.k8s.tools.objects.plan import read_plan
from rules.k8s.tools.output.reporter import DurableStream, Reporter, choose_printer
from rules.k8s.tools.preflight.conditions import find_skipped
from rules.k8s.tools.run.options import parse_options, split_command
from rules.k8s.tools.run.run import Run
from rules.k8s.tools.signals import TERMINATION_SIGNALS
from rules.k8s.tools.verbs.verb_table import VERBS, verbs_with

_JOBS = 16


def run_verb(run: Run) -> int:
    """Runs the verb; returns the exit code."""
    verb = VERBS[run.options.verb]
    if verb.local:
        return verb.load()(run)
    if verb.pins:
        check_pins(run.plan)
    connection = connect(run.plan, run.options.context, run.environ, accept_cluster=run.options.accept_cluster, note=run.report.note)
    executor = ThreadPoolExecutor(_JOBS)
    try:
        client = Client(connection, connections=_JOBS)
        confirmed = executor.submit(verify_cluster, client, run.plan.label, run.environ, run.report.note)
        function = executor.submit(verb.load)
        run.kinds = discover(client, executor)
        confirmed.result()
        if verb.objects:
            needed = ((entry.label, obj) for entry in run.plan.entries for obj in entry.objects)
            run.kinds = wait_until_served(client, executor, run.kinds, needed, run.report.note)
        items = items_of(run.plan.entries, run.kinds) if verb.objects else []
        warnings = ServerWarnings(run.kinds, run.plan.label, run.report.warning)
        warnings.know(items)
        client.on_warning = warnings.hear
        if verb.conditions:
            items = _without_left_out(run, client, items)
        return function.result()(run, client, items, executor)
    finally:
        # Nothing that is queued starts any more. Running requests end with the process: waiting for them would
        # delay the end of an interrupted run.
        executor.shutdown(wait=False, cancel_futures=True)


def _without_left_out(run: Run, client: Client, items: list[Item]) -> list[Item]:
    """Returns the items without those that this cluster must not get; drops the images that only those use from the plan."""
    out, reason = find_skipped(client, items)
    if not out:
        return items
    run.report.note(f"left out: {len(out)} object{'s' * (len(out) != 1)}, because {reason}")
    run.left_out = out
    needed = [item for item in items if item not in out]
    labels = {item.label for item in needed}
    run.plan = replace(
        run.plan,
        push_plans=tuple(item for item in run.plan.push_plans if item.label in labels),
        preloads=tuple(item for item in run.plan.preloads if item.label in labels),
    )
    return needed


def parse(verb: str, argv: list[str]) -> argparse.Namespace:
    """Returns the parsed arguments after `--` of a verb.

    Raises:
        UsageError: the verb is unknown, or an argument does not belong to it.
    """
    if verb not in VERBS:
        raise UsageError(f"{verb!r} is not a verb; use one of {', '.join(VERBS)}.")
    taken = VERBS[verb].options
    own, command = split_command(taken, argv) if VERBS[verb].command else (argv, None)
    return parse_options(verb, taken, own, verbs_with, command)


def main(argv: list[str], stdout: TextIO | None = None, stderr: TextIO | None = None, environ: Mapping[str, str] | None = None) -> int:
    """Runs a verb.

    Args:
        argv: PLAN (relative to the runfiles), VERB, then the user's arguments.
        stdout: where results are printed; the process' own when None.
        stderr: where progress and errors are printed; the process' own when None.
        environ: the environment; the process' own when None.

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
    command = verb in VERBS and VERBS[verb].command
    own = split_command(VERBS[verb].options, argv[2:])[0] if command else argv[2:]
    report = Reporter(choose_printer(own, out, err, stdout_taken=command), redact)

    def body() -> int:
        options = parse(verb, argv[2:])
        if options.ignored:
            report.note(f"flags of kubectl without effect here: {', '.join(options.ignored)}")
        runfiles = Path(environ.get("RUNFILES_DIR", "."))
        plan = read_plan(runfiles / argv[0], runfiles)
        report.learn(plan.objects)
        return run_verb(Run(plan, options, environ, report))

    failed = VERBS[verb].failed if verb in VERBS else None
    code = run_main(body, stderr=err, redact=redact, failed=failed, tell=report.error, reads=not writes)
    report.end(code)
    lost = next((stream.lost for stream in (out, err) if isinstance(stream, DurableStream) and stream.lost), None)
    if lost and not code:
        # The run succeeded, but a reader could take the partial output for all of it.
        code = TurnupError.exit_code if failed is None else failed
        with contextlib.suppress(OSError, ValueError):
            print(f"ERROR: not all of the output could be written ({lost.strerror}); the run itself finished.", file=stderr or sys.stderr, flush=True)
    return code


def run_process(argv: list[str]) -> None:
    """Runs a verb and ends the process; `argv` as for `main`."""
    _handle_signals()
    _exit(main(argv))


def _exit(code: int) -> None:
    """Ends the process without waiting for its threads, so it cleans up in their place."""
    for number in TERMINATION_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    cleanup.clear()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue  # Its reader closed the pipe.
    os._exit(code)


def _handle_signals() -> None:
    """Turns signals that end the process into interrupts, unless the process was started to ignore them."""

    def end(number: int, _: object) -> None:
        raise Terminated(number)

    for number in TERMINATION_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)
