"""Tests of atomic writes, locks and the cache."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from cluster.caches import cache_root, kept, key_of
from cluster.files import locked_file, locked_folder, write_atomically


def test_write_replaces_whole_files(tmp_path: Path) -> None:
    """The content and the permissions are the new ones, and no other file is left."""
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    write_atomically(path, "new")

    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails at its last step changes nothing and leaves no rest."""
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
def test_locks_exclude(tmp_path: Path, lock) -> None:  # noqa: ANN001
    """While one holds the lock, another waits."""
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
    """Whoever waited for a folder that its holder removed gets a new one."""
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


def test_kept_makes_once(tmp_path: Path) -> None:
    """The maker runs for the first caller only, also when two come at once."""
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.1)
        (folder / "content").write_text("x")

    results = []
    threads = [threading.Thread(target=lambda: results.append(kept("kind", "key", make, tmp_path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert len(made) == 1
    assert results == [tmp_path / "kind" / "key"] * 2
    assert (results[0] / "content").read_text() == "x"


def test_kept_after_a_failure(tmp_path: Path) -> None:
    """A maker that fails, or was killed, leaves nothing that the next one takes for whole."""

    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        kept("kind", "key", fail, tmp_path)
    assert not (tmp_path / "kind" / "key").exists()

    killed = tmp_path / "kind" / ".key.new.abc"
    killed.mkdir()
    folder = kept("kind", "key", lambda folder: (folder / "whole").touch(), tmp_path)

    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert not killed.exists()


def test_keys_depend_on_every_part() -> None:
    """Neither order nor the place where one part ends is lost in a key."""
    keys = {key_of(parts) for parts in (["a", "b"], ["b", "a"], ["ab"], ["a", b"b", ""])}

    assert len(keys) == 4
    assert key_of(["a", "b"]) == key_of([b"a", b"b"])


def test_cache_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_CACHE_HOME counts when it is absolute, as its specification says."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for value, root in ((str(tmp_path / "c"), tmp_path / "c"), ("relative", tmp_path / ".cache"), ("", tmp_path / ".cache")):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_root() == root / "turnup"
