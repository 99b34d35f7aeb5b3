"""What the README says of the engines' differences, against the engines."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from rules.jsonnet.tools import engine, worker
from rules.jsonnet.tools.errors import RenderError
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


_README = Path(__file__).parents[1] / "README.md"
_CODE = re.compile(r"`([^`]+)`")
_CELL = re.compile(r"`([^`]+)`|(error|dies|never ends)")


def _rows() -> list[tuple[str, str, list[str]]]:
    """Returns (engine, program, what README says of it) for each program of each row of its table."""
    table = _README.read_text(encoding="utf-8").split("| program | rjsonnet | gojsonnet | jsonnet |\n")[1].split("\n\n")[0]
    rows = []
    for line in table.splitlines()[1:]:
        programs, *cells = line.strip("| ").split(" | ")
        for name, cell in zip(ENGINES, cells, strict=True):
            results = [code or word for code, word in _CELL.findall(cell)]
            for number, program in enumerate(_CODE.findall(programs)):
                rows.append((name, program, results[min(number, len(results) - 1)]))
    return rows


def test_the_table_is_seen() -> None:
    """The rows below come from README's table, and every engine is in it with errors and values."""
    rows = _rows()

    assert len(rows) > 100
    assert {name for name, _, _ in rows} == set(ENGINES)


@pytest.mark.parametrize(("name", "program", "result"), _rows())
def test_what_the_readme_says_of_a_program(name: str, program: str, result: str) -> None:
    """An engine evaluates a program to what README says; a row that an update of the engine cures must go."""
    Path("p.jsonnet").write_text(program, encoding="utf-8")
    evaluator = worker.Evaluator()
    arguments = [f"--engine={name}", "--src=p.jsonnet", "--outcome=o.json"]
    code, message = evaluator.run([*arguments, *(["--timeout=1"] if result == "never ends" else [])])
    evaluator.stop()

    if code:
        found = "dies" if "died twice" in message else "never ends" if "did not end" in message else message
        assert found == result
        return
    outcome = json.loads(Path("o.json").read_text())
    assert (outcome["exit_code"] != 0) == (result == "error"), outcome
    if result != "error":
        assert outcome["value"] == json.loads(result)


def test_text_block_without_last_newline() -> None:
    """rjsonnet does not know `|||-`; the others do."""
    program = "|||-\n  a\n|||"

    assert [_value(name, program) for name in ENGINES[1:]] == ["a", "a"]
    with pytest.raises(RenderError, match="syntax error"):
        _value(ENGINES[0], program)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    ("program", "value"),
    [
        ("import 'x.json'", {"a": "x/y\\/"}),
        ("importstr 'x.json'", '{"a": "x\\/y\\\\/"}'),
        ("import 'jsonnet.json'", {"a": "x\\/y"}),
    ],
)
def test_escaped_slashes_in_json(name: str, program: str, value: object) -> None:
    """JSON with `\\/`, as many encoders write it, is imported by each engine, and unchanged where it is read as text."""
    Path("p.jsonnet").write_text(program)
    Path("x.json").write_text('{"a": "x\\/y\\\\/"}')
    Path("jsonnet.json").write_text("{ a: @'x\\/y' }")
    request = Request(src="p.jsonnet", engine=name, inputs=["x.json", "jsonnet.json"])

    assert json.loads(engine.evaluate(request)) == value


def test_json_that_is_also_read_as_text() -> None:
    """Where one program reads a file as text first, its text stays, and importing it fails as rjsonnet does."""
    Path("p.jsonnet").write_text("[importstr 'x.json', import 'x.json']")
    Path("x.json").write_text('{"a": "x\\/y"}')

    with pytest.raises(RenderError, match="syntax error"):
        engine.evaluate(Request(src="p.jsonnet", engine=ENGINES[0], inputs=["x.json"]))
