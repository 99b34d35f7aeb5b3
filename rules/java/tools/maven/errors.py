"""Errors of the Maven tools, and the one place that prints them.

    TurnupError               rules/common/errors.py
    ├── InputError            a list, a lock or settings.xml cannot be used (rules/common, too)
    └── MavenError            the work failed
        ├── FetchError        no repository has the file, or it differs from the lock
        └── ResolveError      the artifacts of a list do not go together, or one of them does not exist

Each message is one sentence that says where, what is wrong and what to do. None has a login.
"""

from __future__ import annotations

import sys

from rules.common.errors import InputError, TurnupError

__all__ = ["FetchError", "InputError", "MavenError", "ResolveError", "TurnupError", "run"]

TYPE_CHECKING = False  # Only type checkers load `typing`: a fetch from the cache takes milliseconds.
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO


class MavenError(TurnupError):
    """Base of every error of these tools that is not about their input."""


class FetchError(MavenError):
    """A file could not be downloaded, or differs from the lock."""


class ResolveError(MavenError):
    """A list of artifacts could not be resolved."""


def run(main: Callable[[Sequence[str]], int], argv: Sequence[str], stderr: TextIO | None = None) -> int:
    """Calls main(argv) and turns errors into a line on stderr and an exit code.

    Args:
        main: function that takes the arguments after the program name and returns an exit code.
        argv: those arguments.
        stderr: where errors go; sys.stderr when None.

    Returns:
        what main returned, the exit code of its error, or 130 after an interrupt.
    """
    stream = stderr or sys.stderr
    try:
        return main(argv)
    except TurnupError as error:
        print(f"ERROR: {error}", file=stream)
        return error.exit_code
    except OSError as error:
        reason = f"{error.filename}: {error.strerror}" if error.filename else str(error)
        print(f"ERROR: {reason}. Check that the disk has space and that this user may use the file.", file=stream)
        return 1
    except KeyboardInterrupt:
        print("ERROR: interrupted; nothing was changed", file=stream)
        return 130
