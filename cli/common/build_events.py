"""Reads the Build Event Protocol file of one `bazel test`: its tests, their results and the files with the test cases.

Format: Bazel's build_event_stream.proto; the file (--build_event_json_file) has one BuildEvent per line, as JSON.
"""

import json
import urllib.parse
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# Bazel skips a test on purpose if the test's constraints don't match this machine.
_SKIPPED = "SKIPPED"


@dataclass
class Target:
    """One target of the run.

    Attributes:
        label: its label.
        is_test: whether it is a test.
        built: False if it or a dependency failed to build; None if the file doesn't say.
        status: Bazel's overall status of a test (PASSED, FLAKY, FAILED, TIMEOUT, …); "" if it has none.
        results: (run, shard) → the test.xml of the last attempt, also of cached results; None if there is no such file.
        seconds: how long its tests ran.
        cached: whether every result came from a cache.
        problem: why it did not run, in Bazel's words; "" if it ran.
    """

    label: str
    is_test: bool = False
    built: bool | None = None
    status: str = ""
    results: dict[tuple[int, int], Path | None] = field(default_factory=dict)
    seconds: float = 0.0
    cached: bool = True
    problem: str = ""


@dataclass
class BuildEvents:
    """The content of the file.

    Attributes:
        targets: label → Target.
        problems: why Bazel could not load targets, one sentence each.
        finished: whether Bazel finished the run.
    """

    targets: dict[str, Target] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    finished: bool = False

    def target(self, label: str) -> Target:
        """Returns the target with that label; adds it if it is new."""
        return self.targets.setdefault(label, Target(label))


def read(lines: Iterable[str]) -> BuildEvents:
    """Reads the events; ignores a line that a killed Bazel cut short.

    Args:
        lines: the file's lines.
    """
    events = BuildEvents()
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            _take(events, event)
    return events


def _take(events: BuildEvents, event: Mapping[str, Any]) -> None:
    identifiers: Mapping[str, Any] = event.get("id", {})
    nothing: tuple[str, Any] = ("", {})
    kind, ident = next(iter(identifiers.items()), nothing)
    if "aborted" in event:
        _take_aborted(events, kind, ident, event["aborted"])
    elif kind == "targetConfigured":
        # An aspect's event has the same label; only the target's own says that it is a test.
        configured = event.get("configured", {})
        target = events.target(ident["label"])
        target.is_test = target.is_test or "testSize" in configured
    elif kind == "targetCompleted":
        events.target(ident["label"]).built = bool(event.get("completed", {}).get("success"))
    elif kind == "testResult":
        _take_result(events.target(ident["label"]), ident, event.get("testResult", {}))
    elif kind == "testSummary":
        target = events.target(ident["label"])
        summary = event.get("testSummary", {})
        target.is_test = True
        target.status = summary.get("overallStatus", "")
        target.seconds = int(summary.get("totalRunDurationMillis", 0)) / 1000
    elif kind == "buildFinished":
        events.finished = True


def _take_aborted(events: BuildEvents, kind: str, ident: Mapping[str, Any], aborted: Mapping[str, Any]) -> None:
    reason = aborted.get("reason", "UNKNOWN")
    words = " ".join(str(aborted.get("description", "")).split())
    label = ident.get("label", "") if isinstance(ident, Mapping) else ""
    if reason == _SKIPPED:
        events.targets.pop(label, None)
    elif kind in ("targetCompleted", "targetConfigured", "configuredLabel", "unconfiguredLabel") and label:
        target = events.target(label)
        target.built = False
        # Bazel reports the same failure twice, the second time without a description.
        target.problem = target.problem or words or reason.lower().replace("_", " ")
    elif kind == "pattern":
        events.problems.append(words or reason.lower())


def _take_result(target: Target, ident: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    target.is_test = True
    key = (int(ident.get("run", 1)), int(ident.get("shard", 1)))
    target.results[key] = None  # a later attempt replaces an earlier one
    for output in result.get("testActionOutput", []):
        if output.get("name") == "test.xml":
            target.results[key] = Path(urllib.parse.unquote(urllib.parse.urlparse(output.get("uri", "")).path))
    remote = result.get("executionInfo", {}).get("cachedRemotely", False)
    target.cached = target.cached and bool(result.get("cachedLocally", False) or remote)
