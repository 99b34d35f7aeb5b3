"""Creates OCI image archives of one executable, and identifies archives.

Formats: https://github.com/opencontainers/image-spec (image layout, manifest, config) and the archives of `docker save`.
containerd imports both.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from cluster.common.errors import ClusterError
from rules.common import unpacking
from rules.common.errors import InputError

__all__ = ["archive_digest", "check_archive", "executable_image"]

_EPOCH = "1970-01-01T00:00:00Z"
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_LISTS = ("index.json", "manifest.json")
# ModuleNotFoundError: the archive itself is compressed with Zstandard, which only builds can unpack.
_DAMAGES = (tarfile.TarError, EOFError, ValueError, zlib.error, lzma.LZMAError, ModuleNotFoundError)
_MOST = 4 << 20  # bytes of index.json or manifest.json, the limit of registries for a manifest
_BLOCK = 1 << 20
_ZSTD = b"\x28\xb5\x2f\xfd"
_ZSTD_BLOCK = 128 << 10  # the most bytes that a block unpacks to


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
    found = {}
    try:
        with open(archive, "rb") as file, tarfile.open(fileobj=unpacking.open_decompressed(file, str(archive)), mode="r:") as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.name in _LISTS and member.isreg() and not member.issparse() else None
                if stream is not None:
                    data = stream.read(_MOST + 1)
                    if len(data) > _MOST:
                        raise ClusterError(f"{archive}: {member.name} has more than {_MOST} bytes, too many for an image's metadata; build it again")
                    found[member.name] = _digest(data)
    except InputError as error:
        raise ClusterError(str(error)) from None
    except FileNotFoundError:
        raise ClusterError(f"{archive} does not exist; name an OCI or Docker image archive") from None
    except _DAMAGES:
        raise ClusterError(f"{archive} is not a tar archive; name an OCI or Docker image archive") from None
    except OSError as error:
        raise ClusterError(f"{archive} cannot be read ({error.strerror or error}); name an OCI or Docker image archive") from None
    for name in _LISTS:
        if name in found:
            return found[name]
    raise ClusterError(f"{archive} has neither index.json nor manifest.json; name an OCI or Docker image archive")


def check_archive(archive: Path) -> None:
    """Reads an archive and its layers within the limits of the image rules, before a node unpacks it onto the machine's disk.

    Raises:
        ClusterError: the archive or a layer looks like a decompression bomb, or is damaged.
    """
    try:
        with open(archive, "rb") as file, tarfile.open(fileobj=unpacking.open_decompressed(file, str(archive)), mode="r:") as tar:
            for member in tar:
                if member.issparse():
                    raise ClusterError(f"{archive}: {member.name!r:.200} is a sparse file, which no image has; build it again")
                stream = tar.extractfile(member) if member.isreg() else None
                if stream is not None:
                    _read_layer(stream, member.size, f"{archive}: {member.name!r:.200}")
    except InputError as error:
        raise ClusterError(str(error)) from None
    except OSError as error:
        if error.errno is not None:
            raise ClusterError(f"{archive} cannot be read ({error.strerror}); name an OCI or Docker image archive") from None
        raise ClusterError(f"{archive} is damaged ({error}); build or fetch it again") from None
    except _DAMAGES as error:
        raise ClusterError(f"{archive} is damaged ({str(error).partition(chr(10))[0]}); build or fetch it again") from None


def _read_layer(stream: IO[bytes], size: int, where: str) -> None:
    """Reads a blob to its end if it is compressed."""
    start = stream.peek(4)[:4]  # type: ignore[attr-defined]  # tarfile gives a BufferedReader
    if start[:2] == b"\x1f\x8b":
        plain = unpacking.LimitedStream(gzip.GzipFile(fileobj=stream), size, where)
    elif start == _ZSTD:
        _measure_zstd(stream, size, where)
        return
    else:
        return
    while plain.read(_BLOCK):
        pass


def _measure_zstd(stream: IO[bytes], size: int, where: str) -> None:
    """Adds up what the blocks of a Zstandard stream (RFC 8878) may unpack to; Python's own library cannot unpack them.

    Raises:
        InputError: they unpack to more than the limit.
        EOFError: the stream is cut short or damaged.
    """
    total, most = 0, min(max(unpacking.FREE, size * unpacking.RATIO), unpacking.TOTAL)

    def take(count: int) -> bytes:
        data = stream.read(count)
        if len(data) < count:
            raise EOFError("cut short")
        return data

    while magic := stream.read(4):
        if magic[1:] == b"\x2a\x4d\x18" and magic[0] >> 4 == 5:  # a frame of other data, to be skipped
            left = int.from_bytes(take(4), "little")
            while left:
                left -= len(take(min(left, _BLOCK)))
            continue
        if magic != _ZSTD:
            raise EOFError("no Zstandard frame where one should begin")
        flags = take(1)[0]
        single, of_size = flags >> 5 & 1, flags >> 6
        take(1 - single + (0, 1, 2, 4)[flags & 3] + (1 << of_size if of_size else single))  # window, dictionary, size of the content
        last = 0
        while not last:
            header = int.from_bytes(take(3), "little")
            last, kind, count = header & 1, header >> 1 & 3, header >> 3
            total += count if kind < 2 else _ZSTD_BLOCK  # raw and repeated bytes have their size, others at most this one
            if total > most:
                raise InputError(f"{where}: unpacks to more than {most} bytes, which looks like a decompression bomb; build it again")
            take(1 if kind == 1 else count)
        take(4 * (flags >> 2 & 1))  # the checksum


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
