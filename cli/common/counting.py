"""Counts test cases, not targets, in the JUnit XML files of a test run.

Format: the JUnit XML of Apache Ant; a <testcase> contains <failure>, <error> or <skipped> unless it passed.
"""

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from cli.common.build_events import BuildEvents, Target

_PASSED = ("PASSED", "FLAKY")
_WORDS = {"": "did not run", "NO_STATUS": "did not run", "FAILED": "failed outside its test cases", "TIMEOUT": "timed out"}


@dataclass
class Cases:
    """The results of test cases.

    Attributes:
        passed: how many passed.
        failed: how many failed.
        skipped: how many were skipped.
        failures: one line per failure: target and test case, or target and reason.
    """

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, other: "Cases") -> None:
        """Adds another count to this one."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.failures += other.failures

    def fail(self, line: str) -> None:
        """Counts one failure."""
        self.failed += 1
        self.failures.append(line)

    def line(self) -> str:
        """Returns the closing line: `12 passed, 0 failed`, and `, 3 skipped` if any were skipped."""
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def count_xml(label: str, path: Path) -> Cases:
    """Counts the test cases of one JUnit XML file.

    Args:
        label: the target's label, for the lines of the failures.
        path: the file.

    Raises:
        ValueError: the file is missing or is not XML.
    """
    try:
        root = ElementTree.parse(path).getroot()  # noqa: S314  # the tests that wrote the file ran with the same rights
    except (OSError, ElementTree.ParseError) as error:
        raise ValueError(f"{path}: {error}") from error
    cases = Cases()
    for case in root.iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            cases.fail(f"{label} {case.get('name', '?')}")
        elif case.find("skipped") is not None:
            cases.skipped += 1
        else:
            cases.passed += 1
    return cases


def count_target(target: Target) -> Cases:
    """Counts the test cases of one target.

    A test without readable results counts as one test case with Bazel's status. A target that failed without a failed test
    case (it timed out, crashed, was not built or did not run) counts as one more failure.
    """
    cases = Cases()
    for path in target.results.values():
        if path is None:
            continue
        try:
            cases.add(count_xml(target.label, path))
        except ValueError:
            continue
    if not target.is_test:
        if target.built is False:
            cases.fail(f"{target.label}: {target.problem or 'failed to build'}")
    elif target.status not in _PASSED:
        if not cases.failed:
            cases.fail(f"{target.label}: {_why(target)}")
    elif not (cases.passed or cases.failed or cases.skipped):
        cases.passed = 1
    return cases


def _why(target: Target) -> str:
    if target.built is False:
        return target.problem or "failed to build"
    return _WORDS.get(target.status, target.status.lower().replace("_", " "))


def count(events: BuildEvents, exit_code: int) -> Cases:
    """Counts the test cases of a whole run.

    Args:
        events: what Bazel reported.
        exit_code: Bazel's exit code; an error that no target explains counts as one failure.

    Returns:
        The counts; `failed` is 0 only if Bazel reported success too.
    """
    cases = Cases()
    for target in events.targets.values():
        cases.add(count_target(target))
    for problem in events.problems:
        cases.fail(problem)
    # 4 means that everything was built and there was no test; then `passed` is 0.
    if exit_code not in (0, 4) and not cases.failed:
        cases.fail(f"bazel test ended with exit code {exit_code}")
    return cases
