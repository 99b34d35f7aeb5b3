"""Tests of progress on terminals and in pipes."""

from __future__ import annotations

import io
import re

import pytest

from cluster.progress import LineProgress, SilentProgress, TerminalProgress, for_stream


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_choice() -> None:
    """A terminal gets the live form, anything else plain lines."""
    assert isinstance(for_stream(_Terminal()), TerminalProgress)
    assert isinstance(for_stream(io.StringIO()), LineProgress)


def test_lines() -> None:
    """A step is a line when it begins and one with its time when it ends; no control characters."""
    stream = io.StringIO()
    progress = LineProgress(stream)
    with progress.step("Working"):
        pass
    progress.note("done")

    assert re.fullmatch(r"Working …\nWorking: done in 0\.\d s\ndone\n", stream.getvalue())


def test_failed_step() -> None:
    """A step that an exception leaves is shown as failed, in both forms, and the exception goes on."""
    for stream in (io.StringIO(), _Terminal()):
        with pytest.raises(ValueError, match="no"), for_stream(stream).step("Working"):
            raise ValueError("no")

        assert "failed after" in stream.getvalue() or "✗" in stream.getvalue()


def test_terminal() -> None:
    """A finished step stays as one line with a tick; notes are shown as they are."""
    stream = _Terminal()
    progress = TerminalProgress(stream)
    with progress.step("Working"):
        pass
    progress.note("see [this]")

    assert "✓" in stream.getvalue()
    assert "see [this]" in stream.getvalue()


def test_silence() -> None:
    """The silent form takes everything and passes exceptions on."""
    progress = SilentProgress()
    progress.note("x")
    with pytest.raises(ValueError, match="no"), progress.step("x"):
        raise ValueError("no")
