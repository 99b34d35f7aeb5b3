"""The command's errors. Each is one sentence for the user and an exit code; `main.main` prints them in one place.

TurnupError (exit 1)
├── UsageError (exit 2)          the command line or an environment variable is wrong
├── StepFailed (exit 1)          a child process failed; carries its log
├── SaidAlready (exit 1)         a child process failed in front of the user; nothing is left to say
└── Interrupted (exit 128 + N)   signal N arrived and was passed to the children
"""

import signal
from pathlib import Path


class TurnupError(Exception):
    """Something that the user can mend. The message names the place, what was found and what to do."""

    exit_code = 1


class UsageError(TurnupError):
    """The words on the command line, or a variable that stands for one, cannot be used."""

    exit_code = 2


class StepFailed(TurnupError):
    """A child process ended with an error.

    Args:
        message: one sentence: what failed and what to do.
        log: the file with all that the child printed; None where it printed straight to the user.
        tail: the last lines of that log, shown before the sentence.
    """

    def __init__(self, message: str, log: Path | None = None, tail: str = "") -> None:
        super().__init__(message)
        self.log = log
        self.tail = tail


class SaidAlready(TurnupError):
    """A child that prints straight to the user failed, in a sentence of its own.

    Args:
        code: the child's exit code.
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")


class Interrupted(TurnupError):
    """The user, or the system, ended the run. Running the same command again goes on from there.

    Args:
        signum: the number of the signal that arrived.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}; run the same command again to go on")
        self.exit_code = 128 + signum
