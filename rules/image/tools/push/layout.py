"""Unpacks a prebuilt image for a push: every manifest, index and blob, for all its platforms.

    push_layout --where NAME --output OUT_DIR FILE…

FILE as for importing.py. OUT_DIR gets each part under the hex digits of its digest, and `order.json`, a list of manifests and
indexes as {digest, mediaType, size, parts: [{digest, size}, …]}: each after all that it refers to, the image itself last.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import InputError, run, writing
from rules.image.tools.images import importing
from rules.image.tools.oci import oci
from rules.image.tools.oci.image_files import ORDER, blob_path

_DEPTH = 4


class _Parts:
    """The manifests, indexes and blobs of one layout, in the order of a push.

    Args:
        source: the layout.
        folder: where to write them.
    """

    def __init__(self, source: importing.Source, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self.order: dict[str, dict[str, Any]] = {}

    def add(self, descriptor: Mapping[str, Any], depth: int = 0) -> None:
        """Adds the manifest or index that a descriptor names, after everything it refers to."""
        self.add_data(importing.metadata(self._source, descriptor), descriptor.get("mediaType"), depth)

    def add_data(self, data: bytes, declared_type: object = None, depth: int = 0) -> None:
        """Adds a manifest or index; declared_type is the media type in its descriptor."""
        where, digest = self._source.name, oci.sha256(data)
        parsed = oci.load(data, where)
        kind = parsed.get("mediaType") or declared_type or (oci.INDEX if "manifests" in parsed else oci.MANIFEST)
        parts: list[dict[str, Any]] = []
        if kind in oci.INDEXES:
            if depth == _DEPTH:
                raise InputError(f"{where}: indexes are nested more than four deep; name an image in it by its digest")
            importing.images_of(parsed, where)
            for entry in parsed["manifests"]:
                self.add(entry, depth + 1)
        elif kind in oci.MANIFESTS:
            parts = self._blobs(parsed)
        else:
            raise InputError(f"{where}: found {kind!r:.120}, but an image manifest or index is needed; give {oci.MANIFEST} or {oci.INDEX}")
        path = self._folder / digest.removeprefix("sha256:")
        with writing(where, path):
            path.write_bytes(data)
        self.order.setdefault(digest, {"digest": digest, "mediaType": kind, "size": len(data), "parts": parts})

    def _blobs(self, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Copies the blobs of a manifest, of an image or of an attestation, and returns their digests and sizes."""
        where, layers = self._source.name, manifest.get("layers")
        parts = []
        for descriptor in [manifest.get("config"), *(layers if isinstance(layers, list) else [None])]:
            if not isinstance(descriptor, dict):
                raise InputError(f"{where}: a manifest without config or layers; build or fetch it again")
            digest, size = oci.check_digest(descriptor.get("digest"), f"{where}: digest"), oci.check_size(descriptor.get("size"), f"{where}: size")
            parts.append({"digest": digest, "size": size})
            out = self._folder / digest.removeprefix("sha256:")
            if out.exists():
                continue
            file = self._source.open(blob_path(digest))
            if file is None:
                raise InputError(f"{where}: {blob_path(digest)} is referenced but missing; build or fetch it again")
            with file:
                importing.copy_blob(file, size, digest, out, where)
        return parts


def _add_layout(parts: _Parts, data: bytes, where: str) -> None:
    """Adds an OCI layout: the one image that it names, or its index itself if that names one image per platform."""
    index = oci.load(data, where)
    known = importing.images_of(index, where)
    if len({entry.get("digest") for entry in index["manifests"]}) == 1:
        parts.add(index["manifests"][0])
    elif known:
        importing.check_distinct(known, where)
        parts.add_data(data, oci.INDEX)
    else:
        raise InputError(f"{where}: its index.json names no image; build or fetch it again")


def _add_archive(parts: _Parts, source: importing.Source, folder: Path) -> None:
    """Adds the image of a docker save archive, with the manifest that the archive lacks."""
    with tempfile.TemporaryDirectory(dir=folder) as layers:
        stored = importing.read(source, Path(layers))
        for number, layer in enumerate(stored.layers):
            os.replace(Path(layers, str(number)), folder / layer["digest"].removeprefix("sha256:"))
    (folder / oci.sha256(stored.config).removeprefix("sha256:")).write_bytes(stored.config)
    parts.add_data(stored.manifest)


def main(argv: Sequence[str]) -> int:
    """Writes the folder as the arguments say (see the module's text)."""
    parser = argparse.ArgumentParser(prog="push_layout", allow_abbrev=False)
    parser.add_argument("--where", required=True)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    options = parser.parse_args(read_arguments(argv))
    options.output.mkdir(parents=True, exist_ok=True)
    source = importing.open_source(options.where, options.files)
    parts = _Parts(source, options.output)
    if (index := importing.read_small(source, "index.json")) is not None:
        _add_layout(parts, index, options.where)
    else:
        _add_archive(parts, source, options.output)
    (options.output / ORDER).write_bytes(oci.dump(list(parts.order.values())))
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
