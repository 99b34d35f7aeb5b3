"""Tests of evaluation, imports and error messages, with the real default engine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rules.jsonnet.tools import engine
from rules.jsonnet.tools.engines import paths
from rules.jsonnet.tools.errors import RenderError
from rules.jsonnet.tools.request import ENGINES, Binding, Request


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Changes to an empty folder, which stands for the execution root."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write(files: dict[str, str]) -> None:
    """Writes files below the working directory."""
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _value(files: dict[str, str], **fields: Any) -> object:
    """Evaluates a/main.jsonnet; all files are declared inputs."""
    _write(files)
    request = Request(src="a/main.jsonnet", **{"inputs": list(files), **fields})
    return json.loads(engine.evaluate(request))


def _error(files: dict[str, str], **fields: Any) -> str:
    """Returns the error message of the evaluation."""
    with pytest.raises(RenderError) as caught:
        _value(files, **fields)
    assert "Traceback" not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("b.libsonnet", {}),
        ("a/b.libsonnet", {}),
        ("../a/b.libsonnet", {}),
        ("deep.libsonnet", {"imports": ["a/lib"]}),
        ("lib/deep.libsonnet", {"imports": ["a"]}),
    ],
)
def test_import_forms(name: str, fields: dict[str, list[str]]) -> None:
    """A file is found in the importing file's folder, from the workspace root and in import folders."""
    files = {"a/main.jsonnet": f"import '{name}'", "a/b.libsonnet": "1", "a/lib/deep.libsonnet": "1"}

    assert _value(files, **fields) == 1


def test_generated_files_are_in_the_same_tree() -> None:
    """A generated file is imported by its workspace path, or relative to a source file in the same package."""
    generated = "bazel-out/k8-fastbuild/bin/a/gen.json"
    files = {"a/main.jsonnet": "[import 'a/gen.json', import 'gen.json']", generated: "{x: 1}"}

    assert _value(files) == [{"x": 1}, {"x": 1}]


def test_external_repositories() -> None:
    """A file of another repository has the path external/NAME/…, in the execution root and in the runfiles."""
    files = {"a/main.jsonnet": "import 'external/other/x.json'", "external/other/x.json": "7"}

    assert _value(files) == 7
    assert paths.workspace_path("../other/x.json") == "external/other/x.json"


@pytest.mark.parametrize("name", ENGINES)
def test_two_repositories_with_the_same_paths(name: str) -> None:
    """A file sees its own repository's file first; another repository's file has that repository's name, or a path that only it has."""
    files = {
        "a/main.jsonnet": "[import 'lib/k.libsonnet', import 'other/lib/k.libsonnet', import 'lib/only.libsonnet']",
        "lib/k.libsonnet": "'ours'",
        "external/other~1.2/lib/k.libsonnet": "import 'lib/m.libsonnet'",
        "external/other~1.2/lib/m.libsonnet": "'theirs'",
        "external/other~1.2/lib/only.libsonnet": "import 'lib/k.libsonnet'",
        "lib/m.libsonnet": "'wrong'",
    }

    assert _value(files, engine=name, imports=["external/other~1.2"]) == ["ours", "theirs", "theirs"]


@pytest.mark.parametrize(
    ("root", "name"),
    [
        ("external/turnup", "turnup"),
        ("external/turnup~", "turnup"),
        ("external/turnup~0.2.0", "turnup"),
        ("external/turnup+", "turnup"),
        ("external/a~~maven~b", "b"),
        ("external/a++maven+b", "b"),
        ("external/_main~ext~b", "b"),
    ],
)
def test_names_of_repositories(root: str, name: str) -> None:
    """The name in imports is the module's, or the one that the extension gave."""
    assert paths.apparent_name(root) == name


def test_generated_program() -> None:
    """A generated program imports source files from its own package."""
    source = "bazel-out/k8-fastbuild/bin/a/main.jsonnet"
    _write({source: "import 'b.libsonnet'", "a/b.libsonnet": "2"})

    assert json.loads(engine.evaluate(Request(src=source, inputs=["a/b.libsonnet"]))) == 2


def test_undeclared_import_fails_though_the_file_exists() -> None:
    """A file that is not a declared input can't be imported; the error has location, file and remedy."""
    files = {"a/main.jsonnet": "{\n  x: import 'b.libsonnet' }", "a/b.libsonnet": "1"}

    message = _error(files, inputs=[])

    assert message.startswith("a/main.jsonnet:2:6: 'b.libsonnet' is not among the target's declared inputs; ")
    assert "a/b.libsonnet exists; add its jsonnet_library to deps" in message


def test_misspelled_import_gets_a_suggestion() -> None:
    """The error for an import without a file suggests a declared input with a similar name."""
    message = _error({"a/main.jsonnet": "import 'a/labls.libsonnet'", "a/labels.libsonnet": "1"})

    assert "did you mean 'a/labels.libsonnet'?" in message


def test_undeclared_import_in_a_library_names_the_library() -> None:
    """The location is in the importing library, and the stack trace contains the program."""
    message = _error({"a/main.jsonnet": "(import 'b.libsonnet').x", "a/b.libsonnet": "{ x: importstr 'no.txt' }"})

    assert message.startswith("a/b.libsonnet:1:6: 'no.txt' is not among")
    assert "\n    a/main.jsonnet:1:" in message


def test_evaluation_error_shows_the_stack_in_workspace_paths() -> None:
    """An error statement's error has its message and every frame as file:line:column."""
    files = {
        "a/main.jsonnet": "local b = import 'b.libsonnet';\n{ x: b.f(1) }",
        "a/b.libsonnet": "{ f(v): error 'no' }",
    }

    lines = _error(files).splitlines()

    assert lines[0] == "runtime error: no"
    assert [line.split()[0] for line in lines[1:3]] == ["a/b.libsonnet:1:9-19:", "a/main.jsonnet:2:6-12:"]


def test_syntax_error_has_a_location() -> None:
    """A syntax error has file, line and column."""
    message = _error({"a/main.jsonnet": "{\n  a: 1 +\n}"})

    assert message.startswith("static error: Unexpected: ")
    assert message.endswith("\n    a/main.jsonnet:3:1-2")


def test_infinite_recursion_has_a_short_stack() -> None:
    """The stack trace of an infinite recursion is shortened and has the number of omitted frames."""
    lines = _error({"a/main.jsonnet": "local f(x) = f(x + 1) + 1; f(0)"}, max_trace=6).splitlines()

    assert lines[0] == "runtime error: max stack frames exceeded."
    assert sum("more frames" in line for line in lines) == 1
    assert len(lines) == 1 + 6 + 1


def test_error_without_a_location_gets_one() -> None:
    """If rjsonnet gives no location, the message has go-jsonnet's."""
    lines = _error({"a/main.jsonnet": "{ x: {}.y }"}, engine="rjsonnet").splitlines()

    assert lines[0] == "no such field: y"
    assert lines[1] == "    a/main.jsonnet:1:6-10: object <anonymous>"


def test_line_endings_are_kept() -> None:
    """importstr keeps the bytes of the file, including carriage returns."""
    Path("a").mkdir()
    Path("a/dos.txt").write_bytes(b"one\r\ntwo\r")

    assert _value({"a/main.jsonnet": "importstr 'dos.txt'"}, inputs=["a/dos.txt"]) == "one\r\ntwo\r"


def test_missing_program() -> None:
    """The error for a missing program names it."""
    with pytest.raises(RenderError, match=r"none\.jsonnet: can't read it: No such file"):
        engine.evaluate(Request(src="none.jsonnet"))


def test_every_kind_of_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    """External variables and top-level arguments can be strings, code, files and environment variables."""
    monkeypatch.setenv("WHO", "Zoë")
    program = "function(s, c, f) [s, c, f, std.extVar('es'), std.extVar('ec'), std.extVar('ef'), std.extVar('WHO')]"
    bindings = [
        Binding("tla", False, "value", "s", "{not code}"),
        Binding("tla", True, "value", "c", "(import 'a/x.json').n"),
        Binding("tla", True, "file", "f", "bazel-out/k8/bin/a/x.json"),
        Binding("ext", False, "value", "es", "é\nü"),
        Binding("ext", True, "value", "ec", "1 + 1"),
        Binding("ext", False, "file", "ef", "a/t.txt"),
        Binding("ext", False, "env", "WHO", "WHO"),
    ]
    files = {"a/main.jsonnet": program, "bazel-out/k8/bin/a/x.json": '{"n": 5}', "a/t.txt": "text\n"}

    assert _value(files, bindings=bindings) == ["{not code}", 5, {"n": 5}, "é\nü", 2, "text\n", "Zoë"]


def test_unset_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a missing environment variable names it and the flag that sets it."""
    monkeypatch.delenv("NOWHERE", raising=False)

    message = _error({"a/main.jsonnet": "1"}, bindings=[Binding("ext", False, "env", "NOWHERE", "NOWHERE")])

    assert "NOWHERE is not set; pass it with --action_env=NOWHERE=VALUE" in message


def test_environment_variable_that_is_not_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for an environment variable that is not UTF-8 names it and does not mention Python."""
    monkeypatch.setitem(os.environb, b"LATIN", b"caf\xe9")

    message = _error({"a/main.jsonnet": "std.extVar('LATIN')"}, bindings=[Binding("ext", False, "env", "LATIN", "LATIN")])

    assert message == "the environment variable LATIN is not UTF-8 text; set it to UTF-8 text"


def test_engine_error_without_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine's error without a message still names the program."""

    def fail(call: object) -> str:
        raise RuntimeError

    monkeypatch.setattr(engine.load("rjsonnet"), "evaluate", fail)

    assert _error({"a/main.jsonnet": "1"}, engine="rjsonnet") == "the engine failed without a message\n    program a/main.jsonnet"


def test_missing_argument_of_the_top_level_function() -> None:
    """The error for a missing top-level argument names the argument."""
    assert "Missing argument: x" in _error({"a/main.jsonnet": "function(x) x"})


def test_undefined_external_variable() -> None:
    """The error for an undefined external variable names it."""
    assert _error({"a/main.jsonnet": "std.extVar('gone')"}).startswith("runtime error: Undefined external variable: gone\n")


def test_stamping() -> None:
    """Only the bindings in stamp_keys are stamped, and only keys in upper case."""
    bindings = [
        Binding("ext", False, "value", "stamped", "{STABLE_REV}+{lower}"),
        Binding("ext", False, "value", "plain", "{STABLE_REV}"),
    ]
    files = {
        "a/main.jsonnet": "[std.extVar('stamped'), std.extVar('plain')]",
        "status": "STABLE_REV abc def\n",
    }

    value = _value(files, bindings=bindings, stamp_keys=["stamped"], stamp_files=["status"])

    assert value == ["abc def+{lower}", "{STABLE_REV}"]


def test_unknown_stamp() -> None:
    """The error for a key that the workspace status lacks names the key and the existing keys."""
    binding = Binding("ext", False, "value", "v", "{STABLE_NO}")
    files = {"a/main.jsonnet": "1", "status": "BUILD_USER me\n"}

    message = _error(files, bindings=[binding], stamp_keys=["v"], stamp_files=["status"])

    assert "'v': the workspace status has no STABLE_NO" in message
    assert "it has: BUILD_USER" in message


def test_files_are_read_again() -> None:
    """A change of a library is seen by the next rendering in the same process."""
    files = {"a/main.jsonnet": "import 'b.libsonnet'", "a/b.libsonnet": "1"}
    assert _value(files) == 1

    assert _value({**files, "a/b.libsonnet": "2"}) == 2


def test_source_file_wins_over_a_generated_file() -> None:
    """Of two declared inputs with the same workspace path, the first one is imported."""
    files = {"a/main.jsonnet": "import 'x.json'", "a/x.json": "1", "bazel-out/k8/bin/a/x.json": "2"}

    assert _value(files) == 1
