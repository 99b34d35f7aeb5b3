"""Tests of the commands as users type them: arguments, exit codes, last lines; and of a real run that is interrupted."""

import io
import os
import signal
import subprocess
import sys
import time

import pytest

from cli import main
from cli.check import commands, files, running, update
from cluster.common.fake_process import FakeRunner

CHOSEN = files.FileSet(None, ("a.py",), ("a.py",))
# A workspace with one tool, which reports that it has started and then waits for a signal.
COMMAND = """
import sys
sys.path[:] = sys.argv[1].split(chr(10))
from pathlib import Path
from cli import main
from cli.check import commands, files, running, tools
work = Path(sys.argv[2])
calls = lambda box, chosen: [tools.Call(("sh", "-c", "trap 'echo INT > got; exit 1' INT; touch ready; while :; do sleep 0.05; done"))]
running.check.__defaults__ = ((tools.Tool("slow", (files.PYTHON,), calls),),)
files.changed = lambda runner, root: files.FileSet(work, ("a.py",), ("a.py",))
sys.exit(main.main(["check"]))
"""


@pytest.fixture
def typed(tmp_path, monkeypatch):
    """Returns a function that runs a command and returns its exit code, stdout, stderr and the chosen files."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    seen = []
    for name in ("everything", "changed"):
        monkeypatch.setattr(files, name, lambda runner, root, name=name: seen.append(name) or CHOSEN)
    monkeypatch.setattr(files, "below", lambda paths, runner, root: seen.append(paths) or CHOSEN)

    def run(*words):
        out, err = io.StringIO(), io.StringIO()
        return main.main(words, out, err, FakeRunner()), out.getvalue(), err.getvalue(), seen

    return run


@pytest.fixture
def outcomes(monkeypatch):
    """The outcomes of the tools; the test adds more."""
    made = [running.Outcome("gofmt", passed=True)]
    for name in ("check", "fix"):
        monkeypatch.setattr(running, name, lambda session, chosen, box: made)
    return made


@pytest.mark.parametrize("command", ["check", "fix"])
@pytest.mark.parametrize(("words", "looked_at"), [([], "changed"), (["--all"], "everything"), (["a", "b"], ("a", "b"))])
def test_which_files(typed, outcomes, command, words, looked_at):
    """A command takes the changed files by default, every file with --all, or the named files."""
    assert typed(command, *words) == (0, "", "", [looked_at])


@pytest.mark.parametrize("command", ["check", "fix"])
def test_paths_and_all_exclude_each_other(typed, command):
    """--all together with PATHS is wrong usage."""
    assert typed(command, "--all", "a")[:3] == (2, "", "ERROR: --all and PATHS cannot be combined. Use one of them.\n")


@pytest.mark.parametrize(("found", "sentence"), [
    (["ruff"], "ruff reported problems"),
    (["ruff", "mypy"], "ruff and mypy reported problems"),
    (["ruff", "mypy", "gofmt"], "ruff, mypy and gofmt reported problems"),
])  # fmt: skip
def test_findings_exit_with_1(typed, outcomes, found, sentence):
    """The last line names the tools that reported problems and what to do."""
    outcomes += [running.Outcome(name, passed=False, text="x") for name in found]

    assert typed("check")[:3] == (1, "", f"ERROR: {sentence}; they are above. Run ./turnup fix, then correct the rest by hand.\n")


@pytest.mark.parametrize("command", ["check", "fix"])
def test_missing_tools_exit_with_1(typed, outcomes, command):
    """A missing tool is a failure; its error is not printed twice."""
    outcomes.append(running.Outcome("ruff", passed=False, missing="ruff is missing"))

    assert typed(command)[:3] == (1, "", "")


@pytest.mark.parametrize("command", ["check", "fix"])
def test_nothing_to_look_at(typed, outcomes, command, monkeypatch):
    """Without a change, the command passes, with a line that says so."""
    outcomes.clear()
    monkeypatch.setattr(files, "changed", lambda runner, root: files.FileSet(None, (), ("a.py",)))

    assert typed(command)[:3] == (0, "", "No file has changed. Use --all to take every file, or name PATHS.\n")


@pytest.mark.parametrize(("command", "verb"), [("check", "checks"), ("fix", "corrects")])
@pytest.mark.parametrize(("names", "deleted", "words"), [
    (("README.md",), (), "README.md"),
    ((), ("gone.md",), "gone.md"),
    (("a.md", "b.md"), ("c.md",), "a.md or b.md or c.md"),
    (("a.md", "b.md", "c.md", "d.md", "e.md"), (), "a.md or b.md or c.md or 2 others"),
    (("\udcff.md",), (), "\\xff.md"),
])  # fmt: skip
def test_no_tool_for_what_has_changed(typed, outcomes, command, verb, names, deleted, words, monkeypatch):
    """A change that no tool checks or corrects passes, with a line that names the files."""
    outcomes.clear()
    monkeypatch.setattr(files, "changed", lambda runner, root: files.FileSet(None, names, names, deleted=deleted))

    sentence = f"No tool {verb} what has changed: {words}. Use --all to take every file, or name PATHS.\n"
    assert typed(command)[:3] == (0, "", sentence)


@pytest.mark.parametrize(("command", "verb"), [("check", "checks"), ("fix", "corrects")])
def test_no_tool_for_named_paths(typed, outcomes, command, verb):
    """Named paths that no tool checks or corrects pass, with a line that names them as typed: pre-commit names every file."""
    outcomes.clear()

    assert typed(command, "../README.md", "x")[:3] == (0, "", f"No tool {verb} ../README.md or x.\n")


def test_all_checks_are_test_cases(typed, outcomes, monkeypatch):
    """`turnup test` checks the whole repository and counts each tool as a test case."""
    outcomes.append(running.Outcome("ruff", passed=False, text="x"))
    session = type("Session", (), {"runner": None, "root": None})()

    assert commands.check_all(session).line() == "1 passed, 1 failed"


def test_update_list(typed):
    """The list goes to stdout, because it is data."""
    assert typed("update", "--list")[:3] == (0, update.table(), "")


@pytest.mark.parametrize("name", ["goldens", "nonexistent"])
def test_update_list_takes_no_names(typed, name):
    """--list together with names is wrong usage."""
    assert typed("update", "--list", name)[:3] == (2, "", "ERROR: --list and NAMES cannot be combined. Use one of them.\n")


def test_update_names(typed, monkeypatch):
    """The names on the command line reach the table unchanged."""
    seen = []
    monkeypatch.setattr(update, "run", lambda session, names: seen.append(names) or 0)

    assert (typed("update", "python", "go")[0], seen) == (0, [("python", "go")])


def test_interrupted(tmp_path):
    """Ctrl-C reaches the running tools; the command exits with 130 and one sentence, and prints neither findings nor a traceback."""
    env = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    words = [sys.executable, "-c", COMMAND, "\n".join(sys.path), str(tmp_path)]
    child = subprocess.Popen(words, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "ready").exists():
            assert child.poll() is None and time.monotonic() < deadline, child.communicate()
            time.sleep(0.02)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=30)
    finally:
        child.kill()

    assert (child.returncode, out, (tmp_path / "got").read_text()) == (130, "", "INT\n")
    assert err.splitlines()[-1] == "ERROR: stopped by SIGINT; run the same command again"
    assert "Traceback" not in err
