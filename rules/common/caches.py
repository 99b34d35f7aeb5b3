"""Turnup's cache folder, which every part of the repository uses. A folder that others could write to is never used."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from rules.common.cache_trust import problem
from rules.common.errors import InputError


def home_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the user's home folder; the account database answers when HOME is not set."""
    return Path(environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns Turnup's folder in the user's cache, ${XDG_CACHE_HOME:-~/.cache}/turnup.

    A relative XDG_CACHE_HOME is ignored, as the XDG base directory specification asks.

    Args:
        environ: the environment variables to read.

    Raises:
        InputError: another user owns the folder, or could write to it; see cache_trust.py.
    """
    base = environ.get("XDG_CACHE_HOME", "")
    folder = (Path(base) if os.path.isabs(base) else home_dir(environ) / ".cache") / "turnup"
    check_trusted(folder)
    return folder


def check_trusted(path: Path, variable: str = "XDG_CACHE_HOME") -> None:
    """Checks that nobody but this user and root can write to a folder, or replace it.

    Args:
        path: the folder; it need not exist.
        variable: the environment variable that names another one.

    Raises:
        InputError: somebody can.
    """
    if words := problem(str(path), variable):
        raise InputError(words)
