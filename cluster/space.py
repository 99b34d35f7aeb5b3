"""Room on disks, asked for before it is used."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cluster.errors import ClusterError

__all__ = ["check_space"]


def check_space(folder: Path, wanted: int, purpose: str, setting: str) -> None:
    """Raises ClusterError unless wanted bytes are free where folder is or will be, and it can be written.

    purpose says what needs them; setting is the environment variable that
    moves the folder to another disk.
    """
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < wanted:
        raise ClusterError(f"{existing} has {free / 1e9:.1f} GB free and {purpose} needs {wanted / 1e9:.1f} GB: free some space, or set {setting} to a folder on another disk")
    if not os.access(existing, os.W_OK):
        raise ClusterError(f"{existing} cannot be written to, and {purpose} needs it: set {setting} to a folder that can")
