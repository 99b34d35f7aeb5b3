"""The tool behind jsonnet_to_json_test."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from rules.jsonnet.tools import check


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the working directory, outside of any workspace."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BUILD_WORKSPACE_DIRECTORY", raising=False)
    return tmp_path


def _run(program: str, golden: str | None, *arguments: str) -> tuple[int, str]:
    """Checks a program; returns the exit code and all that was printed."""
    Path("p.jsonnet").write_text(program, encoding="utf-8")
    words = ["--label=//p:p_test", "--src=p.jsonnet", *arguments]
    if golden is not None:
        Path("golden").write_text(golden, encoding="utf-8")
        words.append("--golden=golden")
    printed = io.StringIO()
    return check.main(words, printed, printed), printed.getvalue()


def test_same_value() -> None:
    """The golden file's formatting does not matter when it is canonicalized."""
    assert _run("{ a: [1] }", "{a:[1]}", "--canonicalize") == (0, "")
    assert _run("{ a: [1] }", '{\n   "a": [\n      1\n   ]\n}\n') == (0, "")


def test_other_value() -> None:
    """A difference is shown as a diff together with the command that accepts it."""
    code, printed = _run("{ a: 2 }", "{a: 1}", "--canonicalize")

    assert code == 1
    assert '-   "a": 1' in printed
    assert '+   "a": 2' in printed
    assert "bazel run //p:p_test -- --update" in printed


def test_whole_output_is_optional() -> None:
    """The whole output is shown only when asked for."""
    assert "The whole output:\n[" in _run("[1]", "[2]", "--show_output")[1]
    assert "The whole output" not in _run("[1]", "[2]")[1]


def test_expected_error() -> None:
    """A failing program passes with error=1 when its message matches."""
    assert _run("error 'no way'", "no w.y", "--error=1", "--regex") == (0, "")
    code, printed = _run("error 'no way'", "other", "--error=1", "--regex")
    assert code == 1
    assert "the pattern of golden does not occur: other" in printed


def test_patterns_ignore_case_and_line_ends() -> None:
    """A pattern is matched as rules_jsonnet does: in any case, and `.` is a newline too."""
    assert _run("error 'One\\nTWO'", "one.two", "--error=1", "--regex") == (0, "")


def test_a_crash_of_the_engine() -> None:
    """A program on which the engine crashes fails with the target's name, and not as a signal."""
    code, printed = _run("[" * 200_000 + "]" * 200_000, None)

    assert code == 1
    assert printed.startswith("ERROR: //p:p_test: the Jsonnet engine died twice (SIG")


def test_a_program_that_does_not_end() -> None:
    """A test has the limits of a rendering."""
    code, printed = _run("'%e' % 0", None, "--timeout=1")

    assert code == 1
    assert printed.startswith("ERROR: //p:p_test: the program did not end within 1 s; ")


def test_golden_that_cannot_be_read() -> None:
    """A golden file that is not there, or is no text, is named in a sentence."""
    assert _run("1", None, "--golden=none") == (
        1,
        "ERROR: //p:p_test: cannot read none: No such file or directory; correct the attribute golden\n",
    )
    Path("latin").write_bytes(b"caf\xe9")
    assert _run("1", None, "--golden=latin") == (
        1,
        "ERROR: //p:p_test: latin is no UTF-8 text (byte 3); save it as UTF-8\n",
    )


def test_update_of_another_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--update does not write beside the workspace."""
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(folder / "workspace"))
    code, printed = _run("1", None, "--golden=../other/golden", "--update")

    assert (code, printed) == (
        1,
        "ERROR: //p:p_test: ../other/golden belongs to another repository; run --update in its own workspace\n",
    )
    assert not (folder / "other").exists()


def test_unexpected_exit_code() -> None:
    """A program that works fails its negative test, and the other way round."""
    assert "exit code 0, expected 1" in _run("1", None, "--error=1")[1]
    code, printed = _run("error 'no'", None)
    assert code == 1
    assert "exit code 1, expected 0; the output was:\nruntime error: no" in printed


def test_several_outputs() -> None:
    """With several outputs the whole object is compared, and its names are checked."""
    assert _run("{ x: 1 }", "{x: 1}", "--multiple", "--canonicalize", "--out=x") == (0, "")
    assert "did not produce y" in _run("{ x: 1 }", "{x: 1}", "--multiple", "--out=y")[1]


def test_yaml_stream() -> None:
    """A stream is compared as it is written."""
    assert _run("[1]", "---\n1\n...\n", "--yaml_stream", "--canonicalize") == (0, "")


def test_update(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--update rewrites the golden file of the workspace."""
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(folder))

    assert _run("{ a: 2 }", "{a: 1}", "--update") == (0, "wrote golden\n")
    assert (folder / "golden").read_text() == '{\n   "a": 2\n}\n'


def test_update_keeps_links_and_permissions(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--update changes the text of a golden file and nothing else about it."""
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(folder))
    (folder / "there").write_text("1")
    (folder / "there").chmod(0o600)
    (folder / "link").symlink_to("there")

    assert _run("2", None, "--golden=link", "--update") == (0, "wrote link\n")
    assert (folder / "link").is_symlink()
    assert (folder / "there").read_text() == "2\n"
    assert (folder / "there").stat().st_mode & 0o777 == 0o600


def test_update_of_a_generated_golden_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--update refuses what a target generates, by that target's name, and writes nothing."""
    monkeypatch.setenv("BUILD_WORKSPACE_DIRECTORY", str(folder / "workspace"))

    assert _run("1", None, "--golden=golden", "--golden_target=@//p:gg", "--update") == (
        1,
        "ERROR: //p:p_test: golden is generated by //p:gg, so --update cannot rewrite it; change that target\n",
    )
    assert not (folder / "workspace").exists()


def test_update_needs_a_workspace() -> None:
    """Outside of `bazel run` there is nothing to rewrite."""
    assert _run("1", "1", "--update")[0] == 1


@pytest.mark.parametrize(("golden", "word"), [("(", "--regex"), ("{", "--canonicalize")])
def test_broken_golden(golden: str, word: str) -> None:
    """A golden file that is no pattern or no Jsonnet is an error of its own."""
    code, printed = _run("1", golden, word)

    assert code == 1
    assert printed.startswith("ERROR: ")


def test_usage() -> None:
    """An unknown argument ends with exit code 2."""
    assert _run("1", None, "--error=2")[0] == 2
