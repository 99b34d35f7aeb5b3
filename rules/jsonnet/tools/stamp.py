"""Fills `{KEY}` references from Bazel's workspace status."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rules.jsonnet.tools.errors import RenderError

_REFERENCE = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")


def read_status(paths: Iterable[str]) -> dict[str, str]:
    """Reads workspace status files.

    Args:
        paths: Files of lines `KEY value`; a later file wins.

    Returns:
        Key -> value.

    Raises:
        RenderError: A file cannot be read.
    """
    status: dict[str, str] = {}
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                lines = file.read().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise RenderError(f"cannot read the workspace status {path}: {error}") from error
        for line in lines:
            key, _, value = line.partition(" ")
            status[key] = value
    return status


def fill(name: str, text: str, status: Mapping[str, str]) -> str:
    """Replaces every `{KEY}` in a text.

    Only upper-case keys count as references, so that the braces of Jsonnet code
    stay what they are.

    Args:
        name: Whose text it is, for the message.
        text: The text.
        status: Workspace status, key -> value.

    Returns:
        The text with the status in place of the references.

    Raises:
        RenderError: A key is not in the status.
    """

    def value(match: re.Match[str]) -> str:
        key = match.group(1)
        if key not in status:
            known = ", ".join(sorted(status)) or "none"
            raise RenderError(
                f"'{name}' is stamped with {{{key}}}, which the workspace status does not have "
                f"(it has: {known}); let the --workspace_status_command print it"
            )
        return status[key]

    return _REFERENCE.sub(value, text)
