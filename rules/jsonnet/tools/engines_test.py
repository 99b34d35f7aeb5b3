"""What the README says of the engines' differences, against the engines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rules.jsonnet.tools import engine
from rules.jsonnet.tools.request import ENGINES, Request

_LACKS = {
    "rjsonnet": "atan2 deg2rad flattenDeepArray hypot isNull log10 log2 pi rad2deg trim".split(),
    "gojsonnet": [],
    "jsonnet": ["id"],
}


def _value(name: str, program: str) -> object:
    """Evaluates a program."""
    Path("p.jsonnet").write_text(program)
    return json.loads(engine.evaluate(Request(src="p.jsonnet", engine=name)))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder as the working directory."""
    monkeypatch.chdir(tmp_path)


def test_functions_that_an_engine_lacks() -> None:
    """An update of an engine that brings or loses a function of std changes the README."""
    # Names with a dollar are the engines' own affair.
    found = {
        name: {f for f in _value(name, "std.objectFieldsAll(std)") if "$" not in f} for name in ENGINES  # type: ignore[attr-defined]
    }
    every = set.union(*found.values())

    assert {name: sorted(every - functions) for name, functions in found.items()} == _LACKS


@pytest.mark.parametrize(
    ("program", "texts"),
    [
        ("std.toString(0.1)", ["0.1", "0.10000000000000001", "0.10000000000000001"]),
        ("std.manifestYamlDoc([0.1])", ["- 0.1", "- 0.1", "- 0.10000000000000001"]),
        ("'%g' % 0.1", ["0.1", "0.1", "0.1"]),
    ],
)
def test_texts_of_numbers(program: str, texts: list[str]) -> None:
    """Text that a program makes of a number is the engine's own."""
    assert [_value(name, program) for name in ENGINES] == texts
