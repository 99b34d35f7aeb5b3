"""Tests of how errors leave the programs."""

from __future__ import annotations

import io

import pytest

from rules.k8s.tools.errors import ApiError, TurnupError, UsageError, WrongClusterError, run_main


def run(error: BaseException, **options) -> tuple[int, str]:
    """Runs a body that raises; returns exit code and stderr."""
    err = io.StringIO()

    def body() -> int:
        raise error

    return run_main(body, stderr=err, **options), err.getvalue()


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (TurnupError("one\n  sentence."), 1, "ERROR: one sentence.\n"),
        (UsageError("usage."), 2, "ERROR: usage.\n"),
        (WrongClusterError("cluster."), 3, "ERROR: cluster.\n"),
        (ApiError(409, "Conflict", "taken."), 1, "ERROR: taken.\n"),
        (FileNotFoundError(2, "No such file or directory", "/x"), 1, "ERROR: /x: No such file or directory; correct it and run again.\n"),
        (KeyError("spec"), 1, "ERROR: internal error, KeyError: 'spec'; run again with TURNUP_DEBUG=1 and report what it prints.\n"),
        (KeyboardInterrupt(), 130, "ERROR: interrupted; run the same command again to continue.\n"),
    ],
)
def test_every_error_is_one_sentence(error, code, text, monkeypatch):
    """Any exception becomes one line and an exit code, without a traceback."""
    monkeypatch.delenv("TURNUP_DEBUG", raising=False)

    assert run(error) == (code, text)


def test_debug_adds_the_traceback_without_secrets(monkeypatch):
    """With TURNUP_DEBUG the traceback follows, redacted like the sentence."""
    monkeypatch.setenv("TURNUP_DEBUG", "1")
    code, text = run(ValueError("canary"), redact=lambda words: words.replace("canary", "***"))

    assert code == 1 and "Traceback" in text and "***" in text and "canary" not in text


def test_failed_replaces_the_code():
    """A program whose exit codes do not mean failure chooses its own code for errors."""
    assert run(WrongClusterError("no."), failed=2)[0] == 2
    assert run_main(lambda: 1, failed=2) == 1
