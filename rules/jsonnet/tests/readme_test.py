"""The documents against the rules: every attribute is in the reference, and README's example is the example's file."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_RULES = Path(__file__).parents[1]
_README = (_RULES / "README.md").read_text(encoding="utf-8")
_REFERENCE = (_RULES.parents[1] / "docs/reference/jsonnet.md").read_text(encoding="utf-8")
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
    """Each attribute of each rule has a row in a table of the reference."""
    rows = [line.split("|")[1] for line in _REFERENCE.splitlines() if line.startswith("| ")]

    assert any(f"`{name}`" in row for row in rows), f"describe `{name}` in docs/reference/jsonnet.md: bazel run //docs:update"


def _without_visibility(build: str) -> str:
    """Returns the text of a BUILD file without visibility attributes."""
    return re.sub(r"    visibility = .*\n", "", build)


@pytest.mark.parametrize("code", [block.split("```")[0] for block in _README.split("```starlark\n")[1:]])
def test_examples_are_built(code: str) -> None:
    """The README's examples equal examples/hello/BUILD, except for comments and visibility."""
    build = (_RULES / "examples/hello/BUILD").read_text(encoding="utf-8")

    statements = [statement for statement in code.strip().split("\n\n") if not statement.startswith("load(")]
    assert statements
    assert all(statement in _without_visibility(build) for statement in statements)


class _Bazel:
    """Stub for Bazel's other globals in .bzl files: it has any attribute and accepts any call."""

    def __getattr__(self, name: str) -> _Bazel:
        return self

    def __call__(self, *positional: object, **named: object) -> _Bazel:
        return self


@cache
def _globals(path: Path) -> dict[str, Any]:
    """Evaluates a .bzl file as Python and returns its globals; rules and providers are dictionaries."""
    bazel = _Bazel()
    names: dict[str, Any] = {
        **dict.fromkeys(("Label", "attr", "config", "repository_rule"), bazel),
        "rule": lambda **given: {"attrs": given.get("attrs", {})},
        "provider": lambda **given: {"fields": given["fields"]},
    }

    def load(label: str, *same: str, **renamed: str) -> None:
        folder, _, name = label.rpartition(":")
        file = (_RULES / "private" if folder.endswith("private") or not folder else path.parent) / name
        elsewhere = label.startswith("@") or (folder.startswith("//") and not folder.startswith("//rules/jsonnet"))
        found = {} if elsewhere else _globals(file)
        names.update({mine: found.get(theirs, bazel) for mine, theirs in {**dict(zip(same, same, strict=False)), **renamed}.items()})

    names["load"] = load
    exec(compile(path.read_text(encoding="utf-8"), path, "exec"), names)  # noqa: S102  # our own file
    return names


def _public(kind: str) -> list[tuple[str, str]]:
    """Returns (name, attribute or field) for each rule or provider of defs.bzl."""
    found = [(name, value[kind]) for name, value in _globals(_RULES / "defs.bzl").items() if isinstance(value, dict) and kind in value]
    return [(name, part) for name, parts in found if not name.startswith("_") for part in parts if not part.startswith("_")]


@cache
def _used() -> set[tuple[str, str]]:
    """Returns (rule, attribute) for every call in the examples."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(_RULES.glob("examples/*/BUILD"))]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return {(call.func.id, word.arg) for call in calls for word in call.keywords if word.arg}  # type: ignore[attr-defined]


def test_rules_and_providers_are_found() -> None:
    """The search finds every rule with every group of attributes, and both providers."""
    expected = {
        ("jsonnet_library", "srcs"), ("jsonnet_to_json", "tla_code_files"), ("jsonnet_to_json_test", "ext_code_envs"),
        ("jsonnet_to_json_test", "golden"), ("jsonnet_lint_test", "deps"), ("jsonnet_fmt_test", "srcs"), ("jsonnet_toolchain", "check"),
        ("jsonnet_to_json", "engine"),
    }  # fmt: skip

    assert expected <= set(_public("attrs"))
    assert {name for name, _ in _public("fields")} == {"JsonnetLibraryInfo", "JsonnetEngineInfo"}


@pytest.mark.parametrize(("rule", "attribute"), _public("attrs"))
def test_every_attribute_of_every_rule_has_an_example(rule: str, attribute: str) -> None:
    """For each rule, the examples use each attribute."""
    assert (rule, attribute) in _used(), f"show `{attribute}` of {rule} in rules/jsonnet/examples"


@pytest.mark.parametrize(("provider", "field"), _public("fields"))
def test_every_provider_field_is_described(provider: str, field: str) -> None:
    """Each field of each public provider has a row in the table below its heading."""
    table = _REFERENCE.split(f"### {provider}\n", 1)[1].split("| field | meaning |", 1)[1].split("\n\n")[0]

    assert f"| `{field}` |" in table, f"describe `{field}` of {provider} in docs/reference/jsonnet.md: bazel run //docs:update"


@pytest.mark.parametrize("name", sorted({name for kind in ("attrs", "fields") for name, _ in _public(kind)}))
def test_readme_names_each_rule_and_provider(name: str) -> None:
    """A reader of the README finds every rule and provider, with a link to its reference."""
    assert f"../../docs/reference/jsonnet.md#{name.lower()})" in _README
