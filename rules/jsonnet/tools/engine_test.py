"""Evaluation, imports and error texts, against the real engine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from rules.jsonnet.tools import engine, imports
from rules.jsonnet.tools.errors import RenderError
from rules.jsonnet.tools.request import Binding, Request


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the working directory, as an execution root is."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write(files: dict[str, str]) -> None:
    """Writes files below the working directory."""
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _value(files: dict[str, str], **fields: Any) -> object:
    """Evaluates a/main.jsonnet of the files, all of which are declared inputs."""
    _write(files)
    request = Request(src="a/main.jsonnet", **{"inputs": list(files), **fields})
    return json.loads(engine.evaluate(request))


def _error(files: dict[str, str], **fields: Any) -> str:
    """Returns the message with which the evaluation fails."""
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
    """A file is found beside the importer, from the workspace root and in import folders."""
    files = {"a/main.jsonnet": f"import '{name}'", "a/b.libsonnet": "1", "a/lib/deep.libsonnet": "1"}

    assert _value(files, **fields) == 1


def test_generated_files_are_in_the_same_tree() -> None:
    """A generated file is imported by its workspace path, or relative to a source beside it."""
    generated = "bazel-out/k8-fastbuild/bin/a/gen.json"
    files = {"a/main.jsonnet": "[import 'a/gen.json', import 'gen.json']", generated: "{x: 1}"}

    assert _value(files) == [{"x": 1}, {"x": 1}]


def test_external_repositories() -> None:
    """A file of another repository is external/NAME/… from an execution root and from runfiles."""
    files = {"a/main.jsonnet": "import 'external/other/x.json'", "external/other/x.json": "7"}

    assert _value(files) == 7
    assert imports.workspace_path("../other/x.json") == "external/other/x.json"


def test_generated_program() -> None:
    """The program itself may be generated; its siblings are sources."""
    source = "bazel-out/k8-fastbuild/bin/a/main.jsonnet"
    _write({source: "import 'b.libsonnet'", "a/b.libsonnet": "2"})

    assert json.loads(engine.evaluate(Request(src=source, inputs=["a/b.libsonnet"]))) == 2


def test_undeclared_import_fails_though_the_file_exists() -> None:
    """A file that is no declared input cannot be imported; the message names place, file and cure."""
    files = {"a/main.jsonnet": "{\n  x: import 'b.libsonnet' }", "a/b.libsonnet": "1"}

    message = _error(files, inputs=[])

    assert message.startswith("a/main.jsonnet:2:6: 'b.libsonnet' is not among the target's declared inputs; ")
    assert "a/b.libsonnet exists but is no input; add its jsonnet_library to deps" in message


def test_misspelled_import_gets_a_suggestion() -> None:
    """An import that no file answers to is compared with those that exist."""
    message = _error({"a/main.jsonnet": "import 'a/labls.libsonnet'", "a/labels.libsonnet": "1"})

    assert "did you mean 'a/labels.libsonnet'?" in message


def test_undeclared_import_in_a_library_names_the_library() -> None:
    """The place is the importing library, and the stack leads to the program."""
    message = _error({"a/main.jsonnet": "(import 'b.libsonnet').x", "a/b.libsonnet": "{ x: importstr 'no.txt' }"})

    assert message.startswith("a/b.libsonnet:1:6: 'no.txt' is not among")
    assert "\n    a/main.jsonnet:1:" in message


def test_evaluation_error_shows_the_stack_in_workspace_paths() -> None:
    """An error statement shows its message and every frame as file:line:column."""
    files = {
        "a/main.jsonnet": "local b = import 'b.libsonnet';\n{ x: b.f(1) }",
        "a/b.libsonnet": "{ f(v): error 'no' }",
    }

    lines = _error(files).splitlines()

    assert lines[0] == "runtime error: no"
    assert [line.split()[0] for line in lines[1:3]] == ["a/b.libsonnet:1:9-19:", "a/main.jsonnet:2:6-12:"]


def test_syntax_error_has_its_place() -> None:
    """A syntax error names file, line and column."""
    message = _error({"a/main.jsonnet": "{\n  a: 1 +\n}"})

    assert message.startswith("syntax error: ")
    assert message.endswith("\n    a/main.jsonnet:3:1")


def test_endless_recursion_is_cut_off() -> None:
    """A program that recurses for ever fails with a short stack that counts the rest."""
    lines = _error({"a/main.jsonnet": "local f(x) = f(x + 1) + 1; f(0)"}, max_trace=6).splitlines()

    assert lines[0].startswith("stack overflow")
    assert sum("more frames" in line for line in lines) == 1
    assert len(lines) == 1 + 6 + 1


def test_error_without_a_place_gets_one() -> None:
    """Where rjsonnet gives no place, go-jsonnet's stands in the message."""
    lines = _error({"a/main.jsonnet": "{ x: {}.y }"}).splitlines()

    assert lines[0] == "no such field: y"
    assert lines[1] == "    a/main.jsonnet:1:6-10: object <anonymous>"


def test_line_ends_stay() -> None:
    """A text import has the bytes of the file, carriage returns included."""
    Path("a").mkdir()
    Path("a/dos.txt").write_bytes(b"one\r\ntwo\r")

    assert _value({"a/main.jsonnet": "importstr 'dos.txt'"}, inputs=["a/dos.txt"]) == "one\r\ntwo\r"


def test_missing_program() -> None:
    """A program that does not exist is named."""
    with pytest.raises(RenderError, match=r"cannot read none\.jsonnet: No such file"):
        engine.evaluate(Request(src="none.jsonnet"))


def test_every_kind_of_binding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Strings, code, files and environment reach external variables and arguments."""
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
    """An environment variable that is not set is named together with the flag that sets it."""
    monkeypatch.delenv("NOWHERE", raising=False)

    message = _error({"a/main.jsonnet": "1"}, bindings=[Binding("ext", False, "env", "NOWHERE", "NOWHERE")])

    assert "NOWHERE is not set; pass it with --action_env=NOWHERE=VALUE" in message


def test_environment_variable_that_is_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment variable with bytes that are no UTF-8 is named, and nothing of Python is said."""
    monkeypatch.setitem(os.environb, b"LATIN", b"caf\xe9")

    message = _error({"a/main.jsonnet": "std.extVar('LATIN')"}, bindings=[Binding("ext", False, "env", "LATIN", "LATIN")])

    assert message == "the environment variable LATIN holds bytes that are no UTF-8 text; pass it in UTF-8"


def test_engine_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that fails without a word is still an error with the program's name."""

    def fail(call: object) -> str:
        raise RuntimeError

    monkeypatch.setattr(engine.load("rjsonnet"), "evaluate", fail)

    assert _error({"a/main.jsonnet": "1"}) == "the engine failed and did not say why\n    program a/main.jsonnet"


def test_missing_argument_of_the_top_level_function() -> None:
    """A missing top-level argument is named with the function's signature."""
    assert "function argument is not passed: x" in _error({"a/main.jsonnet": "function(x) x"})


def test_undefined_external_variable() -> None:
    """An external variable that nothing binds is named."""
    assert _error({"a/main.jsonnet": "std.extVar('gone')"}).startswith("external variable is not defined: gone")


def test_stamping() -> None:
    """Only the named bindings are stamped, and only references in upper case."""
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
    """A reference that the workspace status lacks is named with what there is."""
    binding = Binding("ext", False, "value", "v", "{STABLE_NO}")
    files = {"a/main.jsonnet": "1", "status": "BUILD_USER me\n"}

    message = _error(files, bindings=[binding], stamp_keys=["v"], stamp_files=["status"])

    assert "'v': the workspace status has no STABLE_NO" in message
    assert "it has: BUILD_USER" in message


def test_files_are_read_anew() -> None:
    """A library that changed between two renderings of one process is seen."""
    files = {"a/main.jsonnet": "import 'b.libsonnet'", "a/b.libsonnet": "1"}
    assert _value(files) == 1

    assert _value({**files, "a/b.libsonnet": "2"}) == 2


def test_source_wins_over_its_generated_twin() -> None:
    """Of two declared files with one workspace path the first declared is imported."""
    files = {"a/main.jsonnet": "import 'x.json'", "a/x.json": "1", "bazel-out/k8/bin/a/x.json": "2"}

    assert _value(files) == 1
