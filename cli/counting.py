"""Counts test cases, not targets: reads the JUnit XML that each test target wrote.

Source of the format: the JUnit XML that Ant made common; <testcase> with <failure>, <error> or <skipped> inside.
"""

import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

from cli.build_events import BuildEvents, Target

_PASSED = ("PASSED", "FLAKY")
_WORDS = {"": "did not run", "NO_STATUS": "did not run", "FAILED": "failed outside of its cases", "TIMEOUT": "timed out"}


@dataclass
class Cases:
    """How test cases ended.

    Attributes:
        passed, failed, skipped: how many.
        failures: a line for each failed one: target and case, or target and what became of it.
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
        """Returns the closing line, `12 passed, 0 failed` and `, 3 skipped` where any were."""
        return f"{self.passed} passed, {self.failed} failed" + (f", {self.skipped} skipped" if self.skipped else "")


def count_xml(label: str, path: Path) -> Cases:
    """Counts the cases of one JUnit XML file.

    Args:
        label: the target, for the failures' lines.
        path: the file.

    Returns:
        the counts.

    Raises:
        ValueError: the file is missing, or is not XML.
    """
    try:
        root = ElementTree.parse(path).getroot()
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
    """Counts the cases of one target.

    A test without readable results counts as one case, by Bazel's status. A target that failed although no case of it
    did (timed out, crashed, failed to build, never ran) counts one failure more.
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
    """Counts the cases of a whole run.

    Args:
        events: what Bazel reported.
        exit_code: Bazel's own; where it is an error that no target shows, that counts as one failure.

    Returns:
        the counts; `failed` is 0 only where Bazel, too, was content.
    """
    cases = Cases()
    for target in events.targets.values():
        cases.add(count_target(target))
    for problem in events.problems:
        cases.fail(problem)
    # 4: everything was built, and there was no test at all: `passed` is 0, which says it.
    if exit_code not in (0, 4) and not cases.failed:
        cases.fail(f"bazel test ended with exit code {exit_code}")
    return cases
