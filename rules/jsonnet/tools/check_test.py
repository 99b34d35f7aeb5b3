"""Tests of the tool behind jsonnet_to_json_test."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from rules.jsonnet.tools import check


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Changes to an empty folder outside of any workspace."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BUILD_WORKSPACE_DIRECTORY", raising=False)
    return tmp_path


def _run(program: str, golden: str | None, *arguments: str) -> tuple[int, str]:
    """Checks a program; returns the exit code and the output."""
    Path("p.jsonnet").write_text(program, encoding="utf-8")
    words = ["--label=//p:p_test", "--src=p.jsonnet", *arguments]
    if golden is not None:
        Path("golden").write_text(golden, encoding="utf-8")
        words.append("--golden=golden")
    printed = io.StringIO()
    return check.main(words, printed, printed), printed.getvalue()


def test_same_value() -> None:
    """With --canonicalize the formatting of the golden file does not matter."""
    assert _run("{ a: [1] }", "{a:[1]}", "--canonicalize") == (0, "")
    assert _run("{ a: [1] }", '{\n   "a": [\n      1\n   ]\n}\n') == (0, "")


def test_other_value() -> None:
    """A difference is shown as a diff, with the command that updates the golden file."""
    code, printed = _run("{ a: 2 }", "{a: 1}", "--canonicalize")

    assert code == 1
    assert '-   "a": 1' in printed
    assert '+   "a": 2' in printed
    assert "bazel run //p:p_test -- --update" in printed


def test_whole_output_is_optional() -> None:
    """The whole output is shown only with --show_output."""
    assert "The whole output:\n[" in _run("[1]", "[2]", "--show_output")[1]
    assert "The whole output" not in _run("[1]", "[2]")[1]


def test_expected_error() -> None:
    """A failing program passes with error=1 if its message matches."""
    assert _run("error 'no way'", "no w.y", "--error=1", "--regex") == (0, "")
    code, printed = _run("error 'no way'", "other", "--error=1", "--regex")
    assert code == 1
    assert "the pattern of golden does not match: other" in printed


def test_patterns_ignore_case_and_line_endings() -> None:
    """A pattern ignores case, and `.` matches newlines, as in rules_jsonnet."""
    assert _run("error 'One\\nTWO'", "one.two", "--error=1", "--regex") == (0, "")


def test_a_crash_of_the_engine() -> None:
    """If the engine crashes, the test fails with a message that names the target, and not by a signal."""
    code, printed = _run("[" * 200_000 + "]" * 200_000, None)

    assert code == 1
    assert printed.startswith("ERROR: //p:p_test: the Jsonnet engine died twice (exit code 2)")


def test_an_endless_program() -> None:
    """A test has the limits of a rendering."""
    code, printed = _run("local f(n) = if n == 0 then 0 else f(n - 1) tailstrict; [f(400) for i in std.range(1, 1000000)]", None, "--timeout=1")

    assert code == 1
    assert printed.startswith("ERROR: //p:p_test: the program did not finish within 1 s; ")


def test_unreadable_golden() -> None:
    """The error for a golden file that is missing or not UTF-8 names the file."""
    assert _run("1", None, "--golden=none") == (
        1,
        "ERROR: //p:p_test: none: can't read it: No such file or directory; correct the attribute golden\n",
    )
    Path("latin").write_bytes(b"caf\xe9")
    assert _run("1", None, "--golden=latin") == (
        1,
        "ERROR: //p:p_test: latin: byte 3 is not UTF-8; save the file as UTF-8\n",
    )


def test_update_of_another_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--update does not write outside of the workspace."""
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(folder / "workspace"))
    code, printed = _run("1", None, "--golden=../other/golden", "--update")

    assert (code, printed) == (
        1,
        "ERROR: //p:p_test: ../other/golden belongs to another repository; run --update in its own workspace\n",
    )
    assert not (folder / "other").exists()


def test_unexpected_exit_code() -> None:
    """A test fails if its program succeeds although it must fail, and vice versa."""
    assert "exit code 0, expected 1" in _run("1", None, "--error=1")[1]
    code, printed = _run("error 'no'", None)
    assert code == 1
    assert "exit code 1, expected 0; the output was:\nruntime error: no" in printed


def test_several_outputs() -> None:
    """With several outputs the whole object is compared, and its field names are checked."""
    assert _run("{ x: 1 }", "{x: 1}", "--multiple", "--canonicalize", "--out=x") == (0, "")
    assert "the value lacks the fields y" in _run("{ x: 1 }", "{x: 1}", "--multiple", "--out=y")[1]


def test_yaml_stream() -> None:
    """A YAML stream is compared in the form in which it is written."""
    assert _run("[1]", "---\n1\n...\n", "--yaml_stream", "--canonicalize") == (0, "")


def test_update(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--update rewrites the golden file in the workspace."""
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(folder))

    assert _run("{ a: 2 }", "{a: 1}", "--update") == (0, "wrote golden\n")
    assert (folder / "golden").read_text() == '{\n   "a": 2\n}\n'


def test_update_keeps_links_and_permissions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--update keeps symbolic links and file modes."""
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(folder))
    (folder / "there").write_text("1")
    (folder / "there").chmod(0o600)
    (folder / "link").symlink_to("there")

    assert _run("2", None, "--golden=link", "--update") == (0, "wrote link\n")
    assert (folder / "link").is_symlink()
    assert (folder / "there").read_text() == "2\n"
    assert (folder / "there").stat().st_mode & 0o777 == 0o600


def test_update_of_a_generated_golden_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--update fails for a generated golden file, names its target, and writes nothing."""
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(folder / "workspace"))

    assert _run("1", None, "--golden=golden", "--golden_target=@//p:gg", "--update") == (
        1,
        "ERROR: //p:p_test: golden is generated by //p:gg, so --update can't rewrite it; change that target\n",
    )
    assert not (folder / "workspace").exists()


def test_update_needs_a_workspace() -> None:
    """--update fails outside of `bazel run`."""
    assert _run("1", "1", "--update")[0] == 1


@pytest.mark.parametrize(("golden", "word"), [("(", "--regex"), ("{", "--canonicalize")])
def test_broken_golden(golden: str, word: str) -> None:
    """A golden file that is not a regular expression, or not Jsonnet, is an error and not a difference."""
    code, printed = _run("1", golden, word)

    assert code == 1
    assert printed.startswith("ERROR: ")


def test_usage() -> None:
    """An unknown argument is wrong usage, with exit code 2."""
    assert _run("1", None, "--error=2")[0] == 2
