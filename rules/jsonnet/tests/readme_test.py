"""The README against the rules: every attribute is described, and the example is the example's file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_RULES = Path(__file__).parents[1]
_README = (_RULES / "README.md").read_text(encoding="utf-8")
_ATTRIBUTE = re.compile(r'^\s+"?([a-z]\w*)"?\s*[:=] attr\.', re.MULTILINE)


def _attributes() -> list[str]:
    """Returns the public attributes of all rules, read from the .bzl files."""
    files = sorted((_RULES / "private").glob("*.bzl"))
    return sorted({name for file in files for name in _ATTRIBUTE.findall(file.read_text(encoding="utf-8"))})


def test_there_are_attributes() -> None:
    """The search finds attributes in both ways of writing them."""
    assert {"src", "outs", "tla_code_files", "golden", "srcs"} <= set(_attributes())


@pytest.mark.parametrize("name", _attributes())
def test_every_attribute_is_described(name: str) -> None:
    """Each attribute of each rule stands in a table of the README."""
    rows = [line.split("|")[1] for line in _README.splitlines() if line.startswith("| ")]

    assert any(f"`{name}`" in row for row in rows), f"describe `{name}` in rules/jsonnet/README.md"


def test_first_example_is_a_built_one() -> None:
    """The BUILD text of the README is examples/hello, but for comments and visibility."""
    code = _README.split("```starlark\n")[1].split("```")[0]
    build = (_RULES / "examples/hello/BUILD").read_text(encoding="utf-8")

    for statement in code.strip().split("\n\n"):
        wanted = [line for line in statement.splitlines() if line.strip()]
        assert all(line in build.splitlines() for line in wanted), statement
