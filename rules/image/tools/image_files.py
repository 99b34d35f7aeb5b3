"""The files of one built image, read together and checked against each other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple, Sequence

from rules.image.tools import oci
from rules.image.tools.errors import InputError


class ImageFiles(NamedTuple):
    """An image's manifest and where its blobs are.

    Attributes:
        manifest: the manifest's bytes.
        digest: the manifest's digest.
        blobs: size in bytes and file of each blob by digest, the config first, then the layers, base first.
    """

    manifest: bytes
    digest: str
    blobs: dict[str, tuple[int, Path]]


def read(manifest: str | Path, config: str | Path, layers: Sequence[str | Path]) -> ImageFiles:
    """Read a manifest and check that the files given are as many and as large as it says.

    Raises:
        InputError: a file is missing, or the manifest is malformed or does not fit the files.
    """
    try:
        data = Path(manifest).read_bytes()
        sizes = [os.stat(path).st_size for path in (config, *layers)]
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}; build the image again") from None
    parsed = oci.check_manifest(data, str(manifest))
    parts = [parsed["config"], *parsed["layers"]]
    files = [Path(config), *(Path(layer) for layer in layers)]
    if len(parts) != len(files):
        raise InputError(f"{manifest}: names {len(parts) - 1} layers, {len(files) - 1} were given; build the image again")
    for part, path, size in zip(parts, files, sizes):
        if size != part["size"]:
            raise InputError(f"{path}: has {size} bytes, {manifest} says {part['size']}; build the image again")
    return ImageFiles(data, oci.sha256(data), {part["digest"]: (part["size"], path) for part, path in zip(parts, files)})
