"""The errors of rules/k8s; each ends a program with one sentence.

    TurnupError            exit 1   something failed
    ├── UsageError         exit 2   the command line is wrong
    ├── WrongClusterError  exit 3   the cluster is not the one that the target is made for
    ├── ApiError           exit 1   the API server refused a request
    └── UnreachableError   exit 1   the API server does not answer

Nothing below `main` prints or exits: errors travel up as exceptions, and `run_main`
alone prints them.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any, TextIO

from rules.common.control_characters import strip_control_characters
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

# Errors of writes to the standard streams, which name no file.
_OF_DISKS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Terminated(KeyboardInterrupt):
    """A signal told the process to end.

    Attributes:
        exit_code: 128 plus the signal's number, as in shells.
    """

    def __init__(self, number: int) -> None:
        super().__init__()
        self.exit_code = 128 + number


class WrongClusterError(TurnupError):
    """The kubeconfig leads to another cluster than the one that the target names."""

    exit_code = 3


class UnreachableError(TurnupError):
    """The API server does not answer, so the run's other requests are not worth an attempt."""


# What the server answers, with status 500, to an apply of an object that does not match its schema.
_SCHEMA = ("failed to create typed patch object", "failed to convert new object")


def is_schema_error(message: str) -> bool:
    """Returns whether a server's message is about an object that does not match its schema, so that another attempt is useless."""
    return any(words in message for words in _SCHEMA)


def is_namespace_terminating(message: str) -> bool:
    """Returns whether a server's message is about a terminating namespace, in which nothing can be created."""
    return "is being terminated" in message


class ApiError(TurnupError):
    """The API server answered a request with a Status that is not a success.

    Attributes:
        status: HTTP status code, for example 409.
        reason: the machine-readable reason of the Status, for example `Conflict`; "" when absent.
        message: the server's own words.
        details: the Status' `details` object; {} when absent.
        request: what was refused and by which server, for an error that ends the run without another explanation; "" when unknown.
    """

    def __init__(self, status: int, reason: str, message: str, details: dict[str, Any] | None = None, request: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details = details or {}
        self.request = request


def run_main(
    body: Callable[[], int],
    *,
    stderr: TextIO | None = None,
    redact: Callable[[str], str] = lambda text: text,
    failed: int | None = None,
    tell: Callable[[str, int], None] | None = None,
    reads: bool = True,
) -> int:
    """Runs `body` and turns an exception into one line on stderr and an exit code.

    Args:
        body: the program; returns its exit code.
        stderr: where the sentence is printed; sys.stderr when None.
        redact: applied to every message, so that no error shows a secret.
        failed: the exit code of every error; the error's own when None.
        tell: called with the sentence and the exit code instead of printing to `stderr`.
        reads: the program only prints what exists, so it exits quietly with 0 when its reader closes the pipe.

    Returns:
        The exit code: what `body` returned, the error's, 130 when interrupted, or that of `Terminated`.
        With TURNUP_DEBUG set the traceback is printed after the sentence.
    """
    out = stderr or sys.stderr

    def say(sentence: str, code: int) -> int:
        sentence = redact(strip_control_characters(redact(sentence)))
        try:
            if tell:
                tell(sentence, code)
            else:
                print("ERROR: " + " ".join(sentence.split()), file=out, flush=True)
        except OSError:
            # The output itself failed; the other stream may be another file.
            with contextlib.suppress(OSError, ValueError):
                print("ERROR: " + " ".join(sentence.split()), file=out, flush=True)
        return code

    try:
        return body()
    except KeyboardInterrupt as interrupt:
        return say("interrupted; run the same command again to continue.", interrupted_code(interrupt))
    except Exception as error:  # noqa: BLE001 (every error, a bug too, must become one sentence)
        if reads and isinstance(error, BrokenPipeError):
            # The reader of stdout (head, less) closed it, which is not a failure.
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 (it stays open until the process exits)
            return 0
        sentence, code = _sentence(error)
        say(sentence, code if failed is None else failed)
        if os.environ.get("TURNUP_DEBUG"):
            print(redact(traceback.format_exc()), file=out)
        return code if failed is None else failed


def interrupted_code(interrupt: KeyboardInterrupt) -> int:
    """Returns the exit code of a process that was interrupted."""
    return interrupt.exit_code if isinstance(interrupt, Terminated) else EXIT_INTERRUPTED


def _sentence(error: Exception) -> tuple[str, int]:
    """Returns the sentence and the exit code of an error."""
    if isinstance(error, ApiError) and error.request:
        return f"{error.request} was refused ({error.status}: {error.message}).", error.exit_code
    if isinstance(error, TurnupError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else "the output: " if error.errno in _OF_DISKS else ""
        return f"{where}{error.strerror or error}; correct it and run again.", 1
    # A bug. Its message may quote an object, so it is redacted like any other.
    return f"internal error, {type(error).__name__}: {error}; run again with TURNUP_DEBUG=1 and report what it prints.", 1
