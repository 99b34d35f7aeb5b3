"""Tests of the wheel's command: `init` runs, and every other command says where it runs."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from cli.common import workspace
from cli.init import standalone


def _run(*words: str) -> tuple[int, str, str]:
    """Runs the command, and returns its exit code and what it prints."""
    out, errors = io.StringIO(), io.StringIO()
    return standalone.main(words, out, errors), out.getvalue(), errors.getvalue()


def test_init(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`init` writes a repository that pins the folder it is given."""
    turnup = tmp_path / "turnup"
    turnup.mkdir()
    for name in ("repositories.bzl", "turnup"):
        (turnup / name).touch()

    code, out, errors = _run("init", str(tmp_path / "shop"), "--turnup", str(turnup))

    assert (code, errors) == (0, "") and out.splitlines()[-1] == f"next: cd {tmp_path / 'shop'} && ./turnup up"
    assert (tmp_path / "shop/WORKSPACE").exists()
    code, _, errors = _run("init", str(tmp_path / "shop"), "--turnup", str(turnup))
    assert code == 2 and errors.startswith(f"ERROR: {tmp_path}/shop/MODULE.bazel declares turnup already")


@pytest.mark.parametrize("verb", standalone.ELSEWHERE)
def test_command_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """A command that needs a repository names the launcher that runs it, or says how to get one."""
    monkeypatch.chdir(tmp_path)

    assert _run(verb, "--anything") == (
        2,
        "",
        f"ERROR: {verb} needs a repository that uses Turnup, and {tmp_path} is not in one; run turnup init, then ./turnup {verb}\n",
    )

    (tmp_path / "turnup").touch(0o755)
    assert "needs a repository" in _run(verb)[2]
    (tmp_path / "MODULE.bazel").touch()
    (tmp_path / "a/b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a/b")
    assert _run(verb) == (2, "", f"ERROR: {verb} runs the Turnup that this repository pins, and not the installed one; run {tmp_path}/turnup {verb}\n")


def test_wrong_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown command or option is one sentence; no command is the help."""
    assert _run("upp")[0] == 2 and "No such command 'upp'" in _run("upp")[2]
    assert _run("init", "--nonsense")[2].startswith("ERROR: No such option '--nonsense'")
    code, _, errors = _run()
    assert code == 2 and "init" in errors


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints the one version."""
    standalone.main(["--version"])

    assert capsys.readouterr().out == f"turnup {workspace.VERSION}\n"
