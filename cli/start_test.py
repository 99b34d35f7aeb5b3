"""Tests of the command as a process: signals from its first moment on, and standard streams that do not accept output."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

MAIN = Path(__file__).parent / "__main__.py"
FULL = "ERROR: cannot write the output or a log: No space left on device. Free space or redirect the output, then run the same command again.\n"


def begin(*words, redirect="", path=(), **settings):
    """Starts the command with a shell that redirects its streams; the modules in path hide others."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, path), *sys.path])}
    argv = ["sh", "-c", f'exec "$@" {redirect}', "sh", sys.executable, str(MAIN), *words]
    return subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings)


def run(*words, redirect=""):
    """Runs the command and returns its exit code, stdout and stderr."""
    child = begin(*words, redirect=redirect)
    out, err = child.communicate(timeout=60)
    assert "Traceback" not in out + err and "Exception ignored" not in out + err
    return child.returncode, out, err


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["update", "--list"], ["check", "--help"]], ids=" ".join)
def test_full_disk_behind_the_output(words):
    """An output that can't be written is one sentence and exit code 1, also if the sentence can't be written either."""
    assert run(*words, redirect=">/dev/full") == (1, "", FULL)
    assert run(*words, redirect=">/dev/full 2>/dev/full") == (1, "", "")
    assert run(*words, redirect="2>/dev/full")[0::2] == (0, "")


@pytest.mark.parametrize("redirect", ["2>/dev/full", "2>&-", "2</dev/null", "<&- >&- 2>&-"])
def test_unwritable_error(redirect):
    """If an error can't be printed, the exit code still tells it."""
    assert run("nonsense", redirect=redirect) == (2, "", "")


@pytest.mark.parametrize("redirect", ["<&-", "2>&-", "<&- 2>&-", "2</dev/null"])
def test_closed_streams(redirect):
    """With closed streams, what goes to the others is unchanged. A shell may leave its script open in place of a closed stream."""
    assert run("update", "--list", redirect=redirect) == (0, run("update", "--list")[1], "")


@pytest.mark.parametrize("redirect", [">&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_output(redirect):
    """A closed stdout discards the output, as Python's own does."""
    assert run("update", "--list", redirect=redirect) == (0, "", "")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["update", "--list"], ["doctor"]], ids=" ".join)
def test_reader_that_has_gone(words):
    """A broken pipe ends the command quietly with 141, as SIGPIPE ends other programs."""
    child = begin(*words)
    child.stdout.close()
    child.stdout = None

    assert (child.communicate(timeout=60)[1], child.returncode) == ("", 141)


@pytest.mark.parametrize(("signum", "name"), [(signal.SIGINT, "SIGINT"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")])
@pytest.mark.parametrize("blocked", [False, True])
def test_signal_while_modules_are_loaded(tmp_path, signum, name, blocked):
    """A signal while modules are loading prints the same sentence as at any other moment, also if the launcher has blocked it."""
    (tmp_path / "click.py").write_text("import time\nprint('loading', flush=True)\nwhile True:\n    time.sleep(0.05)\n")
    block = (lambda: signal.pthread_sigmask(signal.SIG_BLOCK, [signum])) if blocked else None
    child = begin("doctor", path=[tmp_path], preexec_fn=block)
    assert child.stdout.readline() == "loading\n"
    child.send_signal(signum)

    assert child.communicate(timeout=10) == ("", f"ERROR: stopped by {name}; run the same command again\n")
    assert child.returncode == 128 + signum


def test_signal_that_is_ignored_stays_so(tmp_path):
    """Under nohup, a closed terminal does not end the command while it starts."""
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGHUP)\nprint('alive', flush=True)\nos._exit(7)\n")
    child = begin("doctor", path=[tmp_path], preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))

    assert (child.communicate(timeout=10), child.returncode) == (("alive\n", ""), 7)
