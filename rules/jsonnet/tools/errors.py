"""Errors of the Jsonnet tools.

    RenderError          the program, its inputs or its outputs are wrong: exit code 1
    └── UsageError       the command line is wrong: exit code 2

Both have one sentence for the person who reads the build log. An evaluation
error also has the Jsonnet stack trace. `rules.jsonnet.tools.render.run` and
`rules.jsonnet.tools.check.run` print them as `ERROR: …`.
"""

from __future__ import annotations

from rules.common.errors import TurnupError


class RenderError(TurnupError):
    """A failed rendering.

    Attributes:
        message: one sentence (where, what is wrong, what to do), followed by
            the lines of the Jsonnet stack trace if there is one.
        exit_code: exit code of a process that fails with this error.
    """

    def __init__(self, message: str) -> None:
        """Keeps the message."""
        super().__init__(message)
        self.message = message


class UsageError(RenderError):
    """A wrong command line."""

    exit_code = 2
