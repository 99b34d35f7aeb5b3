"""Creates OCI image archives of one executable, and identifies archives.

Formats: https://github.com/opencontainers/image-spec (image layout, manifest, config) and the archives of `docker save`.
containerd imports both.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from cluster.common.errors import ClusterError

__all__ = ["archive_digest", "executable_image"]

_EPOCH = "1970-01-01T00:00:00Z"
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"


def executable_image(archive: Path, name: str, executable: Path, command: Sequence[str], *, architecture: str = "amd64", user: str = "65532") -> None:
    """Writes an OCI archive with an image that has one static executable in /bin. The same input gives the same bytes.

    Args:
        archive: the file to write.
        name: the full image reference.
        executable: the executable.
        command: the entrypoint, which begins with /bin/EXECUTABLE.
        architecture: the image's architecture.
        user: the user ID that the image runs as.
    """
    layer = _layer(executable)
    config = _json(
        {
            "architecture": architecture,
            "os": "linux",
            "created": _EPOCH,
            "config": {"Entrypoint": list(command), "User": user, "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
            "history": [{"created": _EPOCH, "created_by": "turnup"}],
        }
    )
    manifest = _json({"schemaVersion": 2, "mediaType": _MANIFEST, "config": _descriptor(_CONFIG, config), "layers": [_descriptor(_LAYER, layer)]})
    # containerd reads the name from the first key, OCI tools from the second.
    names = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name}
    index = _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [{**_descriptor(_MANIFEST, manifest), "annotations": names}]})
    with tarfile.open(archive, "w", format=tarfile.USTAR_FORMAT) as tar:
        _add(tar, "oci-layout", _json({"imageLayoutVersion": "1.0.0"}))
        _add(tar, "index.json", index)
        for blob in (manifest, config, layer):
            _add(tar, f"blobs/sha256/{_digest(blob).removeprefix('sha256:')}", blob)


def archive_digest(archive: Path) -> str:
    """Returns the digest of an archive's index or manifest list, which identifies its images.

    Raises:
        ClusterError: the file is not an image archive.
    """
    try:
        with tarfile.open(archive) as tar:
            for member in ("index.json", "manifest.json"):
                try:
                    stream = tar.extractfile(member)
                except KeyError:
                    continue
                if stream is not None:
                    return _digest(stream.read())
    except FileNotFoundError:
        raise ClusterError(f"{archive} does not exist; name an OCI or Docker image archive") from None
    except tarfile.TarError:  # its message has a line for each compression that it tried
        raise ClusterError(f"{archive} is not a tar archive; name an OCI or Docker image archive") from None
    except OSError as error:
        raise ClusterError(f"{archive} cannot be read ({error.strerror or error}); name an OCI or Docker image archive") from None
    raise ClusterError(f"{archive} has neither index.json nor manifest.json; name an OCI or Docker image archive")


def _layer(executable: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        folder = tarfile.TarInfo("bin")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o755
        tar.addfile(folder)
        _add(tar, f"bin/{executable.name}", executable.read_bytes(), 0o755)
    return buffer.getvalue()


def _add(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    # TarInfo's defaults, owner 0 and time 0, depend on nothing of this machine.
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    tar.addfile(member, io.BytesIO(content))


def _json(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":"), sort_keys=True).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(media_type: str, content: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(content), "size": len(content)}
