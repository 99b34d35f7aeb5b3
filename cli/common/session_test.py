"""Tests of the steps that several commands share: running a child process, and installing tools."""

import io
import os

import pytest

from cli.common import session, tools
from cluster.common import errors
from cluster.common.fake_process import FakeRunner


@pytest.fixture
def call(tmp_path):
    """A call of the command with a fake runner."""
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path), "USER": "jane"}
    return session.Session(FakeRunner(), io.StringIO(), io.StringIO(), environ)


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """The only tool that is needed; it is installed if its file exists."""
    one = tools.Tool("thing", "2", "thing-package", paths=(str(tmp_path / "thing"),))
    monkeypatch.setattr(tools, "TOOLS", (one,))
    return one


def test_child_output_goes_to_a_private_log(call):
    """The log is in a folder that only the user can read, and progress shows its newest line."""
    call.runner.answer("make", output="first\nlast")
    with call.progress.step("Make") as step:
        call.call(step, ["make"], "make", "it failed")

    log = call.log("make")
    assert step.latest == "last"
    assert log.read_text() == "first\nlast\n"
    assert os.stat(log.parent).st_mode & 0o077 == 0


def test_old_logs_are_removed(call):
    """Only the newest logs are kept."""
    folder = call.log("x").parent
    names = [f"20260101-{n:06}-1-up.log" for n in range(100)]
    for name in names:
        (folder / name).touch()
    call.log("x")

    assert sorted(path.name for path in folder.iterdir()) == names[-60:]


def test_failed_child(call):
    """The error has the given sentence, the log and the log's last lines."""
    call.runner.answer("make", code=2, output="\n".join(f"line {n}" for n in range(50)))
    with pytest.raises(errors.StepFailed, match="it failed") as caught, call.progress.step("Make") as step:
        call.call(step, ["make"], "make", "it failed")

    assert caught.value.tail.splitlines()[-1] == "line 49"
    assert len(caught.value.tail.splitlines()) == 20


def test_tools_all_there(call, tool):
    """Nothing runs if nothing is missing."""
    open(tool.paths[0], "w").close()
    session.ensure_tools(call)

    assert call.runner.calls == []
    assert "ok Tools (all installed)" in call.stderr.getvalue()


def test_tools_are_installed(call, tool, monkeypatch):
    """A missing tool's package is installed, and the tool is searched again."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    call.runner.answer("install", then=lambda: open(tool.paths[0], "w").close())
    session.ensure_tools(call)

    assert call.runner.count("install thing-package") - call.runner.count("--simulate") == 1
    assert "installed thing-package" in call.stderr.getvalue()


def test_tool_that_does_not_appear(call, tool, monkeypatch):
    """If the package does not provide the tool, the error says what is needed."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(errors.StepFailed, match="turnup needs thing 2, and it is not on PATH; put the one of Debian's package thing-package"):
        session.ensure_tools(call)
