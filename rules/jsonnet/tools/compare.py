"""Compares the results of all engines for the same programs: `compare OUTCOME…`, the tool of jsonnet_engines_test.

`render_tool --outcome=FILE` writes an outcome. Its file name is
`TEST.TARGET.ENGINE.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from rules.jsonnet.tools.errors import printable


def difference(one: object, other: object, path: str = "the value") -> str:
    """Describes the first difference between two JSON values.

    Args:
        one: a value.
        other: another one.
        path: path of the values, for the text.

    Returns:
        A sentence with the path and both values; empty if the values are equal. 1 and 1.0 are equal, 1 and true are not.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other}):
            if name not in one or name not in other:
                return f"{path} has the field {name!r} only in the {'second' if name not in one else 'first'}"
            if found := difference(one[name], other[name], f"{path}.{name}"):
                return found
        return ""
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return f"{path} has {len(one)} elements in the first and {len(other)} in the second"
        return next((found for i, pair in enumerate(zip(one, other, strict=False)) if (found := difference(*pair, f"{path}[{i}]"))), "")
    if one == other and isinstance(one, bool) == isinstance(other, bool):
        return ""
    return f"{path} is {json.dumps(one)[:200]} in the first and {json.dumps(other)[:200]} in the second"


def compare(outcomes: dict[str, dict[str, Any]]) -> list[str]:
    """Compares the outcomes of one program.

    Args:
        outcomes: map of engine to outcome, which has exit_code, message and value.

    Returns:
        One sentence for each engine that differs from the first.
    """
    (first, expected), *others = outcomes.items()
    sentences = []
    for engine, outcome in others:
        if outcome["exit_code"] != expected["exit_code"]:
            sentences.append(
                f"exit code {expected['exit_code']} with {first}, {outcome['exit_code']} with {engine}: {outcome['message'] or expected['message']}"
            )
        elif found := difference(expected["value"], outcome["value"]):
            sentences.append(f"{first} and {engine} differ: {found}")
    return sentences


# Each level of a value takes up to three Python frames; an outcome has about 1,000 levels at most.
_FRAMES = 10_000


def main(argv: Sequence[str], stderr: TextIO | None = None) -> int:
    """Runs the comparison.

    Args:
        argv: outcome files.
        stderr: stream for differences; standard error if None.

    Returns:
        Exit code: 0 if all engines agree on every program, 1 if not, 2 without files.
    """
    err = stderr or sys.stderr
    programs: dict[str, dict[str, dict[str, Any]]] = {}
    for path in argv:
        name, engine, _ = path.rsplit(".", 2)
        with open(path, encoding="utf-8") as file:
            programs.setdefault(name, {})[engine] = json.load(file)
    if not programs:
        err.write("ERROR: no files to compare; pass outcome files as arguments\n")
        return 2
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(_FRAMES)
    wrong = [f"FAIL {name}: {sentence}" for name, outcomes in programs.items() for sentence in compare(outcomes)]
    sys.setrecursionlimit(before)
    err.write("".join(printable(sentence) + "\n" for sentence in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
