"""The files of one built image, read together and checked against its manifest."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rules.image.tools.errors import InputError
from rules.image.tools.oci import oci

# A file beside the layers of an image that was chosen from a multi-platform image by default: its platforms.
PLATFORMS = "platforms.json"
# A file beside the parts of an image that push/layout.py wrote: the manifests and indexes, in the order of a push.
ORDER = "order.json"


class ImageFiles(NamedTuple):
    """An image's manifest and the files of its blobs.

    Attributes:
        manifest: the manifest's bytes.
        digest: the manifest's digest.
        media_type: the manifest's media type.
        parts: the descriptors of the config and of the layers, base first.
        blobs: size in bytes and file of each blob by digest, the config first, then the layers, base first.
    """

    manifest: bytes
    digest: str
    media_type: str
    parts: list[dict[str, Any]]
    blobs: dict[str, tuple[int, Path]]


def blob_path(digest: str) -> str:
    """Returns the path of a blob in a layout, for a checked digest."""
    return "blobs/sha256/" + digest.removeprefix("sha256:")


def layer_blobs(layers: Iterable[str | Path]) -> list[Path]:
    """Returns the blobs of layers, base first.

    Args:
        layers: files, or folders as importing.py writes them: a blob `N` and its descriptor `N.json` for each layer,
            numbered from 0. The number of layers is unknown before the folder is written.

    Raises:
        InputError: a folder has other files than those.
    """
    found = []
    for layer in map(Path, layers):
        if not layer.is_dir():
            found.append(layer)
            continue
        names = {entry.name for entry in layer.iterdir()} - {PLATFORMS}
        count = len(names) // 2
        if names != {f"{number}{ending}" for number in range(count) for ending in ("", ".json")}:
            raise InputError(f"{layer} is not a folder of layers ({count * 2} files N and N.json were looked for); build the image again")
        found += [layer / str(number) for number in range(count)]
    return found


def read(manifest: str | Path, config: str | Path, layers: Sequence[str | Path]) -> ImageFiles:
    """Reads a manifest and checks the number and sizes of the files against it.

    Args:
        manifest: the image manifest.
        config: the image config.
        layers: what layer_blobs takes.

    Raises:
        InputError: a file is missing, or the manifest is malformed or does not match the files.
    """
    try:
        data = Path(manifest).read_bytes()
        files = [Path(config), *layer_blobs(layers)]
        sizes = [os.stat(path).st_size for path in files]
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}; build the image again") from None
    parsed = oci.check_manifest(data, str(manifest))
    parts = [parsed["config"], *parsed["layers"]]
    if len(parts) != len(files):
        raise InputError(f"{manifest} names {len(parts) - 1} layers, but {len(files) - 1} were given; build the image again")
    for part, path, size in zip(parts, files, sizes, strict=False):
        if size != part["size"]:
            raise InputError(f"{path} has {size} bytes, but {manifest} says {part['size']}; build the image again")
    return ImageFiles(
        data, oci.sha256(data), parsed["mediaType"], parts, {part["digest"]: (part["size"], path) for part, path in zip(parts, files, strict=False)}
    )
