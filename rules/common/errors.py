"""The base of every error that a tool of these rules raises on purpose.

    TurnupError          exit code 1: the work failed
    ├── UsageError       exit code 2: the command line is wrong
    └── InputError       a file or attribute that the tool was given cannot be used

Each message is one sentence that says where, what is wrong and what to do. Every rule set derives its own errors from these,
so that code shared by several rule sets can raise one, and every tool prints it as its own.

This module imports nothing: a small push loads it and takes milliseconds in all.
"""

from __future__ import annotations


class TurnupError(Exception):
    """A failure that the user can act on.

    Attributes:
        exit_code: the exit code of a process that ends with this error.
    """

    exit_code = 1


class UsageError(TurnupError):
    """The command line does not fit what the program takes."""

    exit_code = 2


class InputError(TurnupError):
    """An input (file, archive, attribute) cannot be used."""
