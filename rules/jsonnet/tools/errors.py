"""Errors of the Jsonnet tools.

    RenderError          the program, its inputs or its outputs are wrong: exit code 1
    └── UsageError       the command line is wrong: exit code 2

Both have one sentence for the person who reads the build log. An evaluation
error also has the Jsonnet stack trace. `rules.jsonnet.tools.render.run` and
`rules.jsonnet.tools.check.run` print them as `ERROR: …`.
"""

from __future__ import annotations

import re

from rules.common.errors import TurnupError

# What a terminal or an editor would act on instead of showing it: control characters except line break and tab, marks
# that turn the direction of text, and half of a surrogate pair, which no encoding has.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """Returns a text that a terminal shows as it is.

    Args:
        text: any text, such as the message of a program's `error`.

    Returns:
        The text, with each control character written as a Jsonnet escape.
    """
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


class RenderError(TurnupError):
    """A failed rendering.

    Attributes:
        message: one sentence (where, what is wrong, what to do), followed by
            the lines of the Jsonnet stack trace if there is one.
        exit_code: exit code of a process that fails with this error.
    """

    def __init__(self, message: str) -> None:
        """Keeps the message without control characters, because it quotes texts of the program."""
        self.message = printable(message)
        super().__init__(self.message)


class UsageError(RenderError):
    """A wrong command line."""

    exit_code = 2
