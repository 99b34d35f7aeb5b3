"""Tests of the command line: arguments, exit codes and errors."""

import io
import os
import signal

import click
import pytest

from cli import main, testing, up
from cli.check import commands as check_commands
from cli.check import files
from cli.common import tools, workspace
from cli.common.session import Session
from cluster.common import errors
from cluster.common.fake_process import FakeRunner


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Keeps logs out of the user's home folder, and the caller's cluster out of the tests."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("TURNUP_CONTEXT", raising=False)


def run(*words, runner=None):
    """Runs the command and returns its exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    code = main.main(words, out, err, runner or FakeRunner())
    return code, out.getvalue(), err.getvalue()


def raising(error):
    """Returns a function that takes any arguments and raises the error."""

    def function(*_args, **_kwargs):
        raise error

    return function


def test_version(capsys):
    """--version prints the version and nothing else."""
    assert run("--version")[0] == 0
    assert capsys.readouterr().out == f"turnup {workspace.VERSION}\n"


@pytest.mark.parametrize(("words", "sentence"), [
    (["nonsense"], "ERROR: No such command 'nonsense'."),
    (["doctor", "--bogus"], "ERROR: No such option"),
    (["test", "--test_filter=x"], "ERROR: --test_filter=x is not a target; put flags for bazel test after --"),
    (["up", "extra"], "ERROR: Got unexpected extra argument"),
    (["--context", "", "up"], "ERROR: --context: the name is empty"),
])  # fmt: skip
def test_wrong_usage(words, sentence):
    """Wrong arguments are exit code 2 and one sentence."""
    code, out, err = run(*words)

    assert (code, out) == (2, "")
    assert err.startswith(sentence) and err.count("\n") == 1


def test_commands():
    """What can be typed is public: a new or a missing command is a decision."""
    context = click.Context(main.turnup)
    commands = {name: main.turnup.get_command(context, name) for name in main.turnup.list_commands(context)}

    assert [name for name, command in commands.items() if not command.hidden] == [
        "check", "cluster", "doctor", "fix", "init", "registry", "test", "up", "update",
    ]  # fmt: skip
    assert [name for name, command in commands.items() if not command.help] == []


def test_no_command_shows_the_help():
    """Without a command the help is printed, without an error, and the exit code is that of wrong usage."""
    code, _, err = run()

    assert code == 2
    assert err.startswith("Usage: turnup ")


@pytest.mark.parametrize(("error", "code", "text"), [
    (errors.TurnupError("no room"), 1, "ERROR: no room\n"),
    (errors.UsageError("bad name"), 2, "ERROR: bad name\n"),
    (errors.Interrupted(signal.SIGINT), 130, "ERROR: stopped by SIGINT; run the same command again\n"),
    (errors.Interrupted(signal.SIGTERM), 143, "ERROR: stopped by SIGTERM; run the same command again\n"),
    (errors.StepFailed("step", tail="its words"), 1, "its words\nERROR: step\n"),
    (PermissionError(13, "Permission denied", "/x"), 1, "ERROR: /x: Permission denied\n"),
    (ValueError("odd"), 1, "ERROR: unexpected ValueError: odd; run it again with -v and report the stack trace\n"),
    (click.UsageError("click"), 2, "ERROR: click\n"),
])  # fmt: skip
def test_errors_are_one_sentence(monkeypatch, error, code, text):
    """Every error is one sentence on stderr, without a stack trace, and has its own exit code."""
    monkeypatch.setattr(up, "run", raising(error))

    assert run("up") == (code, "", text)


def test_errors_from_the_cluster_commands(monkeypatch):
    """An error of another class with an exit code, as in rules/common, is printed the same way."""

    class Foreign(Exception):
        exit_code = 2

    monkeypatch.setattr(up, "run", raising(Foreign("no such cluster")))

    assert run("up")[0::2] == (2, "ERROR: no such cluster\n")


@pytest.mark.parametrize("command", ["check", "fix"])
def test_full_disk_behind_stderr(monkeypatch, command):
    """If progress can't be printed, the command fails quietly: there is no place for a sentence."""
    monkeypatch.setattr(files, "changed", lambda runner, root: files.FileSet(None, (), ()))
    with open("/dev/full", "w") as full:
        assert main.main([command], io.StringIO(), full, FakeRunner()) == 1
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


def test_verbose_shows_the_trace(monkeypatch):
    """With -v an error comes with a stack trace."""
    monkeypatch.setattr(up, "run", raising(errors.TurnupError("no room")))
    err = run("-v", "up")[2]

    assert "Traceback" in err and err.endswith("ERROR: no room\n")


@pytest.mark.parametrize(("words", "environ", "context"), [
    ([], {}, None),
    (["--context", "kind-x"], {}, "kind-x"),
    ([], {"TURNUP_CONTEXT": "shell"}, "shell"),
    (["--context", "kind-x"], {"TURNUP_CONTEXT": "shell"}, "kind-x"),
])  # fmt: skip
def test_context(monkeypatch, words, environ, context):
    """--context overrides TURNUP_CONTEXT; without both, the cluster is that of cluster_constants.bzl."""
    seen = []
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(up, "run", lambda session: seen.append(session.context) or 0)

    assert run(*words, "up")[0] == 0
    assert seen == [context]


def test_test_splits_at_dashes(monkeypatch):
    """Targets, also negative ones, come before --, flags for Bazel after it."""
    seen = []
    monkeypatch.setattr(testing, "run", lambda bazel, targets, flags, out, checks: seen.append((targets, flags, checks)) or 0)
    monkeypatch.setattr(main, "ensure_tools", lambda session: None)

    assert run("test", "//...", "-//a/...", "--", "--test_filter=x", "-c", "opt")[0] == 0
    assert seen == [(("//...", "-//a/..."), ["--test_filter=x", "-c", "opt"], None)]


def test_test_of_everything_builds_kubernetes_first(monkeypatch):
    """Without targets, the embedded Kubernetes is built first, outside any test's timeout, and the repository is checked."""
    order = []
    monkeypatch.setattr(main, "ensure_tools", lambda session: order.append("tools"))
    monkeypatch.setattr(up, "build_kubernetes", lambda session: order.append("kubernetes"))
    monkeypatch.setattr(check_commands, "check_all", lambda session: order.append("checks"))
    monkeypatch.setattr(testing, "run", lambda *_: order.append("tests") or 3)

    assert run("test")[0] == 3
    assert order == ["tools", "kubernetes", "checks", "tests"]


def test_bazel_missing(tmp_path, monkeypatch):
    """Without a supported Bazel, the error says what was found and what to install."""
    monkeypatch.setenv("PATH", str(tmp_path))
    session = Session(FakeRunner(), io.StringIO(), io.StringIO(), environ={"PATH": str(tmp_path), "HOME": "/h", "USER": "u"})
    with pytest.raises(errors.TurnupError, match=f"needs Bazel {tools.BAZEL.wanted}, and no bazel is on PATH; run apt-get install"):
        session.bazel().run(["version"])
