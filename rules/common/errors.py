"""The base of every error that a tool of these rules, or a command of turnup, raises on purpose.

    TurnupError          exit code 1: the work failed
    ├── UsageError       exit code 2: the command line, or a variable that replaces an argument, is wrong
    └── InputError       a file or attribute that the tool was given cannot be used

Each message is one sentence that says where, what is wrong and what to do. Every rule set derives its own errors from these
(and so does cluster/common/errors.py), so that code shared by several rule sets can raise one, and every tool prints it as its own.

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
    """An argument on the command line, or a variable that replaces one, is wrong."""

    exit_code = 2


class InputError(TurnupError):
    """An input (file, archive, attribute) cannot be used."""
