"""Images as the image rules write them, for tests of pushes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from rules.image.tools.oci import oci
from rules.image.tools.push.push import Image


def make_image(folder: Path, repository: str, layers: list[bytes], tags: tuple[str, ...] = ()) -> Image:
    """Writes an image's files and returns it; equal layers have equal files."""
    folder.mkdir(exist_ok=True)
    pairs, descriptors = [], []
    for data in layers:
        descriptor = {"mediaType": oci.LAYER_GZIP, "digest": oci.sha256(data), "size": len(data)}
        blob = folder / (hashlib.sha256(data).hexdigest() + ".blob")
        blob.write_bytes(data)
        blob.with_suffix(".json").write_bytes(oci.dump(descriptor))
        pairs.append((blob, blob.with_suffix(".json")))
        descriptors.append(descriptor)
    config = oci.dump({"rootfs": {"diff_ids": [], "n": repository}})
    stem = hashlib.sha256(repository.encode() + b"".join(layers)).hexdigest()
    (folder / f"{stem}.config").write_bytes(config)
    (folder / f"{stem}.manifest").write_bytes(oci.dump(oci.build_manifest(config, descriptors)))
    return Image(folder / f"{stem}.manifest", folder / f"{stem}.config", pairs, repository, tags)
