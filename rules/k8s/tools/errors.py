"""The errors of rules/k8s, each of which ends a program with one sentence.

    TurnupError            exit 1   something failed
    ├── UsageError         exit 2   the command line is wrong
    ├── WrongClusterError  exit 3   the cluster at hand is not the one the target was made for
    ├── ApiError           exit 1   the API server refused a request
    └── UnreachableError   exit 1   the API server does not answer

Nothing below `main` prints or exits: errors travel up as exceptions and are
printed in one place, by `run_main`.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from typing import Callable, TextIO

from rules.common.errors import TurnupError, UsageError

__all__ = [
    "EXIT_INTERRUPTED",
    "ApiError",
    "Terminated",
    "TurnupError",
    "UnreachableError",
    "UsageError",
    "WrongClusterError",
    "interrupted_code",
    "is_namespace_terminating",
    "is_schema_error",
    "run_main",
]

EXIT_INTERRUPTED = 130

# Errors of writing that name no file: those of the standard streams.
_OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Terminated(KeyboardInterrupt):
    """The process was told to end by a signal.

    Attributes:
        exit_code: 128 and the signal's number, as shells say it.
    """

    def __init__(self, number: int):
        super().__init__()
        self.exit_code = 128 + number


class WrongClusterError(TurnupError):
    """The cluster that the kubeconfig leads to is not the one the target names."""

    exit_code = 3


class UnreachableError(TurnupError):
    """The API server does not answer: what is left to be asked or written is not worth a try of its own."""


# What the server says, with status 500, of an apply whose object does not fit its schema.
_SCHEMA = ("failed to create typed patch object", "failed to convert new object")


def is_schema_error(message: str) -> bool:
    """Says whether a server's message is about an object that does not fit its schema, and so the same at every attempt."""
    return any(words in message for words in _SCHEMA)


def is_namespace_terminating(message: str) -> bool:
    """Says whether a server's message is about a namespace that is being deleted: nothing can be made in it."""
    return "is being terminated" in message


class ApiError(TurnupError):
    """The API server answered a request with a Status that is not a success.

    Attributes:
        status: HTTP status code, for example 409.
        reason: the Status' machine-readable reason, for example `Conflict`; "" when absent.
        message: the server's own words.
        details: the Status' `details` object; {} when absent.
    """

    def __init__(self, status: int, reason: str, message: str, details: dict | None = None):
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details or {}


def run_main(
    body: Callable[[], int],
    *,
    stderr: TextIO | None = None,
    redact: Callable[[str], str] = lambda text: text,
    failed: int | None = None,
    tell: Callable[[str, int], None] | None = None,
    reads: bool = True,
) -> int:
    """Runs `body` and turns what it raises into one line on stderr and an exit code.

    Args:
        body: the program; returns its exit code.
        stderr: where the sentence goes; sys.stderr when None.
        redact: applied to every message, so that no secret leaves through an error.
        failed: the exit code of every error; the error's own when None.
        tell: called with the sentence and the exit code instead of printing on `stderr`.
        reads: the program only says what there is: it ends quietly, with 0, when nobody reads that any more.

    Returns:
        The exit code: what `body` returned, the error's, 130 when interrupted, or that of `Terminated`.
        With TURNUP_DEBUG set the traceback is printed after the sentence.
    """
    out = stderr or sys.stderr

    def say(sentence: str, code: int) -> int:
        try:
            if tell:
                tell(sentence, code)
            else:
                print("ERROR: " + redact(" ".join(sentence.split())), file=out, flush=True)
        except OSError:
            # The way out is what is in trouble; the other stream may be another file.
            with contextlib.suppress(OSError, ValueError):
                print("ERROR: " + redact(" ".join(sentence.split())), file=out, flush=True)
        return code

    try:
        return body()
    except KeyboardInterrupt as interrupt:
        return say("interrupted; run the same command again to continue.", interrupted_code(interrupt))
    except Exception as error:
        if reads and isinstance(error, BrokenPipeError):
            # The reader of stdout (head, less) went away: that is its choice, not a failure.
            sys.stdout = open(os.devnull, "w", encoding="utf-8")
            return 0
        sentence, code = _sentence(error)
        say(sentence, code if failed is None else failed)
        if os.environ.get("TURNUP_DEBUG"):
            print(redact(traceback.format_exc()), file=out)
        return code if failed is None else failed


def interrupted_code(interrupt: KeyboardInterrupt) -> int:
    """Returns what a process that was interrupted ends with."""
    return interrupt.exit_code if isinstance(interrupt, Terminated) else EXIT_INTERRUPTED


def _sentence(error: Exception) -> tuple[str, int]:
    """Returns the sentence and the exit code of an error."""
    if isinstance(error, TurnupError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else "the output: " if error.errno in _OF_DISKS else ""
        return f"{where}{error.strerror or error}; correct it and run again.", 1
    # A defect. Its message may quote an object, so it is redacted like any other.
    return f"internal error, {type(error).__name__}: {error}; run again with TURNUP_DEBUG=1 and report what it prints.", 1
