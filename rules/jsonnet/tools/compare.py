"""Compares what the engines made of the same programs: `compare OUTCOME…`, the tool of jsonnet_engines_test.

An outcome is a file that `render --outcome=FILE` has written; its name is
`TEST.TARGET.ENGINE.json`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, TextIO


def difference(one: object, other: object, path: str = "the value") -> str:
    """Finds the first place in which two JSON values differ.

    Args:
        one: A value.
        other: Another one.
        path: Where the two stand, for the text.

    Returns:
        A sentence with the place and both parts; empty if the values are equal. 1 and 1.0 are equal, 1 and true are not.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted({*one, *other}):
            if name not in one or name not in other:
                return f"{path} has the field {name!r} only {'there' if name not in one else 'here'}"
            if found := difference(one[name], other[name], f"{path}.{name}"):
                return found
        return ""
    if isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            return f"{path} has {len(one)} elements and {len(other)}"
        return next((found for i, pair in enumerate(zip(one, other)) if (found := difference(*pair, f"{path}[{i}]"))), "")
    if one == other and isinstance(one, bool) == isinstance(other, bool):
        return ""
    return f"{path} is {json.dumps(one)[:200]} and {json.dumps(other)[:200]}"


def compare(outcomes: dict[str, dict[str, Any]]) -> list[str]:
    """Compares the outcomes of one program.

    Args:
        outcomes: Engine -> outcome, with exit_code, message and value.

    Returns:
        A sentence for each engine that differs from the first.
    """
    (first, wanted), *others = outcomes.items()
    sentences = []
    for engine, outcome in others:
        if outcome["exit_code"] != wanted["exit_code"]:
            sentences.append(
                f"exit code {wanted['exit_code']} with {first}, {outcome['exit_code']} with {engine}: "
                f"{outcome['message'] or wanted['message']}"
            )
        elif found := difference(wanted["value"], outcome["value"]):
            sentences.append(f"{first} and {engine} differ: {found}")
    return sentences


# Each level of a value takes up to three of Python's frames; a value that `render` could write has some 1,000 levels at most.
_FRAMES = 10_000


def main(argv: Sequence[str], stderr: TextIO | None = None) -> int:
    """Runs the comparison.

    Args:
        argv: Outcome files.
        stderr: Where differences go; standard error when None.

    Returns:
        0 when all engines agree on every program, 1 otherwise, 2 without files.
    """
    err = stderr or sys.stderr
    programs: dict[str, dict[str, dict[str, Any]]] = {}
    for path in argv:
        name, engine, _ = path.rsplit(".", 2)
        with open(path, encoding="utf-8") as file:
            programs.setdefault(name, {})[engine] = json.load(file)
    if not programs:
        err.write("ERROR: nothing to compare; give outcome files\n")
        return 2
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(_FRAMES)
    wrong = [f"FAIL {name}: {sentence}" for name, outcomes in programs.items() for sentence in compare(outcomes)]
    sys.setrecursionlimit(before)
    err.write("".join(sentence + "\n" for sentence in wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
