"""Writes files so that neither a crash nor another process ever sees half of one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["locked_file", "locked_folder", "write_atomically"]


def write_atomically(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Replaces a file in one step.

    Args:
        path: the file.
        content: its new content.
        mode: its permissions.
    """
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def locked_folder(path: Path, mode: int = 0o700) -> Iterator[None]:
    """Holds an exclusive lock on a folder, which it creates if it does not exist.

    The lock is on the folder itself, so that no lock file is left when the holder removes the folder. A process that waited
    for the lock then notices that the folder is gone, and creates it again.

    Args:
        path: the folder.
        mode: the permissions of a new folder.
    """
    while True:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            try:
                same = os.fstat(descriptor).st_ino == os.stat(path).st_ino
            except FileNotFoundError:
                same = False
            if same:
                yield
                return
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def locked_file(path: Path) -> Iterator[None]:
    """Holds an exclusive lock on a file, which it creates if it does not exist and never removes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
