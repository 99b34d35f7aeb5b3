"""Folders of built and downloaded things, with a hash of what they were made from as their name.

CACHE/KIND/KEY is either complete or absent. It is filled under another name and renamed at the end, so that an interrupted
run leaves nothing that looks complete.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from cluster.common.files import locked_file
from rules.common.caches import cache_dir, check_trusted

__all__ = ["content_key", "get_or_make"]


def content_key(parts: Iterable[str | bytes]) -> str:
    """Returns 16 hexadecimal digits that depend on every part and on where each part ends."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode(errors="surrogateescape") if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


def get_or_make(kind: str, key: str, make: Callable[[Path], None], root: Path | None = None) -> Path:
    """Returns a folder of the cache, and fills it first if it does not exist.

    If two processes want the same folder, one makes it and the other waits.

    Args:
        kind: the folder's parent, below root.
        key: the folder's name; see `content_key`.
        make: fills the empty folder that it is called with.
        root: the cache folder; None for Turnup's own.

    Raises:
        InputError: another user owns the folder, or could write to it, so that what it holds need not be what its name says.
    """
    parent = (root or cache_dir()) / kind
    folder = parent / key
    check_trusted(folder)
    if folder.is_dir():
        return folder
    with locked_file(parent / f".{key}.lock"):
        if folder.is_dir():
            return folder
        for unfinished in parent.glob(f".{key}.new.*"):  # left by an interrupted run
            shutil.rmtree(unfinished, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix=f".{key}.new.", dir=parent))
        try:
            make(new)
            new.chmod(0o755)
            new.rename(folder)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
    return folder
