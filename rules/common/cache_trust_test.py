"""Tests of who could change a cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rules.common import cache_trust
from rules.common.cache_trust import problem
from rules.common.caches import cache_dir, check_trusted
from rules.common.errors import InputError

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders to another user")


@pytest.fixture(name="home")
def _home(tmp_path: Path) -> Path:
    """A home folder with an empty cache, below pytest's folder, which only this user can write to."""
    (tmp_path / "home/.cache/turnup").mkdir(parents=True)
    return tmp_path / "home"


def test_own_folders_are_trusted(home: Path) -> None:
    """A cache of this user is used, also before it exists."""
    assert problem(str(home / ".cache/turnup")) == problem(str(home / ".cache/turnup/new/x")) == ""
    assert cache_dir({"HOME": str(home)}) == home / ".cache/turnup"


@ROOT
@pytest.mark.parametrize("given", ["", ".cache", ".cache/turnup"])
def test_a_folder_of_another_user_on_the_way(home: Path, given: str) -> None:
    """sudo that keeps HOME leads to another user's folders; the error says who owns what and what to do."""
    shutil.chown(home / given, "nobody")
    with pytest.raises(InputError, match=r"belongs to nobody \(uid \d+\).*that root would run; set XDG_CACHE_HOME to a folder of your own, or use sudo -H"):
        cache_dir({"HOME": str(home)})


@pytest.mark.parametrize(("mode", "words"), [(0o777, "can be written by every user"), (0o775, "can be written by its group")])
@pytest.mark.parametrize("where", ["", ".cache", ".cache/turnup"])
def test_a_folder_that_others_can_write_to(home: Path, monkeypatch: pytest.MonkeyPatch, where: str, mode: int, words: str) -> None:
    """A folder on the way that a group with other users, or everybody, can write to is refused."""
    monkeypatch.setattr(cache_trust, "_is_private", lambda *_: False)
    (home / where).chmod(mode)
    with pytest.raises(InputError, match=f"{home / where} {words}"):
        cache_dir({"XDG_CACHE_HOME": str(home / ".cache")})


def test_a_private_group_is_no_other_user(home: Path) -> None:
    """Where every user has a group of the same name, folders that it can write to are the user's own."""
    account = __import__("pwd").getpwuid(os.geteuid())
    (home / ".cache").chmod(0o775)
    os.chown(home / ".cache", -1, account.pw_gid)
    assert (problem(str(home / ".cache/turnup")) == "") == cache_trust._is_private(account.pw_gid, os.geteuid())
    assert not cache_trust._is_private(12345, os.geteuid())


def test_a_sticky_folder_on_the_way(home: Path) -> None:
    """A cache below a folder like /tmp is trusted, because nobody else can rename it; the cache itself must not be one."""
    home.chmod(0o1777)
    assert problem(str(home / ".cache/turnup")) == ""
    (home / ".cache/turnup").chmod(0o1777)
    assert "can be written by every user" in problem(str(home / ".cache/turnup"))


@ROOT
def test_where_a_link_leads(home: Path, tmp_path: Path) -> None:
    """A link to another user's folder is refused, and so is one that another user owns."""
    (tmp_path / "other").mkdir()
    shutil.chown(tmp_path / "other", "nobody")
    (home / ".cache/turnup").rmdir()
    (home / ".cache/turnup").symlink_to(tmp_path / "other")
    assert f"{tmp_path / 'other'} belongs to nobody" in problem(str(home / ".cache/turnup"))

    (home / "own").mkdir()
    (home / ".cache/turnup").unlink()
    (home / ".cache/turnup").symlink_to(home / "own")
    assert problem(str(home / ".cache/turnup")) == ""
    os.chown(home / ".cache/turnup", 65534, -1, follow_symlinks=False)
    assert "belongs to" in problem(str(home / ".cache/turnup"))


def test_the_error_names_the_variable(home: Path) -> None:
    """For another folder than the cache, the error names that folder's variable."""
    home.chmod(0o777)
    with pytest.raises(InputError, match="set TURNUP_STATE_DIR to a folder of your own$"):
        check_trusted(home / "clusters", "TURNUP_STATE_DIR")


def test_as_a_program(home: Path) -> None:
    """The launcher gets the same answer: nothing, or one line and exit code 1."""
    command = [sys.executable, "-IS", cache_trust.__file__, str(home / ".cache"), str(home)]
    assert subprocess.run(command, capture_output=True, check=True).stderr == b""
    home.chmod(0o777)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and done.stderr.startswith("ERROR: ") and done.stderr.count("\n") == 1
