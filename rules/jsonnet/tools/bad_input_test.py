"""Tests of error messages for wrong programs and inputs, with each engine: same format, locations for editors, no Python."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from rules.jsonnet.tools import engine, error_location, render, worker
from rules.jsonnet.tools.errors import RenderError, UsageError
from rules.jsonnet.tools.request import ENGINES, Binding, Request

_PYTHON = re.compile(r"Traceback|RuntimeError|\.py\b|Exception|object at 0x|\bimport_callback|importer error")


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Changes to an empty folder, which stands for the execution root."""
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    return tmp_path


@pytest.fixture(params=ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    """Returns the name of each engine in turn."""
    return str(request.param)


def _error(name: str, files: dict[str, str | bytes], **fields: Any) -> list[str]:
    """Returns the lines of the error message of a/main.jsonnet."""
    for path, text in files.items():
        Path(path).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RenderError) as caught:
        engine.evaluate(Request(**{"src": "a/main.jsonnet", "engine": name, "inputs": list(files), **fields}))
    message = caught.value.message
    assert not _PYTHON.search(message), message
    assert "\t" not in message
    return message.split("\n")


# Program, words of the message, expected location.
_PROGRAMS = {
    "missing field": ("local w = { name: 1 };\n{ x: w.nam }", "nam", "a/main.jsonnet:2:6"),
    "error statement": ("{ x:\n  error 'no' }", "runtime error: no", "a/main.jsonnet:2:3"),
    "error of two lines": ("error 'one\\ntwo'", "two", "a/main.jsonnet:1:1"),
    "wrong index": ("{ x: [1][5] }", "5", "a/main.jsonnet:1:6"),
    "wrong operand": ("{ x: 1 * {} }", "object", "a/main.jsonnet:1:6"),
    "division by zero": ("{ x: 1 / 0 }", "zero", "a/main.jsonnet:1:6"),
    "unknown std function": ("{ x: std.nope(1) }", "nope", "a/main.jsonnet:1:6"),
    "assertion": ("{ assert false : 'bad', x: 1 }", "bad", "a/main.jsonnet:1:"),
    "std.assertEqual": ("std.assertEqual(1, 2)", "1 != 2", "a/main.jsonnet:1:1"),
    "unknown variable": ("{ x: zz }", "zz", "a/main.jsonnet:1:6"),
    "syntax": ("{\n  a: 1 +\n}", "}", "a/main.jsonnet:3:1"),
    "duplicate field": ("{ a: 1, a: 2 }", "a", "a/main.jsonnet:1:"),
    "missing argument": ("local f(x) = x;\n{ y: f() }", "x", "a/main.jsonnet:2:6"),
    "undefined external variable": ("{ x: std.extVar('gone') }", "gone", "a/main.jsonnet:1:6"),
    "format": ("{ x: '%d' % 'y' }", "number", "a/main.jsonnet:1:6"),
}


@pytest.mark.parametrize("case", _PROGRAMS)
def test_every_error_has_a_location(name: str, case: str) -> None:
    """An error has the engine's message and, below it, the location as `file:line:column`."""
    program, words, location = _PROGRAMS[case]

    lines = _error(name, {"a/main.jsonnet": program})

    frames = [line for line in lines if line.startswith("    ")]
    assert words in "\n".join(lines[: len(lines) - len(frames)])
    assert any(line.startswith("    " + location) for line in frames), lines


def test_error_in_a_library_leads_to_the_program(name: str) -> None:
    """The innermost frame is in the library, and a later one in the program."""
    lines = _error(name, {"a/main.jsonnet": "local b = import 'b.libsonnet';\n{ x: b.f(1) }", "a/b.libsonnet": "{ f(v): v.gone }"})

    frames = [line.strip() for line in lines if line.startswith("    a/")]
    assert frames[0].startswith("a/b.libsonnet:1:9"), lines
    assert any(frame.startswith("a/main.jsonnet:2:6") for frame in frames), lines


def test_missing_argument_names_the_program(name: str) -> None:
    """The error for a missing top-level argument names argument and program."""
    lines = _error(name, {"a/main.jsonnet": "function(port) port"})

    assert "port" in lines[0]
    assert any("a/main.jsonnet" in line for line in lines)


def test_undeclared_import(name: str) -> None:
    """The error for an undeclared import says where it is, what is wrong and what to do."""
    lines = _error(name, {"a/main.jsonnet": "{\n  x: import 'b.libsonnet' }", "a/b.libsonnet": "1"}, inputs=[])

    assert lines[0] == (
        "a/main.jsonnet:2:6: 'b.libsonnet' is not among the target's declared inputs; "
        "a/b.libsonnet exists; add its jsonnet_library to deps, or the file to data"
    )


def test_absolute_import(name: str, tmp_path: Path) -> None:
    """An absolute path is an error even if the file is an input, and the error says what to use instead."""
    lines = _error(name, {"a/main.jsonnet": f"import '{tmp_path}/a/b.libsonnet'", "a/b.libsonnet": "1"})

    assert lines[0] == (f"a/main.jsonnet:1:1: '{tmp_path}/a/b.libsonnet' is an absolute path; use the path from the workspace root")


def test_import_that_is_not_utf8(name: str) -> None:
    """The error for a file in another encoding names the file and the offset of the wrong byte."""
    lines = _error(name, {"a/main.jsonnet": "importstr 'latin.txt'", "a/latin.txt": b"caf\xe9"})

    assert lines[0] == "a/latin.txt: byte 3 is not UTF-8; save the file as UTF-8, or don't import it"


def test_bytes(name: str) -> None:
    """importbin accepts any bytes, except with rjsonnet, whose error names an engine that does."""
    Path("a/raw.bin").write_bytes(b"\xff\x00a")
    Path("a/main.jsonnet").write_text("importbin 'raw.bin'")
    request = Request(src="a/main.jsonnet", engine=name, inputs=["a/raw.bin"])
    if name != "rjsonnet":
        assert json.loads(engine.evaluate(request)) == [255, 0, 97]
        return

    with pytest.raises(RenderError) as caught:
        engine.evaluate(request)
    assert caught.value.message.split("\n")[0] == ('a/raw.bin: byte 0 is not UTF-8; set engine = "gojsonnet", because rjsonnet\'s importbin accepts only UTF-8')


def test_program_that_is_not_utf8(name: str) -> None:
    """The error for a program in another encoding names the program."""
    assert _error(name, {"a/main.jsonnet": b"'caf\xe9'"})[0].startswith("a/main.jsonnet: byte 4 is not UTF-8;")


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_cyclic_import(name: str, depth: int) -> None:
    """The error for an import cycle names its files in order, and the evaluation does not hang."""
    files = {f"a/{i}.libsonnet": f"(import '{(i + 1) % depth}.libsonnet') + 1" for i in range(depth)}
    lines = _error(name, {"a/main.jsonnet": "import '0.libsonnet'", **files})

    assert lines[0].startswith("cyclic import: a/")
    assert lines[0].count(" imports ") == depth
    assert lines[0].endswith("and each needs the other's value; move the shared part to a separate file")


def test_recursion_without_an_import_cycle(name: str) -> None:
    """A lazy import cycle, which is valid, is not reported for a recursion elsewhere."""
    lines = _error(
        name,
        {
            "a/main.jsonnet": "local l = import 'l.libsonnet';\nlocal f(x) = f(x + 1) + 1;\n{ n: 1, x: f(l.n) }",
            "a/l.libsonnet": "{ n: (import 'main.jsonnet').n }",
        },
    )

    assert "cyclic" not in lines[0]


def test_missing_program(name: str) -> None:
    """The error for a missing program names it."""
    lines = _error(name, {}, src="a/none.jsonnet")

    assert lines[0].startswith("a/none.jsonnet: can't read it: No such file")


def test_wrong_code_of_a_variable(name: str) -> None:
    """The error for code in an attribute that does not parse names the program."""
    lines = _error(name, {"a/main.jsonnet": "std.extVar('v')"}, bindings=[Binding("ext", True, "value", "v", "1 +")])

    assert any("a/main.jsonnet" in line for line in lines)


@pytest.mark.parametrize(
    ("program", "outs", "words"),
    [
        ("{ 'one.json': 1, 'tow.json': 2 }", ["one.json", "two.json"], "the value lacks the fields two.json, which outs declares"),
        ("{ 'one.json': 1, 'two.json': 2 }", ["one.json"], "the value has the fields two.json, which outs does not declare"),
        ("[1]", ["one.json"], "the value is an array; return an object with one field per file"),
        ("{ '../x': 1 }", ["one.json"], "the field '../x' is not a valid file name; use a relative path without . and .."),
    ],
)
def test_wrong_outputs(name: str, program: str, outs: list[str], words: str) -> None:
    """The error for a missing or undeclared output names output and target, and nothing is written."""
    Path("a/main.jsonnet").write_text(program)
    arguments = ["--label=//a:main", f"--engine={name}", "--src=a/main.jsonnet", "--multiple", *(f"--out=o/{out}" for out in outs)]

    code, message = render.run(arguments)

    assert (code, message.count("\n")) == (1, 1)
    assert message.startswith("ERROR: //a:main: a/main.jsonnet: ")
    assert words in message
    assert not Path("o").exists()


@pytest.mark.parametrize("value", ["1e999", "{ x: function(y) y }"])
def test_values_that_json_does_not_have(name: str, value: str) -> None:
    """The error for a function or an infinite number names the program, and nothing is written."""
    Path("a/main.jsonnet").write_text(value)

    code, message = render.run(["--label=//a:main", f"--engine={name}", "--src=a/main.jsonnet", "--out=o.json"])

    assert code == 1
    assert "a/main.jsonnet" in message
    assert not _PYTHON.search(message)
    assert not Path("o.json").exists()


_HOSTILE = "\\u001b[31m red \\u0007 \\u009b2J \\u202e \\r back"
_SHOWN = "\\u001b[31m red \\u0007 \\u009b2J \\u202e "


@pytest.mark.parametrize(
    "program",
    ["error '{}'", "{{ assert false : '{}' }}", "{{}}['{}']", "import '{}'", "importstr @'x{}'", "std.extVar('{}')", "{{ '{}': 1 }}", "{{ '{}/../x': 1 }}",
     "std.assertEqual('{}', 1)", "std.parseJson('{}')", "std.trace('{}', 1)", "local a = '{}'; a(1)", "'%q{}' % 1"],
)  # fmt: skip
def test_control_characters_never_reach_a_terminal(name: str, program: str) -> None:
    """With each engine, a message that quotes a program shows control characters and marks of direction as escapes."""
    Path("p.jsonnet").write_text(program.format(_HOSTILE))
    evaluator = worker.Evaluator()
    code, message = evaluator.run([f"--engine={name}", "--src=p.jsonnet", "--multiple", "--out=one", "--out=two"])
    evaluator.stop()

    assert code == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", message)
    if program.startswith(("error", "{{ assert", "std.trace")):
        assert _SHOWN in message


def test_control_characters_of_a_program_that_does_not_parse(name: str) -> None:
    """Neither do those of the source text, which some messages quote."""
    lines = _error(name, {"a/main.jsonnet": "{ a: 1 \x1b[31m }"})

    assert "\x1b" not in "".join(lines)


def test_missing_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a tool that was built without the engine lists all engines."""
    monkeypatch.setitem(__import__("sys").modules, "rules.jsonnet.tools.engines.jsonnet", None)

    with pytest.raises(UsageError, match="this tool does not contain the engine 'jsonnet' .*; choose one of gojsonnet, "):
        engine.load("jsonnet")


def test_unknown_engine_is_wrong_usage() -> None:
    """An unknown engine is wrong usage, with exit code 2."""
    assert render.run(["--engine=v8", "--src=x"])[0] == 2


def test_a_static_error_of_go_jsonnet_is_ignored() -> None:
    """An error that go-jsonnet finds before it evaluates is not used as the location of another error."""
    lines = _error("rjsonnet", {"a/main.jsonnet": "[{}.gone,\n function(x) unknown]"})

    assert lines == ["no such field: gone", "    program a/main.jsonnet"]


def test_the_stack_of_go_jsonnet_is_shortened_once() -> None:
    """The stack trace from go-jsonnet is shortened once, with the right number of omitted lines."""
    program = "local f(n) = if n == 0 then {}.gone else f(n - 1) + 1;\nf(100)"
    whole = _error("rjsonnet", {"a/main.jsonnet": program}, max_trace=0)
    lines = _error("rjsonnet", {"a/main.jsonnet": program}, max_trace=20)

    assert len(whole) > 100
    assert sum("more frames" in line for line in lines) == 1
    assert f"    … {len(whole) - 1 - 20} more frames" in lines


def _waiting(pid: int) -> list[int]:
    """Waits until a process has children and returns their process IDs."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            return [int(child) for child in children]
        time.sleep(0.01)
    raise AssertionError("the child process was not started")


def test_the_child_dies_with_its_parent() -> None:
    """When the process that waits for go-jsonnet is killed, its child and the engine's own process die too."""
    program = "[std.foldl(function(a, b) a + b, std.range(1, 100000000), 0), {}.gone]"
    Path("a/main.jsonnet").write_text(program)
    parent = os.fork()
    if parent == 0:
        error_location.find_stack(Request(src="a/main.jsonnet"))
        os._exit(0)
    (child,) = _waiting(parent)
    (other,) = _waiting(child)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    deadline = time.monotonic() + 20
    for stat in (Path(f"/proc/{pid}/stat") for pid in (child, other)):
        while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
            assert time.monotonic() < deadline, "the child still runs"
            time.sleep(0.02)


def test_without_a_location_the_files_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """If go-jsonnet is not available, the error names the program and the imported files."""
    monkeypatch.setattr(error_location, "find_stack", lambda *_: [])

    lines = _error("rjsonnet", {"a/main.jsonnet": "{ x: (import 'b.libsonnet').y }", "a/b.libsonnet": "{}"})

    assert lines[0] == "no such field: y"
    assert lines[-2:] == ["    program a/main.jsonnet", "    which imports a/b.libsonnet"]
