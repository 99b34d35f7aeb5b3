"""The errors of the commands: each one is a sentence for the user and an exit code.

TurnupError (exit 1)             the base of every error, in rules/common/errors.py
├── UsageError (exit 2)          an argument or an environment variable is wrong; nothing was changed; in rules/common/errors.py
├── ClusterError (exit 1)        a cluster command failed
│   └── ApiError                 the API server refused a request or does not answer (embedded/api/client.py)
├── StepFailed (exit 1)          a child process failed; carries the child's log
├── AlreadyReported (exit 1)     a child process failed and has printed the reason itself
└── Interrupted (exit 128 + N)   signal N arrived and was passed on to the children

A message names the place, says what is wrong there and what to do. The commands print it as `ERROR: …` in one place.
"""

from __future__ import annotations

import signal
from pathlib import Path

from rules.common.errors import TurnupError, UsageError

__all__ = ["AlreadyReported", "ClusterError", "Interrupted", "StepFailed", "TurnupError", "UsageError"]


class ClusterError(TurnupError):
    """A cluster command failed."""


class StepFailed(TurnupError):
    """A child process failed.

    Args:
        message: one sentence: what failed and what to do.
        log: the file that has everything the child printed; None if it printed to the terminal.
        tail: the last lines of that log, printed before the sentence.
    """

    def __init__(self, message: str, log: Path | None = None, tail: str = "") -> None:
        super().__init__(message)
        self.log = log
        self.tail = tail


class AlreadyReported(TurnupError):
    """A child process that prints to the terminal failed and has printed why.

    Args:
        code: the child's exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")


class Interrupted(TurnupError):
    """A signal ended the run. Running the same command again continues from there.

    Args:
        signum: the number of the signal.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}; run the same command again to continue")
        self.exit_code = 128 + signum
