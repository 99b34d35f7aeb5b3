"""Tests that the README describes the differences between the engines correctly."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rules.jsonnet.tools import engine, worker
from rules.jsonnet.tools.errors import RenderError
from rules.jsonnet.tools.request import ENGINES, Request

_LACKS = {
    "rjsonnet": ["atan2", "deg2rad", "flattenDeepArray", "hypot", "isNull", "log10", "log2", "pi", "rad2deg", "trim"],
    "gojsonnet": [],
    "jsonnet": ["id"],
}


def _value(name: str, program: str) -> Any:
    """Evaluates a program."""
    Path("p.jsonnet").write_text(program)
    return json.loads(engine.evaluate(Request(src="p.jsonnet", engine=name)))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes to an empty folder."""
    monkeypatch.chdir(tmp_path)


def test_functions_that_an_engine_lacks() -> None:
    """Each engine lacks exactly the functions of std that the README lists."""
    # Names with a dollar sign are internal to the engines.
    found = {name: {f for f in _value(name, "std.objectFieldsAll(std)") if "$" not in f} for name in ENGINES}
    every = set.union(*found.values())

    assert {name: sorted(every - functions) for name, functions in found.items()} == _LACKS


_README = Path(__file__).parents[1] / "README.md"
_CODE = re.compile(r"`([^`]+)`")
_CELL = re.compile(r"`([^`]+)`|(error|dies|never ends)")


def _rows() -> list[tuple[str, str, list[str]]]:
    """Returns (engine, program, expected result) for each program in the README's table."""
    table = _README.read_text(encoding="utf-8").split("| program | gojsonnet | rjsonnet | jsonnet |\n")[1].split("\n\n")[0]
    rows = []
    for line in table.splitlines()[1:]:
        programs, *cells = line.strip("| ").split(" | ")
        for name, cell in zip(ENGINES, cells, strict=True):
            results = [code or word for code, word in _CELL.findall(cell)]
            for number, program in enumerate(_CODE.findall(programs)):
                rows.append((name, program, results[min(number, len(results) - 1)]))
    return rows


def test_the_table_is_found() -> None:
    """The README's table has rows for every engine."""
    rows = _rows()

    assert len(rows) > 100
    assert {name for name, _, _ in rows} == set(ENGINES)


@pytest.mark.parametrize(("name", "program", "result"), _rows())
def test_programs_of_the_readme(name: str, program: str, result: str) -> None:
    """Each engine evaluates each program to the result in the README's table."""
    Path("p.jsonnet").write_text(program, encoding="utf-8")
    evaluator = worker.Evaluator()
    arguments = [f"--engine={name}", "--src=p.jsonnet", "--outcome=o.json"]
    code, message = evaluator.run([*arguments, *(["--timeout=1"] if result == "never ends" else [])])
    evaluator.stop()

    if code:
        found = "dies" if "died twice" in message else "never ends" if "did not finish" in message else message
        assert found == result
        return
    outcome = json.loads(Path("o.json").read_text())
    assert (outcome["exit_code"] != 0) == (result == "error"), outcome
    if result != "error":
        assert outcome["value"] == json.loads(result)


def test_text_block_without_last_newline() -> None:
    """All engines but rjsonnet support `|||-`."""
    program = "|||-\n  a\n|||"

    assert [_value(name, program) for name in ENGINES if name != "rjsonnet"] == ["a", "a"]
    with pytest.raises(RenderError, match="syntax error"):
        _value("rjsonnet", program)


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
    r"""Each engine imports JSON with `\\/`, which many encoders write, and importstr keeps it unchanged."""
    Path("p.jsonnet").write_text(program)
    Path("x.json").write_text('{"a": "x\\/y\\\\/"}')
    Path("jsonnet.json").write_text("{ a: @'x\\/y' }")
    request = Request(src="p.jsonnet", engine=name, inputs=["x.json", "jsonnet.json"])

    assert json.loads(engine.evaluate(request)) == value


def test_json_that_is_also_imported_as_text() -> None:
    r"""If a program first imports a file with `\\/` as text, rjsonnet can't import it as JSON."""
    Path("p.jsonnet").write_text("[importstr 'x.json', import 'x.json']")
    Path("x.json").write_text('{"a": "x\\/y"}')

    with pytest.raises(RenderError, match="syntax error"):
        engine.evaluate(Request(src="p.jsonnet", engine="rjsonnet", inputs=["x.json"]))
