"""OCI layouts for tests, made from a few bytes."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

from rules.image.tools.oci import image_files, oci


def tar_of(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    """Returns a tar of files and symbolic links."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return out.getvalue()


LAYER = tar_of({"hello": b"there"})


def layout(
    architecture: str = "amd64", layer: bytes = gzip.compress(LAYER, mtime=0), kind: str = oci.LAYER_GZIP, manifest_type: str | None = oci.MANIFEST
) -> dict[str, bytes]:
    """Returns the files of an OCI layout with one image of one layer."""
    diff_id = oci.sha256(LAYER)
    config = oci.dump({"architecture": architecture, "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": [diff_id]}})
    parsed = oci.build_manifest(config, [{"mediaType": kind, "digest": oci.sha256(layer), "size": len(layer)}])
    parsed["layers"][0]["mediaType"] = kind
    parsed.pop("mediaType")
    if manifest_type:
        parsed["mediaType"] = manifest_type
    manifest = oci.dump(parsed)
    descriptor = {"mediaType": manifest_type or oci.MANIFEST, "digest": oci.sha256(manifest), "size": len(manifest)}
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": oci.dump({"schemaVersion": 2, "manifests": [descriptor]})}
    return {**files, **{image_files.blob_path(oci.sha256(data)): data for data in (manifest, config, layer)}}


def write(files: dict[str, bytes], folder: Path) -> Path:
    """Writes files into a folder and returns it."""
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder
