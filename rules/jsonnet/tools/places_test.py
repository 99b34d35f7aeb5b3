"""Places of errors in texts that are not ASCII, over several lines, and in code that attributes give."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from rules.jsonnet.tools import engine, second_look
from rules.jsonnet.tools.engines import places
from rules.jsonnet.tools.errors import RenderError
from rules.jsonnet.tools.request import ENGINES, Binding, Request

_PLACE = re.compile(r"^ {4}p\.jsonnet((?::\d[\d:-]*\d|:\d)?)(?:$|:? )")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder as the working directory."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    return str(request.param)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """rjsonnet without go-jsonnet's help, as for a program that takes that one too long."""
    monkeypatch.setattr(second_look, "stack", lambda *_: [])


def _error(name: str, program: str, **fields: Any) -> list[str]:
    """Returns the lines of the message with which a program fails."""
    Path("p.jsonnet").write_text(program, encoding="utf-8", newline="")
    with pytest.raises(RenderError) as caught:
        engine.evaluate(Request(src="p.jsonnet", engine=name, **fields))
    return caught.value.message.split("\n")


def _innermost(lines: list[str]) -> str:
    """Returns what stands behind the program's name in the first stack line that has it."""
    return next(match[1] for line in lines if (match := _PLACE.match(line)))


_ABOVE = "// " + "é" * 60 + "\n" + "//\n" * 7

# Program to the place of its error.
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
    """Every engine gives lines and columns in characters, whatever stands before the error."""
    found = _innermost(_error(name, program))

    # Of a syntax error some engines name the end as well.
    assert found == _PROGRAMS[program] or (found.startswith(_PROGRAMS[program] + "-") and "error '" not in program)


def _random_program(dice: random.Random) -> tuple[str, str]:
    """Returns a program with one error between comments, and the error's place."""

    def noise() -> str:
        return "".join(dice.choice(["é", "日", "😀", "a", " ", "\n", "\r\n", "\u2028"]) for _ in range(dice.choice([0, 1, 2, 30])))

    above, inside, below = (f"/*{noise()}*/" for _ in range(3))
    statement = f"error {inside} 'x'"
    lines = [(above + statement[:end]).split("\n") for end in (0, len(statement))]
    (line, column), (last, end) = ((len(part), len(part[-1]) + 1) for part in lines)
    return above + statement + below, f":{line}:{column}-{end}" if line == last else f":{line}:{column}-{last}:{end}"


@pytest.mark.parametrize("seed", range(12))
def test_random_places(name: str, seed: int) -> None:
    """Between comments with all kinds of characters, an error is found where it is."""
    program, place = _random_program(random.Random(seed))

    assert _innermost(_error(name, program)) == place


@pytest.mark.usefixtures("alone")
def test_no_place_is_wrong() -> None:
    """What rjsonnet cannot tell by itself is left out: the columns of several lines, and what lies behind its last character."""
    whole = 0
    for seed in range(400):
        program, place = _random_program(random.Random(seed))
        found = _innermost(_error(ENGINES[0], program))
        line = place[: place.index(":", 1)]
        assert found in (place, line, "") or place.startswith(found + "-"), (program, found, place)
        whole += found == place
    assert whole > 50


@pytest.mark.usefixtures("alone")
def test_several_lines_of_ascii() -> None:
    """Of an error over several lines rjsonnet by itself tells the first."""
    assert _error(ENGINES[0], "\n{ x: error 'a' +\n  'b' }")[1] == "    p.jsonnet:2: error statement"


@pytest.mark.usefixtures("alone")
def test_syntax_errors_need_no_other_engine() -> None:
    """A text that does not parse is parsed once more by rjsonnet to find the place."""
    assert _error(ENGINES[0], _ABOVE + "{ a: 'é', b: 1 +")[1:] == ["    p.jsonnet:9:17"]
    message, place = _error(ENGINES[0], _ABOVE + "{ a: 'é' , , }")
    assert message.endswith(', got ","')
    assert place == "    p.jsonnet:9:12"


@pytest.mark.parametrize(("target", "stack_name"), [("ext", "<extvar:a>"), ("tla", "<top-level-arg:a>")])
@pytest.mark.parametrize(
    ("code", "place"),
    [("1 +", ":1:4"), ("'é' +\n }", ":2:2"), ("1 + error 'x'", ":1:5-14"), ("'é' + error 'x'", ":1:7-16"), ("{}.gone", ":1:1-8")],
)
def test_errors_in_code_of_attributes(name: str, target: str, stack_name: str, code: str, place: str) -> None:
    """An error in a variable's or an argument's code is placed there, under one name with every engine."""
    program = "std.extVar('a')" if target == "ext" else "function(a, b) a"
    bindings = [Binding(target, True, "value", "b", "2"), Binding(target, True, "value", "a", code)]

    lines = _error(name, program, bindings=bindings)

    places_found = [line for line in lines if line.startswith("    ")]
    assert re.match(rf"    {re.escape(stack_name + place)}(-\d+)?(:|$)", places_found[0]), lines


def test_another_error_of_the_other_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stack of another error than the program's own is not taken."""
    fields = {"src": "p.jsonnet", "bindings": [], "engine": ENGINES[0]}
    Path("p.jsonnet").write_text("error 'one'")

    assert second_look.look({**fields}, "runtime error: one") == ["    p.jsonnet:1:1-12: $"]
    assert second_look.look({**fields}, "runtime error: two") == []


def test_lines_without_a_place_stay() -> None:
    """Remarks of an engine are no places."""
    for line in ("    during TLA call", "    field <a: b> manifestification", '    Field "a"', "    a.jsonnet:7:1: x"):
        assert places.from_rjsonnet(line, {}) == line
        assert not places.lost(line)
