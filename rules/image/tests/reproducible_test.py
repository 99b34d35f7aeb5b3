"""Two clean builds, in two folders, by two users with different umasks and locales, at different times, give equal bytes."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

OTHER_USER = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a build as another user")


@pytest.fixture(name="folders")
def _folders() -> Iterator[list[Path]]:
    """Two folders that every user may enter, unlike the folders of tests."""
    made = [Path(tempfile.mkdtemp(dir="/tmp", prefix=prefix)) for prefix in ("turnup-one-", "turnup-another-with-a-longer-name-")]
    yield made
    for folder in made:
        shutil.rmtree(folder)


def _build(folder: Path, user: int, umask: int, locale: str, zone: str) -> dict[str, bytes]:
    """Builds a layer of sources, one of Debian packages and an image of both, and returns what was made."""
    # The links of this test's runfiles lead to where only this user may go.
    shutil.copytree("..", folder / "runfiles")
    workspace = folder / "runfiles/turnup"
    shutil.copytree(workspace / "rules/image/tests/app", folder / "sources")
    shutil.copy(folder / "runfiles/debian_redis/redis-tools.deb", folder)
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, user, user, follow_symlinks=False)
    arguments = {
        "layer_tool": [
            ["--where", "//a:files", "--blob", "files.blob", "--descriptor", "files.json", "--tree", "srv", "sources"],
            ["--where", "//a:debs", "--blob", "debs.blob", "--descriptor", "debs.json", "--deb", "redis-tools.deb", "--rootfs", "--compile-python"],
        ],
        "image_tool": [
            ["--where", "//a:image", "--config", "config", "--manifest", "manifest", "--digest", "digest", "--layer", "debs.json", "--layer", "files.json"]
        ],
        "archive_tool": [["--image", "a:b", "manifest", "config", "--layer", "debs.blob", "--layer", "files.blob", "--tar", "tar"]],
    }
    environment = {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": locale,
        "TZ": zone,
        "HOME": str(folder),
        "RUNFILES_DIR": str(folder / "runfiles"),
        "PYTHONHASHSEED": str(user),
    }
    for name, calls in arguments.items():
        for call in calls:
            subprocess.run(
                [workspace / "rules/image/tools" / ("layers" if name == "layer_tool" else "images") / name, *call],
                cwd=folder,
                env=environment,
                user=user,
                group=user,
                extra_groups=[],
                umask=umask,
                check=True,
            )
    return {name: (folder / name).read_bytes() for name in ("files.blob", "debs.blob", "config", "manifest", "digest", "tar")}


@needs_root
def test_two_users_in_two_folders_get_the_same_image(folders) -> None:
    """Blobs, config, manifest, digest and archive are equal, byte for byte, a second and more apart."""
    one = _build(folders[0], os.geteuid(), 0o022, "C.UTF-8", "UTC")
    time.sleep(1.1)  # the next second: what writes times writes another one
    another = _build(folders[1], OTHER_USER, 0o077, "C", "Asia/Kolkata")
    assert one == another
    assert one["digest"].startswith(b"sha256:")
