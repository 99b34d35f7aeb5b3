"""`turnup test`: runs the tests with Bazel and counts the test cases."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from cli.common import build_events, counting
from cli.common.bazel import Bazel
from cluster.common.progress import format_seconds

# How many slow targets to list, and how many seconds make a target slow.
_SLOW_COUNT = 8
_SLOW_SECONDS = 1.0


def run(bazel: Bazel, targets: Sequence[str], flags: Sequence[str], stdout: TextIO, checks: counting.Cases | None = None) -> int:
    """Runs the tests.

    Args:
        bazel: calls Bazel.
        targets: labels and target patterns; empty for all tests.
        flags: more flags for `bazel test`.
        stdout: where to print the slowest targets, the failures and, as the last line, the counts.
        checks: the test cases that ran before, which the counts include. None: there were none.

    Returns:
        0 if there was a test and all passed, otherwise 1.
    """
    with tempfile.TemporaryDirectory(prefix="turnup-test-") as folder:
        file = Path(folder) / "events.json"
        words = ["test", "--keep_going", "--test_output=errors", f"--build_event_json_file={file}"]
        code = bazel.run([*words, *flags, "--", *(targets or ["//..."])])
        text = file.read_text(errors="replace") if file.exists() else ""
        events = build_events.read(text.splitlines())
        cases = counting.count(events, code)
    passed = cases.passed  # checks alone are not a test
    if checks:
        cases.add(checks)
    report(events, cases, stdout)
    return 0 if passed and not cases.failed else 1


def report(events: build_events.BuildEvents, cases: counting.Cases, stdout: TextIO) -> None:
    """Prints the slowest targets, the failures and the counts."""
    tests = [target for target in events.targets.values() if target.is_test]
    slow = sorted((t for t in tests if t.seconds >= _SLOW_SECONDS), key=lambda t: -t.seconds)[:_SLOW_COUNT]
    if slow:
        print("slowest:", file=stdout)
    for target in slow:
        print(f"  {format_seconds(target.seconds):>12}  {target.label}{' (cached)' if target.cached else ''}", file=stdout)
    if cases.failures:
        print("failed:", file=stdout)
    for failure in cases.failures:
        print(f"  {failure}", file=stdout)
    print(f"{len(tests)} test targets, {sum(target.cached and bool(target.results) for target in tests)} of them cached", file=stdout)
    print(cases.line(), file=stdout, flush=True)
