"""Tests of go-jsonnet as a Go program: the same results as its Python package, and nothing of one rendering in the next."""

from __future__ import annotations

import json
import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rules.jsonnet.tools import engine
from rules.jsonnet.tools.engines import gojsonnet
from rules.jsonnet.tools.engines.call import Call
from rules.jsonnet.tools.errors import RenderError
from rules.jsonnet.tools.request import Request


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Changes to an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], list[str]]:
    """Returns a function that evaluates a program with the Go program and with the Python package."""

    def evaluate(program: str) -> list[str]:
        found = []
        for path in (gojsonnet.PROGRAM, Path("none")):
            with monkeypatch.context() as patch:
                patch.setattr(gojsonnet, "PROGRAM", path)
                found.append(_result({"p.jsonnet": program}))
        return found

    return evaluate


def _result(files: dict[str, str], **fields: Any) -> str:
    """Returns the value of p.jsonnet as text, or the error message."""
    for path, text in files.items():
        Path(path).write_text(text, encoding="utf-8")
    try:
        return engine.evaluate(Request(src="p.jsonnet", engine="gojsonnet", inputs=list(files), **fields))
    except RenderError as error:
        return error.message


def test_the_program_is_there() -> None:
    """These tests run the Go program and not the Python package."""
    assert gojsonnet.PROGRAM.exists()


_VALUES = [
    "1", "0", "-1", "-0", "12345", "1.5", "-0.5", "1e15", "9007199254740993", "1e21", "1e300", "'a'", "''", "'é日😀'", "true", "false", "null",
    "[1, 'b']", "[]", "{ a: 1 }", "{ a:: 2, b: 'x' }", "function(x) x", "error 'one'", "error 'two'",
]  # fmt: skip
_PARTS = ["", "%", "%%", "a", "é", " ", "\\n", ".", "(", "%5%"]
_CODES = [
    "%s", "%d", "%5s", "%-5s", "%05s", "%05d", "%-5d", "%-05d", "%3d", "%0d", "%i", "%u", "%+d", "% d", "%#d", "%.2d", "%5.1s", "%*d", "%x", "%o", "%c",
    "%f", "%.1f", "%e", "%g", "%ld", "%99s", "%100s", "%600s", "%q", "%(a)s", "%(a)d", "%(b)5s", "%(gone)s", "%(a.b)s", "%()s", "%(a", "%5",
]  # fmt: skip


def _case(dice: random.Random) -> str:
    """Returns a program that formats random values."""
    codes = dice.sample(_CODES, dice.randint(0, 3)) if dice.random() < 0.5 else [dice.choice(_CODES[:10] + _CODES[28:32]) for _ in range(dice.randint(0, 3))]
    text = "".join(dice.choice(_PARTS[:1] * 9 + _PARTS) + code for code in codes) + dice.choice(_PARTS)
    if dice.random() < 0.4:
        a, b = dice.sample(_VALUES, 2)
        values = f"{{ a: {a}, b:: {b}, c: error 'never', assert self.a != 'z' }}"
    elif dice.random() < 0.3:
        values = dice.choice(_VALUES)
    else:
        values = f"[{', '.join(dice.choice(_VALUES) for _ in range(max(0, len(codes) + dice.choice([0, 0, 0, 0, -1, 1]))))}]"
    return f"'{text}' % {values}"


@pytest.mark.parametrize("seed", range(8))
def test_formats(both: Callable[[str], list[str]], seed: int) -> None:
    """Every format, value and error of std.format is go-jsonnet's own, also those that the program formats itself."""
    dice = random.Random(seed)
    for _ in range(60):
        program = _case(dice)
        ours, theirs = both(program)
        assert ours == theirs, program


@pytest.mark.parametrize(
    "program",
    ["std.format(5, [1])", "std.format(null, error 'x')", "std.format(error 'a', error 'b')", "std.format('%s', std)", "'%s' % [[error 'x']]",
     "std.foldl(function(text, i) '%s%d' % [text, i], std.range(1, 300), '')", "'%d' * 3", "std.format('%d', 1) + '%d' % 2",
     "'" + "%s" * 400 + "' % [std.range(1, 400)]",
     "'" + "%d," * 400 + "' % std.range(1, 400)", "std.native('other')"],
)  # fmt: skip
def test_unusual_formats(both: Callable[[str], list[str]], program: str) -> None:
    """Wrong arguments, long formats and formats in loops have go-jsonnet's result, in as many stack frames."""
    ours, theirs = both(program)

    assert ours == theirs


def test_no_value_is_kept(capfd: pytest.CaptureFixture[str]) -> None:
    """A library's value is computed in each rendering: std.trace writes each time, and external variables are the current ones."""
    files = {"p.jsonnet": "import 'l.libsonnet'", "l.libsonnet": "std.trace('seen', std.md5('a'))"}
    for _ in range(3):
        assert _result(files) == '"0cc175b9c0f1b6a831c399e269772661"'

    assert capfd.readouterr().err.count("seen") == 3


def test_a_changed_file_is_parsed_again() -> None:
    """Every changed file counts, whether it is imported first or last, by code, as text or as bytes; also one that was wrong."""
    main = "[import 'a', import 'b', importstr 'b', importbin 'b']"
    for a, b in (("1", "2"), ("1", "3"), ("4", "3"), ("(", "3"), ("5", "6")):
        result = _result({"p.jsonnet": main, "a": a, "b": b})
        if a == "(":
            assert result.startswith("runtime error: a:1:2 Unexpected end of file")
        else:
            assert json.loads(result) == [int(a), int(b), b, [ord(b)]]


def test_bytes_that_another_rendering_imports_as_text() -> None:
    """A file with any bytes that was imported as bytes is refused as text in the next rendering."""
    Path("raw").write_bytes(b"\xff")
    request = {"src": "p.jsonnet", "engine": "gojsonnet", "inputs": ["raw"]}
    Path("p.jsonnet").write_text("importbin 'raw'")
    assert json.loads(engine.evaluate(Request(**request))) == [255]
    Path("p.jsonnet").write_text("importstr 'raw'")

    with pytest.raises(RenderError, match="raw: byte 0 is not UTF-8"):
        engine.evaluate(Request(**request))


def test_a_crash_of_the_engine_is_one_sentence() -> None:
    """A panic inside go-jsonnet is one sentence, without the stack of the Go program."""
    message, stack = gojsonnet.parse_error("(CRASH) boom\ngoroutine 1 [running]:\n", Call("p.jsonnet", lambda folder, name: (name, ""), 500))

    assert (message, stack) == (["go-jsonnet crashed: boom; change the program, and report it to go-jsonnet"], [])


def _serve(text: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the Go program with the given standard input."""
    return subprocess.run([gojsonnet.PROGRAM, "evaluate", *arguments], input=text, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("text", ["{", "x\n", '{"name": 1}\n'])
def test_a_broken_request_is_one_sentence(text: str) -> None:
    """A request that is not one line of JSON ends the program with one sentence and exit code 1."""
    done = _serve(text, str(os.getpid()))

    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: a request is not one line of JSON: ")
    assert done.stderr.count("\n") == 1


def test_usage_of_evaluate() -> None:
    """Without its parent's process ID the command is wrong usage; with another one it ends at once, because its parent is gone."""
    assert _serve("").returncode == 2
    assert _serve("", "parent").returncode == 2
    assert _serve("", "1").returncode == 1
