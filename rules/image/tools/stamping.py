"""Stamp variables: `{BUILD_USER}` in an attribute stands for what Bazel's workspace status says when the image is built."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterable, Mapping

from rules.image.tools.errors import InputError

_VARIABLE = re.compile(r"\{([A-Z][A-Z0-9_]*)\}")


def read(paths: Iterable[str]) -> dict[str, str]:
    """Return the variables of status files (`NAME VALUE` a line), a later file's before an earlier one's."""
    lines = [line for path in paths for line in Path(path).read_text("utf-8", "replace").splitlines()]
    return {name: value for name, _, value in (line.partition(" ") for line in lines)}


def fill(text: str, status: Mapping[str, str], where: str) -> str:
    """Return a text with its stamp variables filled in.

    Args:
        text: with `{NAME}`, in capitals, where a variable goes; other braces stay.
        status: the variables.
        where: target and attribute, for the error.

    Raises:
        InputError: a variable that the status does not have.
    """
    missing = [name for name in _VARIABLE.findall(text) if name not in status]
    if missing:
        raise InputError(f"{where}: the workspace status has no {missing[0]}; print it from your --workspace_status_command, or correct the name")
    return _VARIABLE.sub(lambda match: status[match[1]], text)


def fill_all(settings: dict[str, object], status: Mapping[str, str], where: str) -> None:
    """Fill in the stamp variables of an image's settings: created, cmd, entrypoint, user, workdir, and the values of env and labels.

    Raises:
        InputError: a variable that the status does not have.
    """
    settings["created"] = fill(str(settings.get("created") or "{BUILD_TIMESTAMP}"), status, f"{where}: creation_time")
    for name in ("env", "labels"):
        values = settings.get(name) or {}
        settings[name] = {key: fill(value, status, f"{where}: {name}") for key, value in values.items()}  # type: ignore[attr-defined]
    for name in ("user", "workdir"):
        if settings.get(name):
            settings[name] = fill(str(settings[name]), status, f"{where}: {name}")
    for name in ("cmd", "entrypoint"):
        if settings.get(name):
            settings[name] = [fill(word, status, f"{where}: {name}") for word in settings[name]]  # type: ignore[attr-defined]
