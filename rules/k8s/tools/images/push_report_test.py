"""Tests of the progress of a push."""

from __future__ import annotations

import io

from rules.k8s.tools.images.push_report import PushReport


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Is always a terminal."""
        return True


def test_a_pipe_gets_one_line_an_image():
    """Piped output has a line for each pushed image and none for an image that the registry has."""
    lines: list[str] = []
    stream = io.StringIO()
    report = PushReport(lines.append, stream)
    for state in ("exists", "uploading", "uploaded", "pushed"):
        report.step(state, "python/server", "sha256:1", 10, 10)

    assert lines == ["  pushed      python/server"]
    assert stream.getvalue() == ""


def test_a_terminal_counts_bytes():
    """A terminal shows the number of bytes of all blobs, until an image is pushed."""
    stream = Terminal()
    report = PushReport(lambda line: None, stream)
    report.step("uploading", "a", "sha256:1", 2_000_000, 2_000_000)

    assert stream.getvalue() == "\r  pushing     2.0 MB"
    report.step("pushed", "a", "sha256:2", 0, 0)
    assert stream.getvalue().endswith("\r\x1b[K")
