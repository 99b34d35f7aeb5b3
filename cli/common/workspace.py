"""Where things are: the workspace, its constants, the logs, and this command itself."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from rules.common.caches import home_dir

ROOT = Path(__file__).resolve().parent.parent.parent
"""Turnup's own files."""
CONSTANTS = "cluster_constants.bzl"
VERSION = "0.2.0"


def root(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the workspace: $TURNUP_WORKSPACE, which the launcher of another repository sets, or else this checkout."""
    return Path(environ.get("TURNUP_WORKSPACE") or ROOT)


def log_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """Returns the folder for the logs of runs, in the user's XDG state folder."""
    base = environ.get("XDG_STATE_HOME") or str(home_dir(environ) / ".local/state")
    return Path(base) / "turnup" / "logs"


def self_words(*words: str) -> list[str]:
    """Returns the argv that runs this command again with the same Python, for steps that are commands themselves."""
    prefix = ["-X", f"pycache_prefix={sys.pycache_prefix}"] if sys.pycache_prefix else []
    return [sys.executable, "-IS", *prefix, str(ROOT / "cli" / "__main__.py"), *words]
