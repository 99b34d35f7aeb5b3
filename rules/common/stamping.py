"""Stamp variables: `{BUILD_USER}` in an attribute stands for a value of Bazel's workspace status.

There is one grammar for all rules: a key of capital letters, digits and underscores that starts with a letter, in braces.
Other braces stay what they are, so JSON, Jsonnet and templates need no escaping.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from rules.common.errors import InputError

_VARIABLE = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")
# The keys of Bazel's stable status besides those with the prefix STABLE_.
_STABLE = ("BUILD_EMBED_LABEL", "BUILD_HOST", "BUILD_USER")


def variables(text: str) -> list[str]:
    """Returns the keys of the stamp variables in a text, in their order."""
    return _VARIABLE.findall(text)


def is_stable(key: str) -> bool:
    """Returns whether Bazel runs an action again when the variable's value changes."""
    return key.startswith("STABLE_") or key in _STABLE


def read_status(paths: Iterable[str | os.PathLike[str]]) -> dict[str, str]:
    """Returns the variables of Bazel's workspace status.

    Args:
        paths: status files with a `KEY VALUE` line for each variable; a later file wins.

    Raises:
        InputError: a file cannot be read.
    """
    status: dict[str, str] = {}
    for path in paths:
        try:
            text = Path(path).read_text("utf-8", "replace")
        except OSError as error:
            raise InputError(f"cannot read the workspace status {path}: {error.strerror}; build the target again") from error
        for line in text.splitlines():
            key, _, value = line.partition(" ")
            if key:
                status[key] = value
    return status


def fill(text: str, status: Mapping[str, str], where: str) -> str:
    """Returns a text with its stamp variables replaced.

    Args:
        text: the text.
        status: the variables.
        where: the target and attribute, for the error.

    Raises:
        InputError: the status has no such variable.
    """

    def value_of(match: re.Match[str]) -> str:
        key = match[1]
        if key not in status:
            known = ", ".join(sorted(status)) or "nothing"
            raise InputError(
                f"{where}: the workspace status has no {key} (it has: {known}). Print it from your --workspace_status_command, or correct the name."
            )
        return status[key]

    return _VARIABLE.sub(value_of, text)


def placeholders(text: str) -> str:
    """Returns a text with an x for each of its stamp variables, to check what is around them."""
    return _VARIABLE.sub("x", text)
