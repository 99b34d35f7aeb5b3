"""Shrinks the input of a finding: drops parts of it while the finding stays. Many smaller inputs are tried in one batch."""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable
from typing import Any

from tests.apply.generated.cases import Case, Finding
from tests.apply.generated.engine import Object
from tests.apply.generated.server_filter import Path, drop, exists

_AT_ONCE = 40

Trial = Callable[[list[Case]], list[Finding]]
"""Runs cases with names of their own, and returns the findings about them."""


def paths_of(value: Any, path: Path | None = None) -> list[Path]:
    """Returns the paths of everything in an object that can be dropped, the outermost first."""
    path = path or []
    found: list[Path] = []
    if isinstance(value, dict):
        found = [[*path, key] for key in value if path or key not in ("apiVersion", "kind", "metadata")]
        found = [each for each in found if each != ["metadata", "name"]]
        if not path:
            found += [["metadata", key] for key in value["metadata"] if key != "name"]
    elif isinstance(value, list):
        found = [[*path, index] for index in range(len(value))]
    deeper = []
    for each in found:
        inner: Any = value
        for step in each[len(path) :]:
            inner = inner[step]
        deeper += paths_of(inner, each) if isinstance(inner, (dict, list)) else []
    return found + deeper


Cut = tuple[Path, tuple[int, ...]]
"""What is dropped: a path, and the indices of the versions that lose it."""


def cuts_of(versions: list[Object]) -> list[Cut]:
    """Returns what can be dropped: each path in one version, or in all that have it; the outermost first."""
    found: list[Cut] = []
    for index, obj in enumerate(versions):
        for path in paths_of(obj):
            for which in dict.fromkeys(((index,), tuple(range(len(versions))))):
                if (path, which) not in found:
                    found.append((path, which))
    return found


def without(versions: list[Object], cuts: list[Cut]) -> list[Object]:
    """Returns the versions of an object without some parts; later items of a list go first, so that indices stay right."""
    result = copy.deepcopy(versions)
    for path, which in sorted(cuts, key=lambda cut: [str(step).zfill(6) for step in cut[0]], reverse=True):
        for index in which:
            if exists(result[index], path):
                drop(result[index], path)
    return result


def shrink(finding: Finding, rename: Callable[[list[Object], int], list[Object]], takes: Callable[[Case], bool], trial: Trial, seconds: float) -> Finding:
    """Returns a finding with the same check and a smaller input.

    Args:
        finding: the finding.
        rename: gives an object's versions the name number N.
        takes: whether the server takes a case.
        trial: runs cases.
        seconds: when to stop.
    """
    deadline, number = time.monotonic() + seconds, 0
    dice = random.Random(len(repr(finding.case.versions)))

    def run(sets: list[list[Cut]], versions: list[Object]) -> list[tuple[Finding, list[Cut]]]:
        nonlocal number
        tried: dict[str, tuple[Case, list[Cut]]] = {}
        for cuts in sets:
            number += 1
            case = Case(finding.case.kind, rename(without(versions, cuts), number))
            if time.monotonic() < deadline and takes(case):
                tried[case.name] = (case, cuts)
        found = trial([case for case, _ in tried.values()]) if tried else []
        return [(each, tried[each.case.name][1]) for each in found if each.check == finding.check and each.case.name in tried]

    while time.monotonic() < deadline:
        versions, alone = finding.case.versions, []
        cuts = cuts_of(versions)
        for start in range(0, len(cuts), _AT_ONCE):
            alone = run([[cut] for cut in cuts[start : start + _AT_ONCE]], versions)
            if alone:
                break
        if not alone:
            return finding
        # What can go alone, as much of it as can go together.
        droppable = [cut for _, gone in alone for cut in gone]
        shares = [dice.sample(droppable, max(1, len(droppable) * share // 8)) for share in (7, 7, 6, 6, 5, 4, 4, 3, 2)]
        together = run([droppable, *shares], versions) if len(droppable) > 1 else []
        finding = min([each for each, _ in alone + together], key=lambda each: len(repr(each.case.versions)))
    return finding
