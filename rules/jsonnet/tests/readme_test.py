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


def _without_visibility(build: str) -> str:
    """Returns BUILD text without the lines that say who may use a target."""
    return re.sub(r"    visibility = .*\n", "", build)


@pytest.mark.parametrize("code", [block.split("```")[0] for block in _README.split("```starlark\n")[1:]])
def test_examples_are_built_ones(code: str) -> None:
    """The BUILD texts of the README are examples/hello, but for comments and visibility."""
    build = (_RULES / "examples/hello/BUILD").read_text(encoding="utf-8")

    statements = [statement for statement in code.strip().split("\n\n") if not statement.startswith("load(")]
    assert statements
    assert all(statement in _without_visibility(build) for statement in statements)


@pytest.mark.parametrize("name", sorted(set(_attributes()) - {"check", "lock", "render", "targets"}))
def test_every_attribute_has_an_example(name: str) -> None:
    """Each attribute is used by a target below examples, all of which are built and tested; toolchains are in use by all of them."""
    builds = [path.read_text(encoding="utf-8") for path in sorted(_RULES.glob("examples/*/BUILD"))]

    assert len(builds) > 5
    assert any(re.search(rf"^ +{name} = ", build, re.MULTILINE) for build in builds), f"show `{name}` in rules/jsonnet/examples"
