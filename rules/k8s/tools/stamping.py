"""Stamp variables: `{BUILD_USER}` in an attribute becomes the value of the workspace status."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterable

from rules.k8s.tools.errors import TurnupError

_VARIABLE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def read_status(paths: Iterable[Path]) -> dict[str, str]:
    """Reads Bazel's workspace status files: lines of a key, a space and a value."""
    values: dict[str, str] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(" ")
            if key:
                values[key] = value
    return values


def stamp(text: str, values: dict[str, str], where: str) -> str:
    """Replaces every `{VARIABLE}` of a text.

    Raises:
        TurnupError: the workspace status has no such variable.
    """

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise TurnupError(f"{where}: {text!r} uses the stamp variable {name}, which the workspace status does not "
                              "have; print it from the --workspace_status_command or correct the name.")
        return values[name]

    return _VARIABLE.sub(value_of, text)
