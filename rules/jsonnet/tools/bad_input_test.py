"""What wrong programs and inputs get, from each engine: the same shape, places that an editor opens, nothing of Python."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from rules.jsonnet.tools import engine, render, second_look
from rules.jsonnet.tools.errors import RenderError, UsageError
from rules.jsonnet.tools.request import ENGINES, Binding, Request

_PYTHON = re.compile(r"Traceback|RuntimeError|\.py\b|Exception|object at 0x|\bimport_callback|importer error")


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the working directory, as an execution root is."""
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    return tmp_path


@pytest.fixture(params=ENGINES)
def name(request: pytest.FixtureRequest) -> str:
    """Each engine in turn."""
    return str(request.param)


def _error(name: str, files: dict[str, str | bytes], **fields: Any) -> list[str]:
    """Returns the lines of the message with which a/main.jsonnet fails."""
    for path, text in files.items():
        Path(path).write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RenderError) as caught:
        engine.evaluate(Request(**{"src": "a/main.jsonnet", "engine": name, "inputs": list(files), **fields}))
    message = caught.value.message
    assert not _PYTHON.search(message), message
    assert "\t" not in message
    return message.split("\n")


# Program, words of the message, the place that must be named.
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
def test_every_error_has_its_place(name: str, case: str) -> None:
    """An error names file, line and column as `file:line:column`, below a message in the engine's words."""
    program, words, place = _PROGRAMS[case]

    lines = _error(name, {"a/main.jsonnet": program})

    frames = [line for line in lines if line.startswith("    ")]
    assert words in "\n".join(lines[: len(lines) - len(frames)])
    assert any(line.startswith("    " + place) for line in frames), lines


def test_error_in_a_library_leads_to_the_program(name: str) -> None:
    """The innermost frame is the library's, a later one the program's."""
    lines = _error(
        name, {"a/main.jsonnet": "local b = import 'b.libsonnet';\n{ x: b.f(1) }", "a/b.libsonnet": "{ f(v): v.gone }"}
    )

    places = [line.strip() for line in lines if line.startswith("    a/")]
    assert places[0].startswith("a/b.libsonnet:1:9"), lines
    assert any(place.startswith("a/main.jsonnet:2:6") for place in places), lines


def test_missing_argument_of_the_program_names_it(name: str) -> None:
    """A program that is a function and gets no argument is named, though no line of it is wrong."""
    lines = _error(name, {"a/main.jsonnet": "function(port) port"})

    assert "port" in lines[0]
    assert any("a/main.jsonnet" in line for line in lines)


def test_undeclared_import(name: str) -> None:
    """An import of an undeclared file is one sentence: where, what, and what to do."""
    lines = _error(name, {"a/main.jsonnet": "{\n  x: import 'b.libsonnet' }", "a/b.libsonnet": "1"}, inputs=[])

    assert lines[0] == (
        "a/main.jsonnet:2:6: 'b.libsonnet' is not among the target's declared inputs; "
        "a/b.libsonnet exists but is no input; add its jsonnet_library to deps, or the file to data"
    )


def test_absolute_import(name: str, tmp_path: Path) -> None:
    """An absolute path is refused with what to write, whether or not the file is an input."""
    lines = _error(name, {"a/main.jsonnet": f"import '{tmp_path}/a/b.libsonnet'", "a/b.libsonnet": "1"})

    assert lines[0] == (
        f"a/main.jsonnet:1:1: '{tmp_path}/a/b.libsonnet' is an absolute path; "
        "import the file by its path from the workspace root"
    )


def test_import_that_is_not_utf8(name: str) -> None:
    """A file in another encoding is named with the place of the wrong byte."""
    lines = _error(name, {"a/main.jsonnet": "importstr 'latin.txt'", "a/latin.txt": b"caf\xe9"})

    assert lines[0] == "a/latin.txt is no UTF-8 text (byte 3); save it as UTF-8, or do not import it"


def test_bytes(name: str) -> None:
    """importbin reads any bytes where the engine can; rjsonnet cannot, and the sentence names the engine that can."""
    Path("a/raw.bin").write_bytes(b"\xff\x00a")
    Path("a/main.jsonnet").write_text("importbin 'raw.bin'")
    request = Request(src="a/main.jsonnet", engine=name, inputs=["a/raw.bin"])
    if name != "rjsonnet":
        assert json.loads(engine.evaluate(request)) == [255, 0, 97]
        return

    with pytest.raises(RenderError) as caught:
        engine.evaluate(request)
    assert caught.value.message.split("\n")[0] == (
        'a/raw.bin is no UTF-8 text (byte 0); rjsonnet reads no other bytes with importbin, engine = "gojsonnet" does'
    )


def test_program_that_is_not_utf8(name: str) -> None:
    """A program in another encoding is named like an import."""
    assert _error(name, {"a/main.jsonnet": b"'caf\xe9'"})[0].startswith("a/main.jsonnet is no UTF-8 text (byte 4)")


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_cyclic_import(name: str, depth: int) -> None:
    """Files whose values need each other are named in a circle; it is an error and no hang."""
    files = {f"a/{i}.libsonnet": f"(import '{(i + 1) % depth}.libsonnet') + 1" for i in range(depth)}
    lines = _error(name, {"a/main.jsonnet": "import '0.libsonnet'", **files})

    assert lines[0].startswith("cyclic import: a/")
    assert lines[0].count(" imports ") == depth
    assert lines[0].endswith("and each needs the other's value; move what they share to a file of its own")


def test_recursion_without_a_circle_of_imports(name: str) -> None:
    """A lazy circle of imports, which is legal, is not blamed for another recursion."""
    lines = _error(
        name,
        {
            "a/main.jsonnet": "local l = import 'l.libsonnet';\nlocal f(x) = f(x + 1) + 1;\n{ n: 1, x: f(l.n) }",
            "a/l.libsonnet": "{ n: (import 'main.jsonnet').n }",
        },
    )

    assert "cyclic" not in lines[0]


def test_missing_program(name: str) -> None:
    """A program that is not there is named."""
    lines = _error(name, {}, src="a/none.jsonnet")

    assert lines[0].startswith("cannot read a/none.jsonnet: No such file")


def test_wrong_code_of_a_variable(name: str) -> None:
    """Code of an attribute that does not parse fails with the program's name."""
    lines = _error(name, {"a/main.jsonnet": "std.extVar('v')"}, bindings=[Binding("ext", True, "value", "v", "1 +")])

    assert any("a/main.jsonnet" in line for line in lines)


@pytest.mark.parametrize(
    ("program", "outs", "words"),
    [
        ("{ 'one.json': 1, 'tow.json': 2 }", ["one.json", "two.json"], "did not produce two.json, which outs declares"),
        ("{ 'one.json': 1, 'two.json': 2 }", ["one.json"], "produced two.json, which outs does not declare"),
        ("[1]", ["one.json"], "evaluates to an array, but several outputs need an object"),
        ("{ '../x': 1 }", ["one.json"], "produced the file name '../x'; use a plain relative path"),
    ],
)
def test_outputs_that_do_not_fit(name: str, program: str, outs: list[str], words: str) -> None:
    """An output that is not produced, or not declared, is named with the target, and nothing is written."""
    Path("a/main.jsonnet").write_text(program)
    arguments = ["--label=//a:main", f"--engine={name}", "--src=a/main.jsonnet", "--multiple", *(f"--out=o/{out}" for out in outs)]

    code, message = render.run(arguments)

    assert (code, message.count("\n")) == (1, 1)
    assert message.startswith("ERROR: //a:main: a/main.jsonnet ")
    assert words in message
    assert not Path("o").exists()


@pytest.mark.parametrize("value", ["1e999", "{ x: function(y) y }"])
def test_values_that_json_cannot_hold(name: str, value: str) -> None:
    """A function or an infinite number is an error with the program's name, and nothing is written."""
    Path("a/main.jsonnet").write_text(value)

    code, message = render.run(["--label=//a:main", f"--engine={name}", "--src=a/main.jsonnet", "--out=o.json"])

    assert code == 1
    assert "a/main.jsonnet" in message
    assert not _PYTHON.search(message)
    assert not Path("o.json").exists()


def test_engine_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that was built without the engine says which there are."""
    monkeypatch.setitem(__import__("sys").modules, "rules.jsonnet.tools.engines.jsonnet", None)

    with pytest.raises(UsageError, match="the engine 'jsonnet' is not part of this tool .*; choose one of rjsonnet, "):
        engine.load("jsonnet")


def test_unknown_engine_is_wrong_usage() -> None:
    """An engine that nobody knows is refused with exit code 2."""
    assert render.run(["--engine=v8", "--src=x"])[0] == 2


def test_a_second_look_that_sees_another_error() -> None:
    """What go-jsonnet refuses before it evaluates is not shown as the place of another error."""
    lines = _error("rjsonnet", {"a/main.jsonnet": "[{}.gone,\n function(x) unknown]"})

    assert lines == ["no such field: gone", "    program a/main.jsonnet"]


def test_a_second_look_is_shortened_once() -> None:
    """The stack of the second look loses its middle once, and the count of what is left out is right."""
    program = "local f(n) = if n == 0 then {}.gone else f(n - 1) + 1;\nf(100)"
    whole = _error("rjsonnet", {"a/main.jsonnet": program}, max_trace=0)
    lines = _error("rjsonnet", {"a/main.jsonnet": program}, max_trace=20)

    assert len(whole) > 100
    assert sum("more frames" in line for line in lines) == 1
    assert f"    … {len(whole) - 1 - 20} more frames" in lines


def _waiting(pid: int) -> list[int]:
    """Returns the ids of a process's children once there are any."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            return [int(child) for child in children]
        time.sleep(0.01)
    raise AssertionError("no second look was started")


def test_a_second_look_ends_with_who_asked() -> None:
    """When the process that waits for the second look is killed, the look ends too."""
    program = "[std.foldl(function(a, b) a + b, std.range(1, 100000000), 0), {}.gone]"
    Path("a/main.jsonnet").write_text(program)
    asking = os.fork()
    if asking == 0:
        second_look.stack(Request(src="a/main.jsonnet"))
        os._exit(0)
    (look,) = _waiting(asking)
    comm = Path(f"/proc/{look}/stat")
    while "jsonnet" not in Path(f"/proc/{look}/maps").read_text():
        time.sleep(0.01)  # the engine is loaded after the process has tied itself to the one that asks
    os.kill(asking, signal.SIGKILL)
    os.waitpid(asking, 0)
    deadline = time.monotonic() + 3
    while comm.exists() and comm.read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < deadline, "the second look goes on"
        time.sleep(0.02)


def test_without_a_second_look_the_files_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where go-jsonnet cannot be asked, the message has the program and what it imported."""
    monkeypatch.setattr(second_look, "stack", lambda *_: [])

    lines = _error("rjsonnet", {"a/main.jsonnet": "{ x: (import 'b.libsonnet').y }", "a/b.libsonnet": "{}"})

    assert lines[0] == "no such field: y"
    assert lines[-2:] == ["    program a/main.jsonnet", "    which imports a/b.libsonnet"]
