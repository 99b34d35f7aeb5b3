"""Turnup's cache folder, which every part of the repository uses."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path


def home_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the user's home folder; the account database answers when HOME is not set."""
    return Path(environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)


def cache_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns Turnup's folder in the user's cache, ${XDG_CACHE_HOME:-~/.cache}/turnup.

    A relative XDG_CACHE_HOME is ignored, as the XDG base directory specification asks.

    Args:
        environ: the environment variables to read.
    """
    base = environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if os.path.isabs(base) else home_dir(environ) / ".cache") / "turnup"
