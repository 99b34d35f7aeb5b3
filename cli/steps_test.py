"""Progress: what is printed on a pipe and on a terminal."""

import io

import pytest

from cli import steps


class Clock:
    """A clock that stands until it is moved; seconds."""

    now = 0.0

    def __call__(self):
        """Tells the time."""
        return self.now


@pytest.fixture
def clock():
    """A clock that the test moves."""
    return Clock()


@pytest.mark.parametrize("duration, text", [(0.04, "0.0 s"), (12.34, "12.3 s"), (99.9, "99.9 s"), (125, "2 min 05 s")])
def test_durations(duration, text):
    """Seconds are written as a person reads them."""
    assert steps.seconds(duration) == text


def test_plain_lines(clock):
    """Piped, a step is one line at its start and one with its time and result; no escape codes."""
    out = io.StringIO()
    shown = steps.Steps(out, terminal=False, clock=clock)
    with shown.step("Tools") as step:
        clock.now = 2.5
        step.note("unpacking [x]")
        step.summary = "installed runc"

    assert out.getvalue() == "-> Tools\nok Tools (installed runc), 2.5 s\n"


def test_failed_step(clock):
    """An exception marks the step as failed and goes on."""
    out = io.StringIO()
    with pytest.raises(RuntimeError), steps.Steps(out, terminal=False, clock=clock).step("Tools"):
        raise RuntimeError

    assert out.getvalue().splitlines()[-1] == "failed Tools, 0.0 s"


def test_heartbeat(clock):
    """A long silent step gives a sign of life with its newest line, once in each interval."""
    out = io.StringIO()
    shown = steps.Steps(out, terminal=False, clock=clock)
    with shown.step("Build") as step:
        step.note("compiling")
        clock.now = steps.HEARTBEAT + 1
        shown.tick()
        shown.tick()

    assert out.getvalue().count("   Build: 31.0 s compiling\n") == 1


def test_several_at_once(clock):
    """Two steps overlap, and each closes with its own time."""
    out = io.StringIO()
    shown = steps.Steps(out, terminal=False, clock=clock)
    with shown.step("Long"):
        clock.now = 1
        with shown.step("Short"):
            clock.now = 3
        clock.now = 10

    assert out.getvalue().splitlines()[2:] == ["ok Short, 2.0 s", "ok Long, 10.0 s"]


def test_terminal(clock):
    """On a terminal the spinner is gone at the end and the closing line stays."""
    out = io.StringIO()
    with steps.Steps(out, terminal=True, clock=clock).step("Tools") as step:
        step.note("unpacking")

    assert "Tools" in out.getvalue().splitlines()[-1]
