"""What one user built in one clone, another user need not build again in another clone: both share a cache."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.build.nested import Nested, outer_external, shared_repositories

OTHER_USER = 65534
_TARGETS = ("//rules/image/tests:hello", "//python/server:dev", "//clones:library")
_BUILD = """load("@rules_java//java:defs.bzl", "java_library")
java_library(name = "library", srcs = ["Library.java"])
"""
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a build as another user")


@pytest.fixture(name="place")
def _place() -> Iterator[Path]:
    """Returns a folder that every user may read, with the repositories that both clones share, and an empty cache."""
    place = Path(tempfile.mkdtemp(dir="/tmp", prefix="turnup-clones-"))
    place.chmod(0o755)
    # The test's own folders may be closed to others, and so may be the Bazel that runs it.
    for repository in shared_repositories(outer_external()):
        shutil.copytree(repository, place / "repositories" / repository.name, symlinks=True)
    (place / "cache").mkdir()
    yield place
    shutil.rmtree(place)


def _ran(place: Path, folder: str, user: int, name: str) -> dict[str, int]:
    """Builds the targets in a new clone and returns how many actions ran, by where their outputs came from.

    Args:
        place: the folder of the fixture.
        folder: the clone's folder below it.
        user: the number of the user who builds.
        name: the user's name.
    """
    home = place / folder / "home"
    home.mkdir(parents=True)
    with Nested(place / folder, user=user, repositories=place / "repositories") as clone:
        (clone.root / "clones").mkdir()
        (clone.root / "clones/BUILD").write_text(_BUILD)
        (clone.root / "clones/Library.java").write_text("package clones;\npublic class Library {}\n")
        log = place / folder / "log.json"
        done = clone.bazel("build", f"--disk_cache={place / 'cache'}", f"--execution_log_json_file={log}", *_TARGETS, HOME=str(home), USER=name)
        assert done.returncode == 0, done.stderr
        found: dict[str, int] = {}
        decoder, text, position = json.JSONDecoder(), log.read_text(), 0
        while position < len(text.rstrip()):
            spawn, position = decoder.raw_decode(text, position)
            position += len(text[position:]) - len(text[position:].lstrip())
            key = "cache" if spawn.get("cacheHit", spawn.get("remoteCacheHit")) else f"{spawn['mnemonic']} {spawn.get('progressMessage', '')}"
            found[key] = found.get(key, 0) + 1
    # The next user reads what this one wrote.
    for path in (place / "cache").rglob("*"):
        path.chmod(0o777 if path.is_dir() else 0o666)
    (place / "cache").chmod(0o777)
    return found


@needs_root
def test_two_users_in_two_clones_build_once(place):
    """The second build takes every output from the cache: no action has a path of the clone, a user's name or a time in its key."""
    first = _ran(place, "one", os.geteuid(), "jane")
    assert "cache" not in first
    assert sum(first.values()) > 20
    assert _ran(place, "another-with-a-longer-name", OTHER_USER, "joe") == {"cache": sum(first.values())}
