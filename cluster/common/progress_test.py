"""Tests of progress, on a pipe and on a terminal."""

import io
import subprocess
import sys

import pytest

from cluster.common import progress
from cluster.common.errors import Interrupted


class Clock:
    """A clock, in seconds, that only a test advances."""

    now = 0.0

    def __call__(self):
        """Returns the time."""
        return self.now


@pytest.fixture
def clock():
    """A clock that the test advances."""
    return Clock()


@pytest.mark.parametrize(("duration", "text"), [(0.04, "0.0 s"), (12.34, "12.3 s"), (99.9, "99.9 s"), (125, "2 min 05 s")])
def test_durations(duration, text):
    """Durations are formatted for people."""
    assert progress.format_seconds(duration) == text


def test_plain_lines(clock):
    """Piped, a step is one line at its start and one with its time and result, without escape codes."""
    out = io.StringIO()
    shown = progress.Progress(out, terminal=False, clock=clock)
    with shown.step("Tools") as step:
        clock.now = 2.5
        step.note("unpacking [x]")
        step.summary = "installed runc"

    assert out.getvalue() == "-> Tools\nok Tools (installed runc), 2.5 s\n"


def fail_in_a_step(shown):
    """Runs a step that prints a line and fails."""
    with shown.step("Tools") as step:
        step.note("y")
        raise RuntimeError("no")


def test_failed_step(clock):
    """An exception marks the step as failed and is passed on."""
    out = io.StringIO()
    shown = progress.Progress(out, terminal=False, clock=clock)
    with pytest.raises(RuntimeError):
        fail_in_a_step(shown)

    assert out.getvalue().splitlines()[-1] == "failed Tools, 0.0 s"


@pytest.mark.parametrize("error", [Interrupted(2), KeyboardInterrupt()])
def test_stopped(error):
    """A signal marks the step as stopped: it found nothing wrong."""
    out = io.StringIO()

    def stop():
        with progress.Progress(out, terminal=False, clock=lambda: 0.0).step("Tools"):
            raise error

    with pytest.raises(type(error)):
        stop()

    assert out.getvalue().splitlines()[-1] == "stopped Tools, 0.0 s"


def test_heartbeat(clock):
    """A long step prints its newest line once in each interval."""
    out = io.StringIO()
    shown = progress.Progress(out, terminal=False, clock=clock)
    with shown.step("Build") as step:
        step.note("compiling")
        clock.now = progress.HEARTBEAT_SECONDS + 1
        shown.tick()
        shown.tick()

    assert out.getvalue().count("   Build: 31.0 s compiling\n") == 1


def test_several_at_once(clock):
    """Two steps can overlap, and each ends with its own time."""
    out = io.StringIO()
    shown = progress.Progress(out, terminal=False, clock=clock)
    with shown.step("Long"):
        clock.now = 1
        with shown.step("Short"):
            clock.now = 3
        clock.now = 10

    assert out.getvalue().splitlines()[2:] == ["ok Short, 2.0 s", "ok Long, 10.0 s"]


def test_terminal(clock):
    """On a terminal, the closing line is the last one, after the spinner is gone."""
    out = io.StringIO()
    with progress.Progress(out, terminal=True, clock=clock).step("Tools") as step:
        step.note("unpacking")

    assert "Tools" in out.getvalue().splitlines()[-1]


def test_failed_step_on_a_terminal(clock):
    """On a terminal too, a failed step leaves a line, and the exception is passed on."""
    out = io.StringIO()
    shown = progress.Progress(out, terminal=True, clock=clock)
    with pytest.raises(RuntimeError):
        fail_in_a_step(shown)

    assert "failed" in out.getvalue().splitlines()[-1]


@pytest.mark.parametrize("terminal", [False, True])
def test_lines_between_steps(terminal):
    """A line between steps is printed as it is, brackets included."""
    out = io.StringIO()
    progress.Progress(out, terminal=terminal).say("see [this]")

    assert out.getvalue() == "see [this]\n"


@pytest.mark.parametrize("isatty", [False, True])
def test_choice(isatty, clock, monkeypatch):
    """A terminal gets the live display, and any other stream plain lines."""
    out = io.StringIO()
    monkeypatch.setattr(out, "isatty", lambda: isatty)
    with progress.Progress(out, clock=clock).step("Tools"):
        pass

    assert ("-> Tools" in out.getvalue()) != isatty


def test_quiet_step(clock):
    """On a terminal, a quiet step is one line at its start and one at its end, without a spinner."""
    out = io.StringIO()
    with progress.Progress(out, terminal=True, clock=clock).step("Apply", quiet=True):
        pass

    lines = out.getvalue().splitlines()
    assert lines[0] == "-> Apply" and lines[1].endswith("Apply, 0.0 s") and len(lines) == 2


def test_piped_output_does_not_import_rich():
    """A piped command does not wait for the import of rich."""
    program = "import io, sys\nfrom cluster.common.progress import Progress\nwith Progress(io.StringIO()).step('x'): pass\nsys.exit('rich' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", f"import sys\nsys.path[:] = {sys.path!r}\n{program}"], check=False).returncode == 0


def test_silence():
    """The silent form prints nothing and passes exceptions on."""
    silent = progress.SilentProgress()
    silent.say("x")
    with pytest.raises(RuntimeError, match="no"):
        fail_in_a_step(silent)
