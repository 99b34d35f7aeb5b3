"""Tests of caches.py."""

import os
import pwd
from pathlib import Path

from rules.common.caches import cache_dir, home_dir


def test_follows_the_xdg_variable():
    """An absolute XDG_CACHE_HOME is the folder's parent."""
    assert cache_dir({"XDG_CACHE_HOME": "/somewhere", "HOME": "/home/ada"}) == Path("/somewhere/turnup")


def test_ignores_a_relative_or_empty_variable():
    """A relative or empty XDG_CACHE_HOME counts as unset, so that the cache never moves with the working folder."""
    for value in ("", "cache", "./cache"):
        assert cache_dir({"XDG_CACHE_HOME": value, "HOME": "/home/ada"}) == Path("/home/ada/.cache/turnup")


def test_home_comes_from_the_account_when_unset():
    """Without HOME the account database names the home folder."""
    assert home_dir({}) == Path(pwd.getpwuid(os.getuid()).pw_dir)
