"""Checks that a disk has room before something fills it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cluster.common.errors import ClusterError

__all__ = ["check_space"]


def check_space(folder: Path, wanted: int, purpose: str, setting: str) -> None:
    """Checks that a folder can be written and has enough free space.

    Args:
        folder: the folder; it need not exist yet.
        wanted: the bytes that must be free.
        purpose: what needs them.
        setting: the environment variable that moves the folder to another disk.

    Raises:
        ClusterError: there is too little space, or this user can't write there.
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < wanted:
        raise ClusterError(
            f"{existing} has {free / 1e9:.1f} GB free, and {purpose} needs {wanted / 1e9:.1f} GB; free some space, or set {setting} to a folder on another disk"
        )
    if not os.access(existing, os.W_OK):
        raise ClusterError(f"{existing} is not writable, and {purpose} needs to write there; set {setting} to a writable folder")
