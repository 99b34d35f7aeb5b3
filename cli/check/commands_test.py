"""The commands as they are typed: words, exit codes, last lines; and a real run that is interrupted."""

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
# A workspace that has one tool, which says that it has started and then waits to be stopped.
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
    """Types a command: returns a function of its words that gives exit code, stdout and stderr, and what was looked at."""
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
    """What the tools come to, to be filled by the test."""
    made = [running.Outcome("gofmt", passed=True)]
    for name in ("check", "fix"):
        monkeypatch.setattr(running, name, lambda session, chosen, box: made)
    return made


@pytest.mark.parametrize("command", ["check", "fix"])
@pytest.mark.parametrize(("words", "looked_at"), [([], "changed"), (["--all"], "everything"), (["a", "b"], ("a", "b"))])
def test_which_files(typed, outcomes, command, words, looked_at):
    """What has changed by default, everything with --all, or what is named."""
    assert typed(command, *words) == (0, "", "", [looked_at])


@pytest.mark.parametrize("command", ["check", "fix"])
def test_paths_and_all_exclude_each_other(typed, command):
    """Two answers to one question are wrong usage."""
    assert typed(command, "--all", "a")[:3] == (2, "", "ERROR: --all takes no PATHS. Use one of the two.\n")


@pytest.mark.parametrize(("found", "sentence"), [
    (["ruff"], "ruff found something"),
    (["ruff", "mypy"], "ruff and mypy found something"),
    (["ruff", "mypy", "gofmt"], "ruff, mypy and gofmt found something"),
])  # fmt: skip
def test_findings_exit_with_1(typed, outcomes, found, sentence):
    """The last line names the tools that found something and what to do."""
    outcomes += [running.Outcome(name, passed=False, text="x") for name in found]

    assert typed("check")[:3] == (1, "", f"ERROR: {sentence}: see above. Run ./turnup fix, then correct what is left.\n")


@pytest.mark.parametrize("command", ["check", "fix"])
def test_missing_tools_exit_with_1(typed, outcomes, command):
    """What could not be checked has not passed; its sentence was printed already."""
    outcomes.append(running.Outcome("ruff", passed=False, missing="ruff is missing"))

    assert typed(command)[:3] == (1, "", "")


@pytest.mark.parametrize("command", ["check", "fix"])
def test_nothing_to_look_at(typed, outcomes, command):
    """An empty change passes, and says so."""
    outcomes.clear()

    assert typed(command)[:3] == (0, "", "No file has changed. Use --all to take every file, or name PATHS.\n")


def test_all_checks_are_test_cases(typed, outcomes, monkeypatch):
    """`turnup test` counts each tool, on the whole repository."""
    outcomes.append(running.Outcome("ruff", passed=False, text="x"))
    session = type("Session", (), {"runner": None, "root": None})()

    assert commands.check_all(session).line() == "1 passed, 1 failed"


def test_update_list(typed):
    """The names are data: on stdout."""
    assert typed("update", "--list")[:3] == (0, update.table(), "")


def test_update_names(typed, monkeypatch):
    """Names reach the table as they are typed."""
    seen = []
    monkeypatch.setattr(update, "run", lambda session, names: seen.append(names) or 0)

    assert (typed("update", "python", "go")[0], seen) == (0, [("python", "go")])


def test_interrupted(tmp_path):
    """Ctrl-C reaches the running tools; the command ends with 130 and one sentence, without a finding or a trace."""
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
    assert err.splitlines()[-1] == "ERROR: stopped by SIGINT; run the same command again to continue"
    assert "Traceback" not in err
