"""Tests of the formatter and the linter."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from rules.jsonnet.tools import fmt
from rules.jsonnet.tools.engines.paths import runfile

_TOOL = runfile(Path(".."), "jsonnet_tools", "jsonnet_tools").resolve()


def _run(*arguments: str, folder: Path) -> tuple[int, str, str]:
    """Runs the tool; returns exit code, standard output and standard error."""
    done = subprocess.run([_TOOL, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_workspace_is_formatted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """All .jsonnet and .libsonnet files are formatted; hidden folders, links and other files are not."""
    (tmp_path / "a" / ".git").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    names = ["a/x.jsonnet", "a/y.libsonnet", "a/z.json", "a/.git/x.jsonnet"]
    for name in names:
        (tmp_path / name).write_text('{a:"b"}')
    (tmp_path / "bazel-out").symlink_to("/proc")
    (tmp_path / "a/wrong.jsonnet").write_text("{ a: ")
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(tmp_path))
    monkeypatch.delenv("BUILD_WORKING_DIRECTORY", raising=False)

    assert fmt.main([], _TOOL) == 0

    assert [(tmp_path / name).read_text() for name in names] == ["{ a: 'b' }\n", "{ a: 'b' }\n", '{a:"b"}', '{a:"b"}']
    out, err = capfd.readouterr()
    assert sorted(out.splitlines()) == ["formatted a/x.jsonnet", "formatted a/y.libsonnet"]
    assert err.startswith("skipped a/wrong.jsonnet: line 1:")
    assert not list(tmp_path.rglob("*.tmp"))


def test_names_are_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File names on the command line are relative to the folder in which the user called bazel."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x.jsonnet").write_text("{a:1}")
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("BUILD_WORKING_DIRECTORY", str(tmp_path / "a"))

    assert fmt.main(["x.jsonnet"], _TOOL) == 0
    assert (tmp_path / "a/x.jsonnet").read_text() == "{ a: 1 }\n"


def test_a_file_that_is_not_utf8_is_not_changed(tmp_path: Path) -> None:
    """A file that is not UTF-8 keeps its bytes, and fix and check name it."""
    (tmp_path / "x.jsonnet").write_bytes(b"{a: '\xff'}")

    for command in ("fix", "check"):
        assert _run(command, "x.jsonnet", folder=tmp_path) == (1, "", "ERROR: x.jsonnet is not UTF-8 text; correct it\n")
    assert _run("fix", ".", folder=tmp_path) == (0, "", "skipped x.jsonnet: it is not UTF-8 text\n")
    assert (tmp_path / "x.jsonnet").read_bytes() == b"{a: '\xff'}"


def test_files_beside_a_formatted_one_stay(tmp_path: Path) -> None:
    """The formatter overwrites no other file, and keeps the file mode."""
    (tmp_path / "x.jsonnet").write_text("{a:1}")
    (tmp_path / "x.jsonnet").chmod(0o640)
    (tmp_path / "x.jsonnet.tmp").write_text("mine")

    assert _run("fix", "x.jsonnet", folder=tmp_path)[0] == 0

    assert sorted((path.name, path.read_text()) for path in tmp_path.iterdir()) == [("x.jsonnet", "{ a: 1 }\n"), ("x.jsonnet.tmp", "mine")]
    assert (tmp_path / "x.jsonnet").stat().st_mode & 0o777 == 0o640


def test_a_named_file_that_is_not_jsonnet_is_an_error(tmp_path: Path) -> None:
    """A file on the command line that is not a regular Jsonnet file is an error."""
    (tmp_path / "x.json").write_text("{}")
    (tmp_path / "link.jsonnet").symlink_to("x.json")

    for name in ("x.json", "link.jsonnet"):
        assert _run("fix", name, folder=tmp_path) == (1, "", f"ERROR: {name} is not a regular .jsonnet or .libsonnet file; correct it\n")


def test_a_named_file_that_does_not_parse_is_an_error(tmp_path: Path) -> None:
    """A file on the command line that can't be formatted is an error; in a folder it is skipped."""
    (tmp_path / "x.jsonnet").write_text("{ a: ")

    code, out, err = _run("fix", "x.jsonnet", folder=tmp_path)

    assert (code, out, err.count("\n")) == (1, "", 1)
    assert err.startswith("ERROR: x.jsonnet:1:")
    assert _run("fix", ".", folder=tmp_path)[0] == 0


def test_names_after_two_dashes(tmp_path: Path) -> None:
    """After --, a name may begin with a hyphen."""
    (tmp_path / "-x.jsonnet").write_text("{a:1}")

    assert _run("check", "--", "-x.jsonnet", folder=tmp_path)[0] == 1
    assert _run("fix", "--", "-x.jsonnet", folder=tmp_path) == (0, "formatted -x.jsonnet\n", "")
    assert _run("check", "--", "-x.jsonnet", folder=tmp_path) == (0, "", "")


def test_advice(tmp_path: Path) -> None:
    """With -advice, check names that command."""
    (tmp_path / "x.jsonnet").write_text("{a:1}")

    assert _run("check", "-advice", "./turnup fix", "--", "x.jsonnet", folder=tmp_path) == (
        1,
        "",
        "ERROR: x.jsonnet:1 is not formatted; run ./turnup fix\n",
    )


def test_outside_of_bazel_run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Outside of `bazel run` the error says how to run the formatter."""
    monkeypatch.delenv("BUILD_WORKSPACE_DIRECTORY", raising=False)

    assert fmt.main([]) == 2
    assert "run this program with bazel run //rules/jsonnet:fmt" in capsys.readouterr().err


def test_check_names_file_line_and_command(tmp_path: Path) -> None:
    """check reports the first line that differs and does not change the file."""
    (tmp_path / "x.jsonnet").write_text("{\n  a: 1,\n  b:2,\n}\n")

    assert _run("check", "x.jsonnet", folder=tmp_path) == (
        1,
        "",
        "ERROR: x.jsonnet:3 is not formatted; run bazel run //rules/jsonnet:fmt\n",
    )
    assert "b:2" in (tmp_path / "x.jsonnet").read_text()


@pytest.mark.parametrize(("text", "words"), [("{ a: ", "x.jsonnet:1:"), (None, "no such file")])
def test_check_of_an_unreadable_file(tmp_path: Path, text: str | None, words: str) -> None:
    """A file that does not parse or does not exist is reported in one sentence."""
    if text is not None:
        (tmp_path / "x.jsonnet").write_text(text)

    code, _, err = _run("check", "x.jsonnet", folder=tmp_path)

    assert (code, err.count("\n")) == (1, 1)
    assert words in err


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("local x = 1; {}", "Unused variable: x"),
        ("local o = { a: 1 }; o.b", 'has no field "b"'),
        ("{ a: zz }", "Unknown variable: zz"),
        ("local f(x) = x; f(1, 2)", "Too many arguments"),
    ],
)
def test_lint_finds(tmp_path: Path, text: str, finding: str) -> None:
    """The linter reports findings with file, line and column."""
    (tmp_path / "x.jsonnet").write_text(text)

    code, _, err = _run("lint", "x.jsonnet", folder=tmp_path)

    assert code == 1
    assert err.startswith("x.jsonnet:1:")
    assert finding in err


def test_control_characters_are_shown_as_escapes(tmp_path: Path) -> None:
    """Source text that a message quotes cannot write to a terminal."""
    (tmp_path / "x.jsonnet").write_text("local \x1b[31m = 1; {}")
    (tmp_path / "y.jsonnet").write_text("local unused = '\x1b[31m'; {}")

    for command, name in (("check", "x.jsonnet"), ("fix", "x.jsonnet"), ("lint", "x.jsonnet"), ("lint", "y.jsonnet")):
        code, out, err = _run(command, name, folder=tmp_path)
        assert code == 1
        assert "\x1b" not in out + err
    assert "\\u001b[31m" in err


def test_lint_follows_imports(tmp_path: Path) -> None:
    """The linter finds unknown fields of imported libraries, and -J adds an import folder."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/l.libsonnet").write_text("{ a: 1 }")
    (tmp_path / "x.jsonnet").write_text("(import 'l.libsonnet').a")
    (tmp_path / "y.jsonnet").write_text("(import 'l.libsonnet').b")

    assert _run("lint", "-J", "lib", "x.jsonnet", folder=tmp_path) == (0, "", "")
    assert _run("lint", "-J", "lib", "y.jsonnet", folder=tmp_path)[0] == 1


@pytest.mark.parametrize("arguments", [[], ["check"], ["check", "--"], ["check", "-advice", "x"], ["fix", "--"], ["mend", "x"]])
def test_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    """Without files, or with an unknown command, the tool prints its usage."""
    code, _, err = _run(*arguments, folder=tmp_path)

    assert code == 2
    assert err.startswith("usage: ")


@pytest.mark.parametrize("folder", ["tools", "turnup~~turnup~tools", "_main~turnup~tools", "turnup++turnup+tools"])
def test_repositories_of_every_version_of_bazel(tmp_path: Path, folder: str) -> None:
    """The folder of a repository is found under its own name, and under the name that Bzlmod gives it."""
    for other in ("my_tools", "turnup~~turnup~my_tools"):
        (tmp_path / other).mkdir()
    assert runfile(tmp_path, "tools", "a") == tmp_path / "tools/a"
    (tmp_path / folder).mkdir()
    assert runfile(tmp_path, "tools", "a") == tmp_path / folder / "a"
