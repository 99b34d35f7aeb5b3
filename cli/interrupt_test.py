"""Tests of the whole command as a process that is interrupted."""

import os
import signal
import subprocess
import sys
import time

import pytest

# A Bazel that waits to be told to stop, and writes down what told it.
BAZEL = """#!/bin/sh
[ "$1" = --version ] && { echo bazel 4.2.3; exit; }
trap 'echo INT >> "$WORK/got"; exit 8' INT
trap 'echo TERM >> "$WORK/got"; exit 8' TERM
touch "$WORK/ready"
while :; do sleep 0.05; done
"""
COMMAND = """
import sys
sys.path[:] = sys.argv[1].split(chr(10))
from cli import main
from cli.common import tools
tools.TOOLS = ()
sys.exit(main.main(sys.argv[2:]))
"""


@pytest.fixture
def started(tmp_path):
    """A running `turnup test //x` with that Bazel, in its own process group, as from a terminal."""
    bazel = tmp_path / "bin" / "bazel"
    bazel.parent.mkdir()
    bazel.write_text(BAZEL)
    bazel.chmod(0o755)
    env = {**os.environ, "PATH": f"{bazel.parent}:{os.environ['PATH']}", "WORK": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)}
    child = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "\n".join(sys.path), "test", "//x"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 30
    while not (tmp_path / "ready").exists():
        assert child.poll() is None and time.monotonic() < deadline, child.communicate()
        time.sleep(0.02)
    try:
        yield child
    finally:
        child.kill()


@pytest.mark.parametrize(("signum", "name"), [(signal.SIGINT, "INT"), (signal.SIGTERM, "TERM")])
@pytest.mark.parametrize("send", [os.kill, os.killpg], ids=["to the command", "to the terminal's group"])
def test_interrupted(started, tmp_path, signum, name, send):
    """Either way the child gets one signal, the exit code is 128 + N, and one sentence says what to do."""
    send(started.pid, signum)
    out, err = started.communicate(timeout=30)

    assert started.returncode == 128 + signum
    assert (tmp_path / "got").read_text() == f"{name}\n"
    assert err.splitlines()[-1] == f"ERROR: stopped by SIG{name}; run the same command again"
    assert "Traceback" not in err and out == ""
