"""The user's cache of downloaded files, by checksum, and Maven's own local repository as a second source.

A file is in the cache only under the checksum that its bytes have. A download stays beside it as `.part` until it is complete,
so that the next one goes on where it ended. One process at a time downloads a file; others wait for it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from rules.common.caches import cache_dir

_BLOCK = 1 << 20


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's bytes, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Store:
    """The cache folder.

    Args:
        folder: where files are kept; the user's cache if None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or cache_dir() / "maven"

    def find(self, sha256: str) -> Path | None:
        """Returns the file with a checksum; None if the cache lacks it. A damaged file is removed first."""
        path = self._path(sha256)
        try:
            if sha256_of(path) == sha256:
                return path
            path.unlink(missing_ok=True)
        except FileNotFoundError:
            pass
        return None

    def adopt(self, source: Path, sha256: str) -> Path | None:
        """Takes over a file from elsewhere on this machine; None if it is not there or has another checksum."""
        if not source.is_file() or sha256_of(source) != sha256:
            return None
        path = self._path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            shutil.copyfile(source, temporary)
            self.keep(temporary, sha256)
        finally:
            temporary.unlink(missing_ok=True)
        return path

    def part(self, sha256: str) -> Path:
        """Returns the path of an unfinished download; its folder exists."""
        path = self._path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f"{path.name}.part")

    def keep(self, temporary: Path, sha256: str) -> Path:
        """Renames a complete file, with a checksum that the caller has verified, to its place."""
        path = self._path(sha256)
        # All repositories share the file by hard links: none of them may write to it.
        temporary.chmod(0o444)
        os.replace(temporary, path)
        return path

    @contextlib.contextmanager
    def locked(self, sha256: str) -> Iterator[None]:
        """Holds the right to download a file; another process that wants it waits until this one is done or ends."""
        path = self._path(sha256)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_name(f"{path.name}.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256


def place(source: Path, target: Path, executable: bool) -> None:
    """Puts a file of the cache somewhere else: as a hard link where that is possible, or a copy.

    Args:
        source: the file in the cache.
        target: the new name; its folder exists.
        executable: whether the file is a program. It is then a copy, because a link would make the cache's file executable.
    """
    target.unlink(missing_ok=True)
    if not executable:
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    shutil.copyfile(source, temporary)
    temporary.chmod(0o555 if executable else 0o444)
    os.replace(temporary, target)
