"""Pulls an image from a registry, by digest, into the user's cache and from there into a repository of Bazel.

As a program, run by the container_pull repository rule in the folder that it fills:

    pull NAME REGISTRY REPOSITORY DIGEST TAG ARCHITECTURE OS VARIANT INSECURE

Each blob is checked against its size while it arrives and against its sha256 before it is used. It stays under its digest in
~/.cache/turnup/blobs, so a second workspace downloads nothing. An interrupted download continues where it stopped. Warnings go
to stdout.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rules.common.caches import cache_dir
from rules.image.tools.errors import InputError, run
from rules.image.tools.images import importing
from rules.image.tools.oci import oci
from rules.image.tools.pull.puller import Puller
from rules.image.tools.registry.names import DOCKER_HUB, DOCKER_HUB_HOST
from rules.image.tools.registry.parallel import run_parallel

_DOWNLOADS = 4  # at once
_BUILD = """load(":imported_image.bzl", "imported_image")

imported_image(
    name = "image",
    blobs = {blobs},
    config = "config.json",
    descriptors = {descriptors},
    digest = "digest",
    manifest = "manifest.json",
    visibility = ["//visibility:public"],
)

# Labels of rules_docker, besides image.tar.
exports_files(["config.json", "digest", "manifest.json"])

alias(
    name = "image.digest",
    actual = "digest",
    visibility = ["//visibility:public"],
)
"""


class Cache:
    """Verified blobs and manifests of this user, by digest.

    Args:
        folder: the cache's folder. None: blobs/sha256 in the user's cache.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or cache_dir() / "blobs" / "sha256"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._folder.stat().st_mode & 0o077:  # images may be private: other users must not read them
            self._folder.chmod(0o700)

    def path(self, digest: str) -> Path:
        """Returns the path of a blob in the cache."""
        return self._folder / digest.removeprefix("sha256:")

    def has(self, digest: str) -> bool:
        """Returns whether the cache has a complete blob; removes a damaged one."""
        path = self.path(digest)
        if not path.exists():
            return False
        with open(path, "rb") as file:
            if "sha256:" + hashlib.file_digest(file, "sha256").hexdigest() == digest:
                return True
        path.unlink()
        return False

    @contextmanager
    def filling(self, digest: str) -> Iterator[Path]:
        """Yields the file to download a blob to, for one process at a time; without an error it becomes the blob.

        Raises:
            OSError: the file cannot be written; it is named, and removed.
        """
        partial = self.path(digest).with_suffix(".partial")
        with open(self._folder / f"lock-{digest[-2:]}", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                yield partial
            except OSError as error:
                partial.unlink(missing_ok=True)  # frees the space on a full disk
                raise OSError(error.errno, error.strerror or str(error), str(partial)) from None
            if partial.exists():
                partial.chmod(0o400)  # the user's Bazel repositories have hard links to it
                os.replace(partial, self.path(digest))

    def data(self, digest: str) -> bytes | None:
        """Returns a manifest's or config's bytes; None if the cache does not have them."""
        return self.path(digest).read_bytes() if self.has(digest) else None

    def keep(self, data: bytes) -> None:
        """Stores a verified manifest."""
        with self.filling(oci.sha256(data)) as partial:
            partial.write_bytes(data)


def pull(client: Puller, repository: str, name: str, cache: Cache, *, architecture: str, system: str, variant: str = "") -> importing.ImportedImage:
    """Downloads an image into the cache.

    Args:
        client: its registry.
        repository: repository there.
        name: digest of a manifest or index, or a tag.
        cache: the cache.
        architecture: of the image to choose from an index, as system and variant.
        system: operating system.
        variant: of the architecture; empty: any.

    Returns:
        The image; its layers are in the cache.

    Raises:
        PushError: the registry refuses, does not answer, or sends something else.
        InputError: it has no image under this name, or none for this platform.
    """
    where = f"{client.name}/{repository}{'@' if name.startswith('sha256:') else ':'}{name}"

    def manifest(wanted: str) -> bytes:
        data = cache.data(wanted) if wanted.startswith("sha256:") else None
        if data is None:
            data = client.manifest(repository, wanted)
            cache.keep(data)
        return data

    def named(descriptor: Mapping[str, Any]) -> bytes:
        return manifest(oci.check_digest(descriptor.get("digest"), f"{where}: digest"))

    data, parsed = importing.resolve(named, manifest(name), architecture, system, where, variant)

    def bring(descriptor: Mapping[str, Any]) -> None:
        if not cache.has(descriptor["digest"]):
            with cache.filling(descriptor["digest"]) as partial:
                if not cache.has(descriptor["digest"]):  # another process may have downloaded it meanwhile
                    client.blob(repository, descriptor, partial)

    # The largest first: they decide when the last download ends. A blob that is named twice is downloaded once.
    blobs = {descriptor["digest"]: descriptor for descriptor in [parsed["config"], *parsed["layers"]]}
    run_parallel(bring, sorted(blobs.values(), key=lambda descriptor: -descriptor["size"]), _DOWNLOADS)
    config = cache.data(parsed["config"]["digest"]) or b""
    oci.check_platform(config, architecture, system, where, variant)
    return importing.ImportedImage(data, config, importing.describe(parsed, config, where))


def write_package(stored: importing.ImportedImage, folder: Path) -> None:
    """Writes a package with a target `image` beside its layers, which exist already."""
    (folder / "manifest.json").write_bytes(stored.manifest)
    (folder / "config.json").write_bytes(stored.config)
    (folder / "digest").write_text(oci.sha256(stored.manifest), "ascii")
    numbers = range(len(stored.layers))
    for number in numbers:
        (folder / f"layers/{number}.json").write_bytes(oci.dump(stored.layers[number]))
    blobs, descriptors = ([f"layers/{number}{ending}" for number in numbers] for ending in ("", ".json"))
    (folder / "BUILD").write_text(_BUILD.format(blobs=json.dumps(blobs), descriptors=json.dumps(descriptors)), "utf-8")


def _link(source: Path, target: Path) -> None:
    """Links a file of the cache into a repository; copies it if they are on different disks."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def fill(name: str, registry: str, repository: str, digest: str, tag: str, architecture: str, system: str, variant: str, insecure: str) -> None:
    """Fills the folder `image` from a registry.

    Args:
        name: of the container_pull.
        registry: HOST[:PORT], or docker.io.
        repository: repository there.
        digest: of a manifest or index; empty: the tag's current digest, with a warning.
        tag: empty: latest.
        architecture: of the image to choose from an index, as system and variant.
        system: operating system.
        variant: of the architecture; empty: any.
        insecure: `True` for plain HTTP.

    Raises:
        PushError: the registry refuses, does not answer, or sends something else.
        InputError: an argument is malformed, or the registry has no such image, or none for this platform.
    """
    where = f"container_pull {name}"
    if registry in DOCKER_HUB:
        registry, repository = DOCKER_HUB_HOST, repository if "/" in repository else f"library/{repository}"
    oci.check_repository(repository, f"{where}: repository")
    if digest:
        oci.check_digest(digest, f"{where}: digest")
    else:
        oci.check_tag(tag := tag or "latest", f"{where}: tag")
    client, cache = Puller(registry, insecure=True if insecure == "True" else None), Cache()
    try:
        if not digest:
            data = client.manifest(repository, tag)
            cache.keep(data)
            digest = oci.sha256(data)
            print(f'WARNING: {where}: the tag {tag} is an image today and may be another tomorrow: set digest = "{digest}"')
        stored = pull(client, repository, digest, cache, architecture=architecture, system=system, variant=variant)
    finally:
        client.close()
    layers = Path("image/layers")
    layers.mkdir(parents=True)
    for number, layer in enumerate(stored.layers):
        _link(cache.path(layer["digest"]), layers / str(number))
    write_package(stored, Path("image"))


def main(argv: Sequence[str]) -> int:
    """Fills the current folder as the arguments say (see the module's text)."""
    if len(argv) != 9:
        print("ERROR: usage: pull NAME REGISTRY REPOSITORY DIGEST TAG ARCHITECTURE OS VARIANT INSECURE", file=sys.stderr)
        return 2
    try:
        fill(*argv)
    except OSError as error:
        # run has its own sentence for a full disk.
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or not str(error.filename or "").startswith(str(cache_dir())):
            raise
        raise InputError(f"{error.filename}: {error.strerror}; let this user write there, or name another folder for the cache in XDG_CACHE_HOME") from None
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
