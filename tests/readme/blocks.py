"""Shell blocks of a Markdown file, and which of them a test can run."""

import re
from dataclasses import dataclass

_FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"<!-- not run in tests: (.+) -->\n\Z")


@dataclass(frozen=True)
class Block:
    """One fenced block of shell commands.

    Attributes:
        line: line of its first command in the file.
        text: the commands.
        reason: why a test can't run it, from the comment above it; "" if a test runs it.
    """

    line: int
    text: str
    reason: str = ""

    @property
    def title(self) -> str:
        """The first command, as a title of the block."""
        return self.text.splitlines()[0]


def blocks(text: str) -> list[Block]:
    """Returns the blocks of a Markdown text that are marked `sh`, in order."""
    found = []
    for fence in _FENCE.finditer(text):
        mark = _MARK.search(text[: fence.start()])
        found.append(Block(text.count("\n", 0, fence.start()) + 2, fence[1], mark[1] if mark else ""))
    return found
