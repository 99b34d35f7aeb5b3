"""The comparison of engines notices whatever differs."""

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
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, "the value.a[1].b is 2 and 3"),
        ({"a": 1}, {"a": 1, "b": 2}, "the value has the field 'b' only there"),
        ({"a": 1, "b": 2}, {"a": 1}, "the value has the field 'b' only here"),
        ([1], [1, 2], "the value has 1 elements and 2"),
        (1, True, "the value is 1 and true"),
        (0, None, "the value is 0 and null"),
        ([], {}, "the value is [] and {}"),
        ("a", "b", 'the value is "a" and "b"'),
        (0.1, 0.10000000000000002, "the value is 0.1 and 0.10000000000000002"),
    ],
)
def test_differences(one: object, other: object, words: str) -> None:
    """A difference is named with its place and both parts."""
    assert compare.difference(one, other) == words


@pytest.mark.parametrize("value", [{}, [1, 1.0], {"a": [None, True, "x"]}])
def test_equal_values(value: object) -> None:
    """Equal values have no difference."""
    assert compare.difference(value, json.loads(json.dumps(value))) == ""


def test_outcomes_of_all_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Values and failures are written for each engine, and agree; one changed file is found."""
    monkeypatch.chdir(tmp_path)
    Path("good.jsonnet").write_text("{ a: 0.1, b: std.md5('x') }")
    Path("bad.jsonnet").write_text("error 'no'")
    files = []
    for program in ("good", "bad"):
        for engine in ENGINES:
            files.append(f"t.{program}.{engine}.json")
            assert render.run([f"--engine={engine}", f"--src={program}.jsonnet", f"--outcome={files[-1]}"]) == (0, "")

    assert compare.main(files) == 0
    Path("t.good.gojsonnet.json").write_text(json.dumps({"exit_code": 1, "message": "no", "value": None}))
    err = io.StringIO()

    assert compare.main(files, err) == 1
    assert err.getvalue() == "FAIL t.good: exit code 0 with rjsonnet, 1 with gojsonnet: no\n"


@pytest.mark.parametrize(
    ("program", "words"),
    [("1e999", "a number that JSON cannot hold"), ("[" * 3000 + "]" * 3000, "a value too deep to compare")],
)
def test_values_that_cannot_be_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str) -> None:
    """A value that JSON or the comparison cannot hold is an outcome with a sentence."""
    monkeypatch.chdir(tmp_path)
    Path("p.jsonnet").write_text(program)

    assert render.run(["--src=p.jsonnet", "--outcome=o.json", "--max_stack=100000"]) == (0, "")

    outcome = json.loads(Path("o.json").read_text())
    assert outcome["exit_code"] == 1
    assert words in outcome["message"]


def test_deep_values_are_compared(tmp_path: Path) -> None:
    """A value as deep as an outcome may be is compared to its bottom."""
    for name, bottom in (("a", "1"), ("b", "2")):
        (tmp_path / f"t.x.{name}.json").write_text(
            '{"exit_code": 0, "message": "", "value": ' + "[" * 900 + bottom + "]" * 900 + "}"
        )
    err = io.StringIO()

    assert compare.main(sorted(map(str, tmp_path.iterdir())), err) == 1
    assert err.getvalue().endswith("[0] is 1 and 2\n")


def test_nothing_to_compare() -> None:
    """A comparison of nothing is wrong usage, not a success."""
    assert compare.main([], io.StringIO()) == 2
