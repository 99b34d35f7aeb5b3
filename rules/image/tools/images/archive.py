"""Writes images to one tar, or one image to an OCI layout folder.

The tar is an OCI layout (image-spec 1.1, image-layout.md) that also has docker's manifest.json, so that
`ctr images import`, `docker load`, skopeo and podman all read it.

    archive {--image REFERENCE MANIFEST CONFIG [--layer FILE]…}… [--status FILE]… [--by-flag] (--tar OUT | --layout OUT_DIR)

With --by-flag and without --status, names keep their stamp variables, and a note on stderr says so.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from rules.common import stamping
from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import InputError, run, writing
from rules.image.tools.oci import image_files, oci, tar_headers
from rules.image.tools.oci.image_files import ImageFiles, blob_path

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_BLOCK = 1 << 20


def qualify(name: str) -> str:
    """Returns a reference with its registry: the first part counts as one if it has '.' or ':' or is localhost.

    containerd finds images by the full name; docker shows it without its default registry.
    """
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def check_name(name: str) -> str:
    """Returns name if it is REPOSITORY:TAG, with a registry before it or not; raises InputError otherwise."""
    match = re.fullmatch(r"(?:(?:[a-zA-Z0-9.-]+(?::[0-9]+)?|localhost)/)?([a-z0-9][^:@]*):([^:@/]+)", name)
    if not match:
        raise InputError(f"image name {name!r:.200}: write REPOSITORY:TAG, such as shop/server:latest")
    oci.check_repository(match[1], "image name")
    oci.check_tag(match[2], "image name")
    return name


def index(images: Mapping[str, ImageFiles]) -> bytes:
    """Returns index.json of a layout that holds images under their names."""
    descriptors = [
        {
            "annotations": {"io.containerd.image.name": qualify(name), "org.opencontainers.image.ref.name": name.rpartition(":")[2]},
            "digest": image.digest,
            "mediaType": image.media_type,
            "size": len(image.manifest),
        }
        for name, image in images.items()
    ]
    return oci.dump({"schemaVersion": 2, "mediaType": oci.INDEX, "manifests": descriptors})


def docker_manifest(images: Mapping[str, ImageFiles]) -> bytes:
    """Returns docker's manifest.json for images."""
    entries = []
    for name, image in images.items():
        config, *layers = (blob_path(part["digest"]) for part in image.parts)
        entries.append({"Config": config, "Layers": layers, "RepoTags": [name]})
    return oci.dump(entries)


def write_tar(out: BinaryIO, files: Sequence[tuple[str, bytes | Path]]) -> None:
    """Writes (path, bytes or path of the file) pairs as a tar, in the given order, owned by root, at time 0."""
    for path, source in files:
        size = len(source) if isinstance(source, bytes) else os.stat(source).st_size
        out.write(tar_headers.header(path.encode(), tar_headers.REGULAR, 0o444, 0, 0, size=size))
        if isinstance(source, bytes):
            out.write(source)
        else:
            with open(source, "rb") as file:
                shutil.copyfileobj(file, out, _BLOCK)
        out.write(tar_headers.padding(size))
    out.write(tar_headers.END)


def members(images: Mapping[str, ImageFiles]) -> Iterator[tuple[str, bytes | Path]]:
    """Yields the files of a layout of images, as (path, bytes or path of the file); small files first, for streaming readers."""
    yield "oci-layout", _LAYOUT
    yield "index.json", index(images)
    yield "manifest.json", docker_manifest(images)
    blobs: dict[str, bytes | Path] = {image.digest: image.manifest for image in images.values()}
    for image in images.values():
        blobs.update((digest, path) for digest, (_, path) in image.blobs.items())
    for digest, source in blobs.items():  # images share a layer's file
        yield blob_path(digest), source


class _Layer(argparse.Action):
    """Adds a layer to the last --image."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None) -> None:
        namespace.image[-1].append(values)


def _named(name: str, status: Mapping[str, str], *, kept: bool) -> str:
    """Returns a name with its stamp variables filled in, or kept with a note on stderr; raises InputError if it is not a name."""
    if kept and stamping.variables(name):
        check_name(stamping.placeholders(name))
        print(f"NOTE: image name {name!r} keeps its stamp variable, because the build is without --stamp", file=sys.stderr)
        return name
    return check_name(stamping.fill(name, status, f"image name {name}") if status else name)


def main(argv: Sequence[str]) -> int:
    """Writes the tar or the folder as the arguments say (see the module's text)."""
    parser = argparse.ArgumentParser(prog="archive", allow_abbrev=False)
    parser.add_argument("--image", nargs=3, action="append", required=True)
    parser.add_argument("--layer", action=_Layer)
    parser.add_argument("--status", action="append", default=[])
    parser.add_argument("--by-flag", action="store_true")
    output = parser.add_mutually_exclusive_group(required=True)
    output.add_argument("--tar")
    output.add_argument("--layout")
    options = parser.parse_args(read_arguments(argv))
    status = stamping.read_status(options.status)
    images: dict[str, ImageFiles] = {}
    for name, manifest, config, *layers in options.image:
        stamped = _named(name, status, kept=options.by_flag and not options.status)
        if stamped in images:
            raise InputError(f"image name {stamped!r}: two images of one archive have this name; give one of them another name")
        images[stamped] = image_files.read(manifest, config, layers)
    files = list(members(images))
    if options.tar:
        with writing("", options.tar), open(options.tar, "wb") as out:
            write_tar(out, files)
        return 0
    for path, source in files:
        place = Path(options.layout, path)
        place.parent.mkdir(parents=True, exist_ok=True)
        with writing("", place):
            if isinstance(source, bytes):
                place.write_bytes(source)
            else:
                shutil.copyfile(source, place)
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
