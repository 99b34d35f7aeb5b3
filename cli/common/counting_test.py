"""Tests of counting the test cases of a `bazel test`."""

import json

import pytest

from cli.common import build_events, counting

LABEL = "//a:a_test"


def xml(tmp_path, name, *cases):
    """Writes a JUnit XML file with the given <testcase> bodies, and returns its path."""
    body = "".join(f'<testcase classname="c" name="case{i}">{case}</testcase>' for i, case in enumerate(cases))
    path = tmp_path / name
    path.write_text(f'<?xml version="1.0"?><testsuites><testsuite name="s">{body}</testsuite></testsuites>')
    return path


def events(*items):
    """Reads events given as (id kind, id fields, rest of the event)."""
    lines = [json.dumps({"id": {kind: ident}, **rest}) for kind, ident, rest in items]
    return build_events.read(lines)


def configured(label=LABEL, test=True):
    """Returns the event that a target was configured."""
    more = {"testSize": "SMALL"} if test else {}
    return ("targetConfigured", {"label": label}, {"configured": {"targetKind": "x rule", **more}})


def completed(label=LABEL, success=True):
    """Returns the event that a target was built, or not; a failure has no "success" field at all."""
    return ("targetCompleted", {"label": label}, {"completed": {"success": True} if success else {}})


def result(path, label=LABEL, **ident_and_result):
    """Returns the event of one run of a test that wrote path; attempt, shard and cachedLocally may be given."""
    cached = ident_and_result.pop("cachedLocally", False)
    ident = {"label": label, "run": 1, "shard": 1, "attempt": 1, **ident_and_result}
    output = [{"name": "test.log", "uri": "file:///log"}, {"name": "test.xml", "uri": path.as_uri()}]
    return ("testResult", ident, {"testResult": {"testActionOutput": output, "cachedLocally": cached}})


def summary(status, label=LABEL, millis="1500"):
    """Returns the event of a test's overall status."""
    return ("testSummary", {"label": label}, {"testSummary": {"overallStatus": status, "totalRunDurationMillis": millis}})


def test_counts_cases_not_targets(tmp_path):
    """One target with three test cases of three kinds counts as three."""
    path = xml(tmp_path, "test.xml", "", "<failure message='m'/>", "<skipped/>")
    cases = counting.count(events(configured(), completed(), result(path), summary("FAILED")), 3)

    assert (cases.passed, cases.failed, cases.skipped) == (1, 1, 1)
    assert cases.failures == [f"{LABEL} case1"]
    assert cases.line() == "1 passed, 1 failed, 1 skipped"


def test_line_without_skipped():
    """The closing line has skipped test cases only if there are any."""
    assert counting.Cases(passed=5).line() == "5 passed, 0 failed"


def test_cached_results_count(tmp_path):
    """A cached target counts with the test cases of its earlier run."""
    path = xml(tmp_path, "test.xml", "", "")
    seen = events(configured(), completed(), result(path, cachedLocally=True), summary("PASSED"))

    assert counting.count(seen, 0).passed == 2
    assert seen.targets[LABEL].cached


def test_last_attempt_of_each_shard(tmp_path):
    """A second attempt replaces the first; shards add up."""
    first = xml(tmp_path, "1.xml", "<failure/>")
    second = xml(tmp_path, "2.xml", "")
    other = xml(tmp_path, "3.xml", "", "")
    seen = events(configured(), result(first), result(second, attempt=2), result(other, shard=2), summary("FLAKY"))

    assert counting.count(seen, 0).line() == "3 passed, 0 failed"


@pytest.mark.parametrize(("status", "words"), [("TIMEOUT", "timed out"), ("FAILED", "failed outside"), ("NO_STATUS", "did not run")])
def test_failed_target_without_failed_case(tmp_path, status, words):
    """A target that timed out, crashed after its test cases or never ran is one failure."""
    path = xml(tmp_path, "test.xml", "")
    cases = counting.count(events(configured(), completed(), result(path), summary(status)), 3)

    assert cases.failed == 1
    assert words in cases.failures[0]


def test_target_that_failed_to_build():
    """A test that could not be built is one failure, and so is a target that is not a test."""
    seen = events(configured(), completed(success=False), configured("//b:g", test=False), completed("//b:g", success=False))

    assert counting.count(seen, 1).failures == [f"{LABEL}: failed to build", "//b:g: failed to build"]


def test_analysis_failure_keeps_its_description():
    """A failure that Bazel reports twice, the second time without a description, counts once and keeps its description."""
    seen = events(
        configured(),
        ("configuredLabel", {"label": LABEL}, {"aborted": {"reason": "ANALYSIS_FAILURE", "description": "no\n such rule"}}),
        ("targetCompleted", {"label": LABEL}, {"aborted": {"reason": "ANALYSIS_FAILURE"}}),
    )

    assert counting.count(seen, 1).failures == [f"{LABEL}: no such rule"]


def test_pattern_that_matches_nothing():
    """A misspelled label is one failure with Bazel's reason."""
    seen = events(("pattern", {"pattern": ["//x"]}, {"aborted": {"reason": "LOADING_FAILURE", "description": "no such package 'x'"}}))

    assert counting.count(seen, 1).failures == ["no such package 'x'"]


def test_incompatible_target_is_left_out():
    """A target that Bazel skips as incompatible with the machine does not count."""
    seen = events(configured(), ("targetCompleted", {"label": LABEL}, {"aborted": {"reason": "SKIPPED"}}))

    assert counting.count(seen, 0).line() == "0 passed, 0 failed"


def test_bazel_error_that_no_event_shows():
    """A package that does not load has no event with --keep_going, but the exit code shows it."""
    assert counting.count(events(), 1).failures == ["bazel test ended with exit code 1"]


def test_no_test_at_all_passes_nothing():
    """Bazel's exit code for `no test` is not a failure by itself; nothing passed either."""
    assert counting.count(events(), 4).line() == "0 passed, 0 failed"


@pytest.mark.parametrize("text", ["", "<testsuites><testcase", "not xml"])
def test_unreadable_results(tmp_path, text):
    """A target with incomplete XML counts once, with Bazel's status."""
    path = tmp_path / "test.xml"
    path.write_text(text)

    assert counting.count(events(configured(), result(path), summary("PASSED")), 0).line() == "1 passed, 0 failed"
    assert counting.count(events(configured(), result(path), summary("FAILED")), 3).line() == "0 passed, 1 failed"


def test_lines_cut_short_are_passed_over():
    """If a killed Bazel leaves half a line, the lines before it count."""
    line = json.dumps({"id": {"buildFinished": {}}, "finished": {}})

    assert build_events.read([line, line[:10], "3"]).finished
