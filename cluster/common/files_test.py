"""Tests of atomic writes and locks."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from cluster.common.files import locked_file, locked_folder, write_atomically


def test_write_replaces_whole_files(tmp_path: Path) -> None:
    """A write replaces content and permissions, and leaves no other file behind."""
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_atomically(path, "new")

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails at its last step changes nothing and leaves no file behind."""
    path = tmp_path / "file"
    path.write_text("old")

    def refuse(*_: object) -> None:
        raise OSError("no")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="no"):
        write_atomically(path, "new")

    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("lock", [locked_folder, locked_file])
def test_locks_exclude(tmp_path: Path, lock) -> None:
    """While one thread holds the lock, another waits."""
    order = []

    def second() -> None:
        with lock(tmp_path / "x"):
            order.append("second")

    with lock(tmp_path / "x"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join(10)

    assert order == ["first", "second"]


def test_folder_lock_survives_removal(tmp_path: Path) -> None:
    """A process that waited for a folder that its holder removed gets a new folder."""
    folder = tmp_path / "x"
    seen = []

    def second() -> None:
        with locked_folder(folder):
            seen.append(folder.is_dir())

    with locked_folder(folder):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        folder.rmdir()
    thread.join(10)

    assert seen == [True]
