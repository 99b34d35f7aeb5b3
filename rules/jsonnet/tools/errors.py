"""The errors of the Jsonnet tools.

    RenderError          the program, its inputs or its outputs are wrong: exit code 1
    └── UsageError       the command line is wrong: exit code 2

Both carry one sentence for the person who reads the build log; an evaluation
error adds the Jsonnet stack below it. They are printed in one place
(`rules.jsonnet.tools.render.run`) as `ERROR: …`.
"""

from __future__ import annotations

from rules.common.errors import TurnupError


class RenderError(TurnupError):
    """A rendering that cannot succeed as it was asked for.

    Attributes:
        message: One sentence (place, what was found, what to do), followed by
            the lines of the Jsonnet stack where there is one.
        exit_code: What a process that ends with this error returns.
    """

    def __init__(self, message: str) -> None:
        """Keeps the message."""
        super().__init__(message)
        self.message = message


class UsageError(RenderError):
    """A command line that the tool does not understand."""

    exit_code = 2
