"""What `bazel run //pkg:NAME.VERB` runs: one process that does one verb to one closure.

Exit codes: 0 done; 1 failed; 2 usage; 3 wrong cluster; 130 interrupted. `diff` ends
with 0 when nothing would change, 1 when something would, 2 on any error.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Mapping, TextIO

from rules.k8s.tools import verbs
from rules.k8s.tools.client import Client
from rules.k8s.tools.conditions import left_out
from rules.k8s.tools.delivery import check_pinned_images, check_pins, preload, push_built, wait_for_registry
from rules.k8s.tools.discovery import discover
from rules.k8s.tools.durations import format_duration, parse_duration
from rules.k8s.tools.engine import Applier, Item, Result, check_namespaces, items_of
from rules.k8s.tools.errors import TurnupError, UsageError, run_main
from rules.k8s.tools.guard import connect
from rules.k8s.tools.mask import Redactor
from rules.k8s.tools.plan import Plan, read_plan
from rules.k8s.tools.pushing import PushReport
from rules.k8s.tools.render import manifest_yaml

VERBS = ("show", "create", "apply", "replace", "delete", "diff", "describe")
_WRITES = ("create", "apply", "replace")
_JOBS = 16
# Which verbs take an option that not all of them take.
_TAKERS = {
    "wait": ("apply", "create", "replace", "delete"),
    "force_conflicts": ("apply", "create", "diff"),
    "adopt": ("apply", "create"),
    "delete_data": ("delete",),
}


class Run:
    """One verb on one plan.

    Args:
        plan: what to act on.
        options: parsed command line.
        environ: the process' environment.
        stdout: data goes here.
        stderr: progress goes here.
    """

    def __init__(self, plan: Plan, options: argparse.Namespace, environ: Mapping[str, str], stdout: TextIO, stderr: TextIO,
                 redact: Redactor):
        self.plan = plan
        self.options = options
        self.environ = environ
        self.stdout = stdout
        self.stderr = stderr
        self.redact = redact
        self.started = time.monotonic()

    def say(self, text: str) -> None:
        """Writes a line of progress, without secrets."""
        print(self.redact(text), file=self.stderr, flush=True)

    def run(self) -> int:
        """Does the verb; returns the exit code."""
        if self.options.verb == "show":
            self.stdout.write(manifest_yaml(self.plan.objects))
            return 0
        if self.options.verb in _WRITES:
            check_pins(self.plan)
        connection = connect(self.plan, self.options.context, self.environ, accept_cluster=self.options.accept_cluster)
        executor = ThreadPoolExecutor(_JOBS)
        try:
            return self._with_cluster(Client(connection, connections=_JOBS), executor)
        finally:
            # Nothing queued is started any more. What is under way is not waited for, so that an
            # interrupted run ends at once: it ends with the process.
            executor.shutdown(wait=False, cancel_futures=True)

    def _with_cluster(self, client: Client, executor: ThreadPoolExecutor) -> int:
        kinds = discover(client, executor)
        items = items_of(self.plan.entries, kinds)
        verb = self.options.verb
        if verb in (*_WRITES, "diff"):
            items = self._needed(client, items)
        if verb == "diff":
            texts = verbs.diff(client, items, executor, force=self.options.force_conflicts)
            for text in texts:
                self.stdout.write(self.redact(text))
            return 1 if texts else 0
        if verb == "describe":
            self.stdout.write(self.redact("\n".join(verbs.describe(client, items, executor))))
            return 0
        if verb == "delete":
            results = verbs.delete(client, items, executor, self._report, data=self.options.delete_data,
                                   patience=self.options.wait or 120.0)
            return self._finish(results)
        return self._write(client, items, executor)

    def _needed(self, client: Client, items: list[Item]) -> list[Item]:
        """Drops what this cluster must not get, with the images that only it runs."""
        out, reason = left_out(client, items)
        if not out:
            return items
        self.say(f"left out: {len(out)} object{'s' * (len(out) != 1)}, because {reason}")
        needed = [item for item in items if item not in out]
        labels = {item.label for item in needed}
        self.plan = replace(self.plan, images=tuple(image for image in self.plan.images if image.label in labels),
                            preloads=tuple(item for item in self.plan.preloads if item.label in labels))
        return needed

    def _write(self, client: Client, items: list[Item], executor: ThreadPoolExecutor) -> int:
        check_namespaces(client, items, executor)
        preloaded = executor.submit(preload, self.plan, client.connection, self.environ)
        wait_for_registry(self.plan, self.say)
        check_pinned_images(self.plan, executor)
        images, sent = push_built(self.plan, report=PushReport(self.say, self.stderr))
        loaded = preloaded.result()
        if images or loaded:
            self.say(f"images: {images} in the registry ({sent} sent)" + (f", {loaded} on the nodes" if loaded else ""))
        if self.options.verb == "create":
            verbs.refuse_existing(client, items, executor)
        if self.options.verb == "replace":
            results = verbs.replace(client, items, executor, self._report)
        else:
            results = Applier(client, items, force=self.options.force_conflicts, adopt=self.options.adopt,
                              report=self._report).apply(executor)
        code = self._finish(results)
        if code == 0 and self.options.wait:
            from rules.k8s.tools.waiting import wait_ready

            wait_ready(client, self.plan, results, self.options.wait, self.say, self.stderr)
            self.say(f"{self.plan.label}: ready after {format_duration(time.monotonic() - self.started)}")
        return code

    def _report(self, result: Result) -> None:
        """Prints one result; what is unchanged is only counted at the end."""
        if result.outcome == "kept":
            self.say(f"  kept        {result.item.identity}: {result.error}")
        elif result.outcome not in ("unchanged", "failed"):
            self.say(f"  {result.outcome:<11} {result.item.identity}")

    def _finish(self, results: list[Result]) -> int:
        counts: dict[str, int] = {}
        for result in results:
            counts[result.outcome] = counts.get(result.outcome, 0) + 1
        words = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        self.say(f"{self.plan.label}: {words} in {format_duration(time.monotonic() - self.started)}")
        failed = [result for result in results if result.outcome == "failed"]
        for result in failed[:-1]:
            self.say("ERROR: " + " ".join(result.error.split()))
        if failed:
            raise TurnupError(failed[-1].error)
        return 0


def _parser(verb: str) -> argparse.ArgumentParser:
    def words(option: str, text: str) -> str:
        return text if verb in _TAKERS[option] else argparse.SUPPRESS

    parser = argparse.ArgumentParser(prog=f"bazel run TARGET.{verb} --", add_help=True, allow_abbrev=False)
    parser.add_argument("--context", default="", help="the context that you mean; any other than the target's own is refused")
    parser.add_argument("--accept-cluster", action="store_true", help="take the server behind the context as the right one from now on")
    parser.add_argument("--wait", nargs="?", const="10m", default="", metavar="DURATION",
                        help=words("wait", "until everything is ready (delete: gone), at most this long; 10m when no duration is given"))
    parser.add_argument("--force-conflicts", action="store_true", help=words("force_conflicts", "take fields over from other field managers"))
    parser.add_argument("--adopt", action="store_true", help=words("adopt", "take objects over that another target has applied"))
    parser.add_argument("--delete-data", action="store_true",
                        help=words("delete_data", "delete namespaces, volumes, claims and definitions, too"))
    return parser


def parse(verb: str, argv: list[str]) -> argparse.Namespace:
    """Reads the arguments after `--` of a verb.

    Raises:
        UsageError: an option does not belong to the verb.
    """
    if verb not in VERBS:
        raise UsageError(f"{verb!r} is not a verb; use one of {', '.join(VERBS)}.")
    options, rest = _parser(verb).parse_known_args(argv)
    if rest:
        raise UsageError(f".{verb} does not take {rest[0]!r}; see 'bazel run TARGET.{verb} -- --help'.")
    for name, takers in _TAKERS.items():
        if getattr(options, name) and verb not in takers:
            raise UsageError(f".{verb} does not take --{name.replace('_', '-')}; it belongs to .{', .'.join(takers)}.")
    options.verb = verb
    options.wait = parse_duration(options.wait) if options.wait else 0.0
    return options


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

    def body() -> int:
        options = parse(verb, argv[2:])
        runfiles = Path(environ.get("RUNFILES_DIR", "."))
        plan = read_plan(runfiles / argv[0], runfiles)
        redact.learn(plan.objects)
        return Run(plan, options, environ, stdout or sys.stdout, stderr or sys.stderr, redact).run()

    # For diff, 1 says that something would change: an error must not look like that.
    return run_main(body, stderr=stderr, redact=redact, failed=2 if verb == "diff" else None)


def _exit(code: int) -> None:
    """Ends the process at once: threads that still wait for the server are not waited for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _exit(main(sys.argv[1:]))
