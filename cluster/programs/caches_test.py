"""Tests of the cache of built and downloaded things."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from cluster.programs.caches import content_key, get_or_make
from rules.common.caches import cache_dir
from rules.common.errors import InputError


def test_made_once(tmp_path: Path) -> None:
    """A folder is made once, even if two callers ask for it at the same time."""
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.1)
        (folder / "content").write_text("x")

    results = []
    threads = [threading.Thread(target=lambda: results.append(get_or_make("kind", "key", make, tmp_path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert len(made) == 1
    assert results == [tmp_path / "kind" / "key"] * 2
    assert (results[0] / "content").read_text() == "x"


def test_made_again_after_a_failure(tmp_path: Path) -> None:
    """A failed or killed run leaves nothing that looks complete."""

    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        get_or_make("kind", "key", fail, tmp_path)
    assert not (tmp_path / "kind" / "key").exists()

    killed = tmp_path / "kind" / ".key.new.abc"
    killed.mkdir()
    folder = get_or_make("kind", "key", lambda folder: (folder / "whole").touch(), tmp_path)

    assert [path.name for path in folder.iterdir()] == ["whole"]
    assert not killed.exists()


def test_keys_depend_on_every_part() -> None:
    """A key depends on the order of the parts and on where each part ends."""
    keys = {content_key(parts) for parts in (["a", "b"], ["b", "a"], ["ab"], ["a", b"b", ""])}

    assert len(keys) == 4
    assert content_key(["a", "b"]) == content_key([b"a", b"b"])


def test_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_CACHE_HOME is used if it is absolute, as its specification says."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for value, root in ((str(tmp_path / "c"), tmp_path / "c"), ("relative", tmp_path / ".cache"), ("", tmp_path / ".cache")):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert cache_dir() == root / "turnup"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders to another user")
@pytest.mark.parametrize("given", ["kind", "kind/key"])
def test_a_folder_of_another_user_is_not_trusted_for_its_name(tmp_path: Path, given: str) -> None:
    """KIND/KEY that another user owns is refused: it need not hold what its key says."""
    get_or_make("kind", "key", lambda folder: (folder / "kubelet").touch(), tmp_path)
    shutil.chown(tmp_path / given, "nobody")
    with pytest.raises(InputError, match=f"{tmp_path / given} belongs to nobody"):
        get_or_make("kind", "key", lambda folder: (folder / "kubelet").touch(), tmp_path)
