"""Tests of the comparison of engines."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from rules.jsonnet.tools import compare, render
from rules.jsonnet.tools.request import ENGINES


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "the value.a[1].b is 2 in the first and 3 in the second"),
        ({"a": 1}, {"a": 1, "b": 2}, "the value has the field 'b' only in the second"),
        ({"a": 1, "b": 2}, {"a": 1}, "the value has the field 'b' only in the first"),
        ([1], [1, 2], "the value has 1 elements in the first and 2 in the second"),
        (1, True, "the value is 1 in the first and true in the second"),
        (0, None, "the value is 0 in the first and null in the second"),
        ([], {}, "the value is [] in the first and {} in the second"),
        ("a", "b", 'the value is "a" in the first and "b" in the second'),
        (0.1, 0.10000000000000002, "the value is 0.1 in the first and 0.10000000000000002 in the second"),
    ],
)
def test_differences(one: object, other: object, words: str) -> None:
    """A difference has its path and both values."""
    assert compare.difference(one, other) == words


@pytest.mark.parametrize("value", [{}, [1, 1.0], {"a": [None, True, "x"]}])
def test_equal_values(value: object) -> None:
    """Equal values have no difference."""
    assert compare.difference(value, json.loads(json.dumps(value))) == ""


def test_outcomes_of_all_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The outcomes of all engines agree, for values and for failures; a changed outcome is reported."""
    monkeypatch.chdir(tmp_path)
    Path("good.jsonnet").write_text("{ a: 0.1, b: std.md5('x') }")
    Path("bad.jsonnet").write_text("error 'no'")
    files = []
    for program in ("good", "bad"):
        for engine in ENGINES:
            files.append(f"t.{program}.{engine}.json")
            assert render.run([f"--engine={engine}", f"--src={program}.jsonnet", f"--outcome={files[-1]}"]) == (0, "")

    assert compare.main(files) == 0
    Path("t.good.rjsonnet.json").write_text(json.dumps({"exit_code": 1, "message": "no", "value": None}))
    err = io.StringIO()

    assert compare.main(files, err) == 1
    assert err.getvalue() == "FAIL t.good: exit code 0 with gojsonnet, 1 with rjsonnet: no\n"


@pytest.mark.parametrize(
    ("program", "words"),
    [("1e999", "an infinite number or NaN, which JSON does not have"), ("[" * 3000 + "]" * 3000, "the value is nested too deeply to compare")],
)
def test_values_that_cannot_be_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str) -> None:
    """A value that can't be JSON, or is nested too deeply, is an outcome with a message."""
    monkeypatch.chdir(tmp_path)
    Path("p.jsonnet").write_text(program)

    assert render.run(["--engine=rjsonnet", "--src=p.jsonnet", "--outcome=o.json", "--max_stack=100000"]) == (0, "")

    outcome = json.loads(Path("o.json").read_text())
    assert outcome["exit_code"] == 1
    assert words in outcome["message"]


def test_deep_values_are_compared(tmp_path: Path) -> None:
    """A value as deep as an outcome may be is compared completely."""
    for name, bottom in (("a", "1"), ("b", "2")):
        (tmp_path / f"t.x.{name}.json").write_text('{"exit_code": 0, "message": "", "value": ' + "[" * 900 + bottom + "]" * 900 + "}")
    err = io.StringIO()

    assert compare.main(sorted(map(str, tmp_path.iterdir())), err) == 1
    assert err.getvalue().endswith("[0] is 1 in the first and 2 in the second\n")


def test_nothing_to_compare() -> None:
    """A comparison without files is wrong usage, not a success."""
    assert compare.main([], io.StringIO()) == 2
