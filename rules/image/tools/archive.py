"""Put an image into one tar, or into an OCI layout folder.

The tar is an OCI layout (image-spec 1.1, image-layout.md) that also has docker's manifest.json, so that
`ctr images import`, `docker load`, skopeo and podman all read it.

    archive --manifest FILE --config FILE [--layer FILE]… --name REFERENCE (--tar OUT | --layout OUT_DIR)
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any, BinaryIO, Iterator, Sequence

from rules.image.tools import image_files, oci, tarfmt
from rules.image.tools.errors import InputError, run
from rules.image.tools.image_files import ImageFiles

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_BLOCK = 1 << 20


def qualified(name: str) -> str:
    """Return a reference with its registry: the first part counts as one if it has '.' or ':' or is localhost.

    containerd looks images up by the full name, docker shows it without its default registry's.
    """
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def check_name(name: str) -> str:
    """Return name if it is REPOSITORY:TAG, with a registry before it or not; raise InputError otherwise."""
    match = re.fullmatch(r"(?:(?:[a-zA-Z0-9.-]+(?::[0-9]+)?|localhost)/)?([a-z0-9][^:@]*):([^:@/]+)", name)
    if not match:
        raise InputError(f"image name {name!r:.200}: write REPOSITORY:TAG, such as shop/server:latest")
    oci.check_repository(match[1], "image name")
    oci.check_tag(match[2], "image name")
    return name


def index(manifest: bytes, name: str) -> bytes:
    """Return index.json of a layout that holds one image under one name."""
    annotations = {"io.containerd.image.name": qualified(name), "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
    descriptor: dict[str, Any] = {
        "annotations": annotations,
        "digest": oci.sha256(manifest),
        "mediaType": oci.MANIFEST,
        "size": len(manifest),
    }
    return oci.dump({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [descriptor]})


def docker_manifest(manifest: bytes, name: str) -> bytes:
    """Return docker's manifest.json for the same image."""
    parsed = oci.load(manifest, name)

    def path(part: dict[str, Any]) -> str:
        return "blobs/sha256/" + part["digest"].removeprefix("sha256:")

    return oci.dump([{"Config": path(parsed["config"]), "Layers": [path(layer) for layer in parsed["layers"]], "RepoTags": [name]}])


def write_tar(out: BinaryIO, files: Sequence[tuple[str, bytes | Path]]) -> None:
    """Write (path, bytes or path of the file) pairs as a tar, in the given order, owned by root, at time 0."""
    for path, source in files:
        size = len(source) if isinstance(source, bytes) else os.stat(source).st_size
        out.write(tarfmt.header(path.encode(), tarfmt.REGULAR, 0o444, 0, 0, size=size))
        if isinstance(source, bytes):
            out.write(source)
        else:
            with open(source, "rb") as file:
                shutil.copyfileobj(file, out, _BLOCK)
        out.write(tarfmt.padding(size))
    out.write(tarfmt.END)


def members(image: ImageFiles, name: str) -> Iterator[tuple[str, bytes | Path]]:
    """Yield what an image's layout has, as (path, bytes or path of the file); small files first, for readers of streams."""
    yield "oci-layout", _LAYOUT
    yield "index.json", index(image.manifest, name)
    yield "manifest.json", docker_manifest(image.manifest, name)
    yield "blobs/sha256/" + image.digest.removeprefix("sha256:"), image.manifest
    for digest, (_, path) in image.blobs.items():
        yield "blobs/sha256/" + digest.removeprefix("sha256:"), path


def main(argv: Sequence[str]) -> int:
    """Write the tar or the folder as the arguments say (see the module's text)."""
    parser = argparse.ArgumentParser(prog="archive", fromfile_prefix_chars="@", allow_abbrev=False)
    for option in ("--manifest", "--config", "--name"):
        parser.add_argument(option, required=True)
    parser.add_argument("--layer", action="append", default=[])
    output = parser.add_mutually_exclusive_group(required=True)
    output.add_argument("--tar")
    output.add_argument("--layout")
    options = parser.parse_args(argv)
    image = image_files.read(options.manifest, options.config, options.layer)
    files = list(members(image, check_name(options.name)))
    if options.tar:
        with open(options.tar, "wb") as out:
            write_tar(out, files)
        return 0
    for path, source in files:
        place = Path(options.layout, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            place.write_bytes(source)
        else:
            shutil.copyfile(source, place)
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
