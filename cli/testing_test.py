"""Tests of `turnup test`: Bazel's arguments, and the closing lines."""

import io
import json
from pathlib import Path

import pytest

from cli import testing
from cli.common import build_events, counting


class FakeBazel:
    """A Bazel that writes the event file of one test with given results.

    Args:
        xml: the test's JUnit XML; None for a run without any test.
        status: its overall status.
        code: Bazel's exit code.
    """

    def __init__(self, tmp_path, xml, status="PASSED", code=0):
        self.words = []
        self._tmp_path, self._xml, self._status, self._code = tmp_path, xml, status, code

    def run(self, words, **_):
        """Writes the events to the file of the flag."""
        self.words = list(words)
        flag = next(word for word in words if word.startswith("--build_event_json_file="))
        events = []
        if self._xml is not None:
            path = self._tmp_path / "test.xml"
            path.write_text(self._xml)
            ident = {"label": "//a:a_test"}
            output = {"testActionOutput": [{"name": "test.xml", "uri": path.as_uri()}]}
            events = [
                {"id": {"testResult": {**ident, "run": 1, "shard": 1, "attempt": 1}}, "testResult": output},
                {"id": {"testSummary": ident}, "testSummary": {"overallStatus": self._status, "totalRunDurationMillis": "61000"}},
            ]
        Path(flag.partition("=")[2]).write_text("".join(json.dumps(event) + "\n" for event in events))
        return self._code


ONE = "<testsuites><testsuite><testcase name='a'/></testsuite></testsuites>"
BAD = "<testsuites><testsuite><testcase name='a'><failure/></testcase></testsuite></testsuites>"


@pytest.mark.parametrize(("xml", "status", "code", "exit_code", "last"), [
    (ONE, "PASSED", 0, 0, "1 passed, 0 failed"),
    (BAD, "FAILED", 3, 1, "0 passed, 1 failed"),
    (ONE, "PASSED", 1, 1, "1 passed, 1 failed"),
    (None, "", 4, 1, "0 passed, 0 failed"),
])  # fmt: skip
def test_last_line_and_exit_code(tmp_path, xml, status, code, exit_code, last):
    """The exit code is 0 only if a test passed, none failed and Bazel succeeded; the counts are the last line."""
    out = io.StringIO()

    assert testing.run(FakeBazel(tmp_path, xml, status, code), [], [], out) == exit_code
    assert out.getvalue().splitlines()[-1] == last


@pytest.mark.parametrize(("xml", "code", "checks", "exit_code", "last"), [
    (ONE, 0, counting.Cases(passed=7), 0, "8 passed, 0 failed"),
    (ONE, 0, counting.Cases(passed=6, failed=1, failures=["./turnup check --all: ruff has findings"]), 1, "7 passed, 1 failed"),
    (None, 4, counting.Cases(passed=7), 1, "7 passed, 0 failed"),
])  # fmt: skip
def test_checks_are_counted(tmp_path, xml, code, checks, exit_code, last):
    """Each check is a test case of the last line; one that failed fails the run, and checks alone are no test."""
    out = io.StringIO()

    assert testing.run(FakeBazel(tmp_path, xml, code=code), [], [], out, checks) == exit_code
    assert out.getvalue().splitlines()[-1] == last
    assert all(f"  {failure}\n" in out.getvalue() for failure in checks.failures)


def test_all_targets_by_default(tmp_path):
    """Without targets everything is tested; targets come after --, so that negative patterns work."""
    bazel = FakeBazel(tmp_path, ONE)
    testing.run(bazel, [], [], io.StringIO())
    assert bazel.words[-2:] == ["--", "//..."]

    testing.run(bazel, ["//a/...", "-//a/b"], ["--config=x"], io.StringIO())
    assert bazel.words[-4:] == ["--config=x", "--", "//a/...", "-//a/b"]
    assert "--keep_going" in bazel.words and "--test_output=errors" in bazel.words


def test_slowest_targets_are_named(tmp_path):
    """Targets that take a second or more are listed with their time."""
    out = io.StringIO()
    testing.run(FakeBazel(tmp_path, ONE), [], [], out)

    assert "61.0 s  //a:a_test" in out.getvalue()


def test_failures_are_listed():
    """Each failure has a line before the counts."""
    out = io.StringIO()
    cases = counting.Cases(passed=1, failed=1, failures=["//a:a_test case"])
    testing.report(build_events.BuildEvents(), cases, out)

    assert out.getvalue().splitlines()[-3:] == ["  //a:a_test case", "0 test targets, 0 of them cached", "1 passed, 1 failed"]
