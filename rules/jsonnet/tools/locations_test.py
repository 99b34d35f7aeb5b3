"""Tests of error locations in text that is not ASCII, over several lines, and in code in attributes."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from rules.jsonnet.tools import engine, error_location, error_location_child
from rules.jsonnet.tools.engines import locations
from rules.jsonnet.tools.errors import RenderError
from rules.jsonnet.tools.request import ENGINES, Binding, Request

_LOCATION = re.compile(r"^ {4}p\.jsonnet((?::\d[\d:-]*\d|:\d)?)(?:$|:? )")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes to an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    """Returns the name of each engine in turn."""
    return str(request.param)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disables the lookup with go-jsonnet, as if the program took it too long."""
    monkeypatch.setattr(error_location, "find_stack", lambda *_: [])


def _error(name: str, program: str, **fields: Any) -> list[str]:
    """Returns the lines of a program's error message."""
    Path("p.jsonnet").write_text(program, encoding="utf-8", newline="")
    with pytest.raises(RenderError) as caught:
        engine.evaluate(Request(src="p.jsonnet", engine=name, **fields))
    return caught.value.message.split("\n")


def _innermost(lines: list[str]) -> str:
    """Returns line and column of the innermost frame in the program."""
    return next(match[1] for line in lines if (match := _LOCATION.match(line)))


_ABOVE = "// " + "é" * 60 + "\n" + "//\n" * 7

# Map of program to the location of its error.
_PROGRAMS = {
    "error 'é'": ":1:1-10",
    "/* é */ error 'a'": ":1:9-18",
    "/* é */\n\n\n\n\n{ a: error 'a'}": ":6:6-15",
    _ABOVE + "{ bad: error 'boom' }\n": ":9:8-20",
    _ABOVE + "{ bad: [1][2] }\n": ":9:8-14",
    _ABOVE + "{ bad: 1 + }\n": ":9:12",
    "{ a: '日本😀' + error 'é' }": ":1:14-23",
    "{ a: error '日本' + \n'é' }": ":1:6-2:4",
    "{ a: error 'x' +\n  'y' }": ":1:6-2:6",
    "'é' +": ":1:6",
    "{\n  é: 1 }": ":2:3",
}


@pytest.mark.parametrize("program", _PROGRAMS)
def test_columns_are_characters(name: str, program: str) -> None:
    """Every engine gives lines and columns in characters, whatever text precedes the error."""
    found = _innermost(_error(name, program))

    # For a syntax error, some engines also give the end.
    assert found == _PROGRAMS[program] or (found.startswith(_PROGRAMS[program] + "-") and "error '" not in program)


def _random_program(dice: random.Random) -> tuple[str, str]:
    """Returns a program with one error between comments, and the error's location."""

    def noise() -> str:
        return "".join(dice.choice(["é", "日", "😀", "a", " ", "\n", "\r\n", "\u2028"]) for _ in range(dice.choice([0, 1, 2, 30])))

    above, inside, below = (f"/*{noise()}*/" for _ in range(3))
    statement = f"error {inside} 'x'"
    lines = [(above + statement[:end]).split("\n") for end in (0, len(statement))]
    (line, column), (last, end) = ((len(part), len(part[-1]) + 1) for part in lines)
    return above + statement + below, f":{line}:{column}-{end}" if line == last else f":{line}:{column}-{last}:{end}"


@pytest.mark.parametrize("seed", range(12))
def test_random_locations(name: str, seed: int) -> None:
    """The location of an error is right between comments with all kinds of characters."""
    program, location = _random_program(random.Random(seed))

    assert _innermost(_error(name, program)) == location


@pytest.mark.usefixtures("alone")
def test_no_location_is_wrong() -> None:
    """Without go-jsonnet, a location is either right or incomplete: it may lack columns, or line and column."""
    whole = 0
    for seed in range(400):
        program, location = _random_program(random.Random(seed))
        found = _innermost(_error("rjsonnet", program))
        line = location[: location.index(":", 1)]
        assert found in (location, line, "") or location.startswith(found + "-"), (program, found, location)
        whole += found == location
    assert whole > 50


@pytest.mark.usefixtures("alone")
def test_several_lines_of_ascii() -> None:
    """Without go-jsonnet, an error over several lines has only its first line."""
    assert _error("rjsonnet", "\n{ x: error 'a' +\n  'b' }")[1] == "    p.jsonnet:2: error statement"


@pytest.mark.usefixtures("alone")
def test_syntax_errors_need_no_other_engine() -> None:
    """rjsonnet itself finds the location of a syntax error, by parsing the text again."""
    assert _error("rjsonnet", _ABOVE + "{ a: 'é', b: 1 +")[1:] == ["    p.jsonnet:9:17"]
    message, location = _error("rjsonnet", _ABOVE + "{ a: 'é' , , }")
    assert message.endswith(', got ","')
    assert location == "    p.jsonnet:9:12"


@pytest.mark.parametrize(("target", "stack_name"), [("ext", "<extvar:a>"), ("tla", "<top-level-arg:a>")])
@pytest.mark.parametrize(
    ("code", "location"),
    [("1 +", ":1:4"), ("'é' +\n }", ":2:2"), ("1 + error 'x'", ":1:5-14"), ("'é' + error 'x'", ":1:7-16"), ("{}.gone", ":1:1-8")],
)
def test_errors_in_code_in_attributes(name: str, target: str, stack_name: str, code: str, location: str) -> None:
    """An error in the code of a variable or an argument has its location there, with the same name for every engine."""
    program = "std.extVar('a')" if target == "ext" else "function(a, b) a"
    bindings = [Binding(target, True, "value", "b", "2"), Binding(target, True, "value", "a", code)]

    lines = _error(name, program, bindings=bindings)

    frames = [line for line in lines if line.startswith("    ")]
    assert re.match(rf"    {re.escape(stack_name + location)}(-\d+)?(:|$)", frames[0]), lines


def test_another_error_of_the_other_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack trace of a different error is not used."""
    fields = {"src": "p.jsonnet", "bindings": [], "engine": "rjsonnet"}
    Path("p.jsonnet").write_text("error 'one'")

    assert error_location_child.evaluate({**fields}, "runtime error: one") == ["    p.jsonnet:1:1-12: $"]
    assert error_location_child.evaluate({**fields}, "runtime error: two") == []


def test_lines_without_a_location_stay() -> None:
    """Remarks of an engine are not changed and not taken for locations."""
    for line in ("    during TLA call", "    field <a: b> manifestification", '    Field "a"', "    a.jsonnet:7:1: x"):
        assert locations.from_rjsonnet(line, {}) == line
        assert not locations.lacks_column(line)
