"""Built and downloaded things that are kept, keyed by what they were made of.

${XDG_CACHE_HOME:-~/.cache}/turnup/KIND/KEY: a folder that is either whole or
absent. Makers work in a neighbouring folder and rename it at the end, so an
interrupted one leaves nothing that could be taken for whole.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from cluster.files import locked_file

__all__ = ["cache_root", "key_of", "kept"]


def cache_root() -> Path:
    """Turnup's cache folder, which follows the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME")
    return Path(base if base and os.path.isabs(base) else Path.home() / ".cache") / "turnup"


def key_of(parts: Iterable[str | bytes]) -> str:
    """Sixteen hex digits that depend on every part and on where one ends."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]


def kept(kind: str, key: str, make: Callable[[Path], None], root: Path | None = None) -> Path:
    """The folder KIND/KEY; where it is absent, make(folder) fills it first.

    Two processes that want the same one make it once: the second waits.
    """
    parent = (root or cache_root()) / kind
    folder = parent / key
    if folder.is_dir():
        return folder
    with locked_file(parent / f".{key}.lock"):
        if folder.is_dir():
            return folder
        for left in parent.glob(f".{key}.new.*"):  # of an interrupted maker
            shutil.rmtree(left, ignore_errors=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{key}.new.", dir=parent))
        try:
            make(unfinished)
            unfinished.chmod(0o755)
            unfinished.rename(folder)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
    return folder
