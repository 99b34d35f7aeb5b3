"""Errors of the image tools, and the one place that prints them.

    TurnupError               rules/common/errors.py
    ├── InputError            an input file or attribute cannot be used (rules/common, too)
    └── ImageError            the work failed
        └── PushError         a registry refused, or could not be reached
            └── LoginError    its token service refused a token

Each message is one sentence that says where, what is wrong and what to do.
"""

from __future__ import annotations

import errno
import os
import sys

from rules.common.errors import InputError, TurnupError

__all__ = ["ImageError", "InputError", "LoginError", "PushError", "TurnupError", "check_written", "mask_login", "run", "writing"]

TYPE_CHECKING = False  # Only type checkers load `typing`: it takes longer than a small push.
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO


class ImageError(TurnupError):
    """Base of every error of these tools that is not about their input."""


class PushError(ImageError):
    """A registry refused a request, gave a wrong answer or did not answer."""


class LoginError(PushError):
    """A token service refused a token, for this login or for these actions."""


def mask_login(name: str) -> str:
    """Returns a name as errors may show it: without the part before an @, which may be a login."""
    before, at, after = name.rpartition("@")
    return f"***@{after}" if at and before else name


def check_written(path: str | os.PathLike[str], size: int) -> None:
    """Raises OSError unless a file has as many bytes as were written: a full disk may lose some without an error."""
    found = os.stat(path).st_size
    if found != size:
        raise OSError(errno.EIO, f"has {found} of the {size} bytes that were written; check that disk, then run this again", str(path))


class writing:  # noqa: N801  # used as a function is, like contextlib.suppress; loading contextlib would take longer
    """Context manager that adds the target and file to system errors of writing, which have no name.

    Args:
        where: the target; empty to name only the file.
        path: the file.
    """

    def __init__(self, where: str, path: str | os.PathLike[str]) -> None:
        self._name = f"{where}: {path}" if where else str(path)

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, OSError) and error.errno is not None and error.filename is None:
            raise OSError(error.errno, error.strerror, self._name) from None


def run(main: Callable[[Sequence[str]], int], argv: Sequence[str], stderr: TextIO | None = None) -> int:
    """Calls main(argv) and turns errors into a line on stderr and an exit code.

    Args:
        main: function that takes the arguments after the program name and returns an exit code.
        argv: those arguments.
        stderr: where errors go; sys.stderr when None.

    Returns:
        main's exit code; 1 after a TurnupError or a system error such as a full disk; 130 when interrupted.
    """
    out = stderr or sys.stderr
    try:
        return main(argv)
    except TurnupError as error:
        print(f"ERROR: {error}", file=out)
        return error.exit_code
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        advice = "; free space on that disk, then run this again" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        print(f"ERROR: {where}{error.strerror or error}{advice}", file=out)
        return 1
    except KeyboardInterrupt:
        print("ERROR: interrupted", file=out)
        return 130
