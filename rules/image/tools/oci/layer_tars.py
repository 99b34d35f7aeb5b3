"""Reads layers back: the tar in a blob, for any compression."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rules.common import unpacking
from rules.image.tools.errors import InputError
from rules.image.tools.oci import oci

_BLOCK = 1 << 20


@contextmanager
def open_layer(path: Path, media_type: str, where: str) -> Iterator[unpacking.LimitedStream]:
    """Yields a layer's tar as a stream of bytes, with a limit against decompression bombs.

    Args:
        path: the blob.
        media_type: OCI media type in its descriptor.
        where: the image to name in errors.

    Raises:
        InputError: the compressed data is damaged or truncated; it may be raised while the stream is read.
    """
    with open(path, "rb") as blob:
        size = os.fstat(blob.fileno()).st_size
        try:
            if media_type == oci.LAYER_GZIP:
                from isal import igzip  # each layer needs one of the two

                with igzip.open(blob) as stream:  # type: ignore[no-untyped-call]  # isal ships this function without types
                    yield unpacking.LimitedStream(stream, size, where)
            elif media_type == oci.LAYER_ZSTD:
                import zstandard

                with zstandard.ZstdDecompressor().stream_reader(blob, read_across_frames=True) as stream:
                    yield unpacking.LimitedStream(stream, size, where)
            else:
                yield unpacking.LimitedStream(blob, size, where)
        except (OSError, EOFError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            raise InputError(f"{where}: {path.name} is damaged or cut short ({error}); build or fetch it again") from None
        except Exception as error:  # isal and zstandard raise their own errors, without a common base
            if type(error).__name__ not in ("IsalError", "error", "ZstdError"):
                raise
            raise InputError(f"{where}: {path.name} is damaged or cut short ({error}); build or fetch it again") from None


def diff_id(path: Path, media_type: str, where: str) -> str:
    """Returns the digest of a layer's tar; see open_layer for the arguments and errors."""
    hasher = hashlib.sha256()
    with open_layer(path, media_type, where) as stream:
        while data := stream.read(_BLOCK):
            hasher.update(data)
    return "sha256:" + hasher.hexdigest()
