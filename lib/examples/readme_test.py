"""Tests that the library's README agrees with its files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_LIB = Path(__file__).parents[1]
_README = (_LIB / "README.md").read_text(encoding="utf-8")
_FIELDS = re.findall(r"^  (\w+):+ ", (_LIB / "k8s.libsonnet").read_text(encoding="utf-8"), re.MULTILINE)


def test_example_is_a_tested_file() -> None:
    """The manifest in the README equals examples/server.jsonnet."""
    assert _README.split("```jsonnet\n")[1].split("```")[0] == (_LIB / "examples/server.jsonnet").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", _FIELDS)
def test_every_name_is_described(name: str) -> None:
    """The README's tables describe each field of k8s.libsonnet."""
    rows = [line.split("|")[1] for line in _README.splitlines() if line.startswith("| ")]

    assert any(f"`{name}`" in row for row in rows), f"describe `{name}` in lib/README.md"


@pytest.mark.parametrize("file", re.findall(r"\]\(([\w.-]+\.libsonnet)\)", _README))
def test_links_lead_somewhere(file: str) -> None:
    """Each file that the README links to exists."""
    assert (_LIB / file).is_file()
