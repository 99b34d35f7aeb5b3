"""Tests that the library's README agrees with its files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_LIB = Path(__file__).parents[1]
_README = (_LIB / "README.md").read_text(encoding="utf-8")
_IMPORTS = (_LIB / "k8s.libsonnet").read_text(encoding="utf-8")
_FIELDS = re.findall(r"^  (\w+):+ ", _IMPORTS, re.MULTILINE)
_EXAMPLES = "".join(path.read_text(encoding="utf-8") for path in sorted((_LIB / "examples").glob("*.jsonnet")))
# What only the functions of whole objects use.
_INNER = {"container", "metadata", "overlay", "pod", "security"}


def test_example_is_a_tested_file() -> None:
    """The manifest in the README equals examples/server.jsonnet."""
    assert _README.split("```jsonnet\n")[1].split("```")[0] == (_LIB / "examples/server.jsonnet").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", _FIELDS)
def test_every_name_is_described(name: str) -> None:
    """The README's tables describe each field of k8s.libsonnet."""
    rows = [line.split("|")[1] for line in _README.splitlines() if line.startswith("| ")]

    assert any(f"`{name}`" in row for row in rows), f"describe `{name}` in lib/README.md"


@pytest.mark.parametrize("file", re.findall(r"\]\(([\w./-]+\.libsonnet)\)", _README))
def test_links_lead_somewhere(file: str) -> None:
    """Each file that the README links to exists."""
    assert (_LIB / file).is_file()


@pytest.mark.parametrize("name", sorted({*_FIELDS} - _INNER))
def test_every_function_has_an_example(name: str) -> None:
    """A program with golden manifests calls each function that manifests call."""
    assert re.search(rf"\bk\.{name}[.(]", _EXAMPLES), f"use k.{name} in lib/examples, or list it in _INNER"


def test_every_module_has_a_test() -> None:
    """Each module has a test beside it, or in a test of the function that it is part of."""
    modules = {path for path in _LIB.rglob("*.libsonnet") if path.name not in ("k8s.libsonnet", "backend.libsonnet")}

    assert modules
    assert [str(path) for path in sorted(modules) if not path.with_name(path.stem + "_test.jsonnet").is_file()] == []


def test_links_cover_the_modules() -> None:
    """The README links to each module that k8s.libsonnet imports."""
    linked = set(re.findall(r"\]\(([\w./-]+\.libsonnet)\)", _README))

    assert set(re.findall(r"import '([\w./-]+)'", _IMPORTS)) - linked - {"lib/k8s.libsonnet"} == set()
