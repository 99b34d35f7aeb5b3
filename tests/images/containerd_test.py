"""Differential test: what a container sees of layers that containerd unpacked is what GNU tar makes of the same tars.

Random trees become tars of GNU tar, in several formats and with all that a tar can have: hard links, extended attributes, file
capabilities, POSIX ACLs (also as text, which neither side reads), files with holes, long names, odd owners, paths twice, whiteouts.
The layer tool makes layers of them, on top of each other and with several compressions; the containerd of an embedded cluster's
nodes imports the image and mounts it. GNU tar unpacks the same tars over each other.

Needs root, and is skipped without: only root may give files to other owners and mount layers over each other. The same
comparison without containerd, for other users, is //rules/image/tools/layers:tar_differential_test. The long form has 300 images:

    bazel test //tests/long:containerd_test --test_output=streamed [--test_env=SEEDS=1000] [--test_env=SEED=1]
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rules.image.tools.images import archive, image
from rules.image.tools.layers import layer, lower
from rules.image.tools.testing import trees
from tests.images.containerd import Containerd

SEEDS = int(os.environ.get("SEEDS") or (300 if os.environ.get("FORM") == "long" else 6))
FIRST = int(os.environ.get("SEED", "0"))

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="containerd gives files their owners and mounts layers, which needs root")


@pytest.fixture(name="containerd", scope="module")
def fixture_containerd() -> Iterator[Containerd]:
    """A containerd of these tests."""
    with tempfile.TemporaryDirectory(prefix="containerd-") as folder, Containerd(Path(folder)) as running:
        yield running


class Built:
    """An image that the tools build of tars, layer by layer.

    Args:
        folder: an existing folder for its files.
        name: the image's name, REPOSITORY:TAG.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._layers: list[tuple[str, str]] = []
        self._known: list[tuple[str, str]] = []
        self.name = name

    def add(self, compression: str, *arguments: str, shared: bool = False) -> None:
        """Builds a layer on top of the others.

        Args:
            compression: of the layer.
            *arguments: its content, as the layer tool takes it.
            shared: whether many images share it, so that it fits none, and later layers do not know it.
        """
        number = len(self._layers)
        blob, descriptor, below = (str(self._folder / f"{number}.{kind}") for kind in ("blob", "json", "lower"))
        options = []
        if self._known and not shared:
            own = [word for pair in self._known for word in ("--own", *pair)]
            assert lower.main(["--where=//t", f"--output={below}", *own]) == 0
            options = [f"--lower={below}"]
        assert layer.main(["--where=//t", f"--blob={blob}", f"--descriptor={descriptor}", f"--compression={compression}", *options, *arguments]) == 0
        self._layers.append((blob, descriptor))
        self._known += [] if shared else [(blob, descriptor)]

    def write(self) -> Path:
        """Writes the image's archive and returns it."""
        manifest, config, digest, tar = (str(self._folder / name) for name in ("manifest", "config", "digest", "image.tar"))
        descriptors = [f"--layer={descriptor}" for _, descriptor in self._layers]
        assert image.main(["--where=//t", f"--manifest={manifest}", f"--config={config}", f"--digest={digest}", *descriptors]) == 0
        blobs = [word for blob, _ in self._layers for word in ("--layer", blob)]
        assert archive.main(["--image", self.name, manifest, config, *blobs, "--tar", tar]) == 0
        return Path(tar)


def _differences(found: dict[str, list], wanted: dict[str, list]) -> dict[str, tuple]:
    return {path: (found.get(path), wanted.get(path)) for path in found | wanted if found.get(path) != wanted.get(path)}


def _mounted(containerd: Containerd, built: Built, folder: Path) -> dict[str, list]:
    """Returns the facts of an image as a container sees it."""
    (folder / "mounted").mkdir()
    containerd.load(built.write())
    return containerd.facts(f"docker.io/{built.name}", folder / "mounted")


@pytest.mark.parametrize("seed", range(FIRST, FIRST + SEEDS))
def test_containerd_and_gnu_tar_agree(containerd: Containerd, tmp_path: Path, seed: int) -> None:
    """Modes, owners, content, links, hard links and extended attributes are the same in an image of two or three layers."""
    rng = random.Random(seed)
    built = Built(tmp_path, f"test/tree:{seed}")
    expected = tmp_path / "expected"
    expected.mkdir()
    twice: set[str] = set()
    for number in range(rng.choice([2, 2, 3])):
        top = tmp_path / f"tree{number}"
        top.mkdir()
        trees.grow(top, rng, links=number == 0, xattrs=True, acls=True)
        if number:
            trees.add_whiteouts(top, expected, rng)
            twice |= trees.met_twice(top, expected)
        tar = trees.pack(top, tmp_path / f"tar{number}", rng)
        trees.unpack_over(tar, expected)
        built.add(rng.choice(["none", "gzip", "zstd:2"]), f"--tar={tar}")

    found, wanted = _mounted(containerd, built, tmp_path), trees.facts(expected)
    for path in twice & found.keys() & wanted.keys():  # GNU tar takes the first mode of a folder that a tar has twice, the layer the last
        del found[path], wanted[path]
    assert _differences(found, wanted) == {}


def test_programs_keep_the_folders_of_their_base(containerd: Containerd, tmp_path: Path) -> None:
    """With layers as py_image writes them, the base's owned home, its /tmp for everybody and its link /lib are as the base has them."""
    (tmp_path / "x").write_bytes(b"x")
    file = ("--mode=content", "--owner=65532:65532", "--file")
    built = Built(tmp_path, "test/home:1")
    built.add("none", "--owner=65532:8", "--mode-of-empty=0750", "--empty-dir=/app", "--empty-dir=/app/pip/kept")
    built.add("none", "--owner=0:0", "--mode-of-empty=1777", "--empty-dir=/tmp", "--symlink", "/lib", "usr/lib")
    built.add("zstd:2", *file, "app/pip/redis/x", str(tmp_path / "x"), shared=True)
    files = [word for path in ("app/w/x", "lib/x", "tmp/x") for word in ("--file", path, str(tmp_path / "x"))]
    built.add("zstd:2", *file[:2], *files, "--beside=/app/pip")

    found = {path: tuple(fact[:3]) for path, fact in _mounted(containerd, built, tmp_path).items()}
    home, plain, content = ("0o40750", 65532, 8), ("0o40755", 0, 0), ("0o100444", 65532, 65532)
    assert found == {
        "app": home, "app/pip": plain, "app/pip/kept": home, "app/pip/redis": plain, "app/pip/redis/x": content, "app/w": plain, "app/w/x": content,
        "lib": ("0o120777", 0, 0), "tmp": ("0o41777", 0, 0), "tmp/x": content, "usr": plain, "usr/lib": plain, "usr/lib/x": content,
    }  # fmt: skip
