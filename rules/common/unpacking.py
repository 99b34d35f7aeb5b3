"""Streams of decompressed archives, with limits on memory and size.

A few kilobytes of a compressed archive can expand to terabytes. LimitedStream refuses those; ContentStore keeps large content on
disk.
"""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, Any, NamedTuple

from rules.common.errors import InputError

TOTAL = 256 << 30  # bytes that one archive may unpack to
RATIO = 200  # bytes from each byte of it; real layers have 2 to 10 ...
FREE = 1 << 30  # ... and small ones with files full of zeros any, up to this size
MEMORY = 64 << 20  # bytes of files that are kept in memory
_HEADER = 16 << 20  # bytes read at once; only a malicious tar header asks for more
_BLOCK = 1 << 20


class StoredContent(NamedTuple):
    """A file's content in a ContentStore: the store's file, the offset, and the size in bytes."""

    file: IO[bytes]
    offset: int
    size: int

    def read(self) -> bytes:
        """Returns the content."""
        return os.pread(self.file.fileno(), self.size, self.offset)


class ContentStore:
    """Keeps the content of files: a little in memory, the rest in a temporary file that lives as long as this object."""

    def __init__(self) -> None:
        self._kept = 0
        self._file: IO[bytes] | None = None

    def keep(self, source: IO[bytes], size: int) -> bytes | StoredContent:
        """Stores the rest of a stream of at most size bytes.

        Raises:
            OSError: the disk is full.
        """
        if self._kept + size <= MEMORY:
            parts = []
            while data := source.read(_BLOCK):
                parts.append(data)
            self._kept += size
            return b"".join(parts)
        import tempfile  # large layers only

        try:
            if self._file is None:
                self._file = tempfile.TemporaryFile()  # noqa: SIM115  # stays open as long as this object lives
            start = self._file.seek(0, os.SEEK_END)
            while data := source.read(_BLOCK):
                self._file.write(data)
            self._file.flush()
        except OSError as error:
            if error.errno is None:  # an error of a damaged archive
                raise
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from None
        return StoredContent(self._file, start, self._file.tell() - start)


class LimitedStream:
    """A decompressed stream with a size limit; it has the methods that tarfile needs.

    Args:
        stream: gives the bytes.
        packed: size of the archive that they come from.
        where: the place to name in errors.
    """

    def __init__(self, stream: Any, packed: int, where: str) -> None:
        self._stream = stream
        self._most = min(max(FREE, packed * RATIO), TOTAL)
        self._where = where
        self._position = 0

    def read(self, size: int) -> bytes:
        """Returns up to size bytes.

        Raises:
            InputError: the archive expands to more than its limit.
        """
        if size > _HEADER:
            raise InputError(f"{self._where}: has a header of {size} bytes, which no file needs; build it again")
        data: bytes = self._stream.read(size)
        self._move(self._position + len(data))
        return data

    def tell(self) -> int:
        """Returns the position in bytes."""
        return self._position

    def seek(self, position: int) -> int:
        """Seeks forward to a position."""
        if position != self._position:
            self._move(position)
            self._stream.seek(position)
        return position

    if TYPE_CHECKING:  # tarfile's types ask for these two; reading calls neither

        def write(self, data: bytes, /) -> int:
            """Writes nothing: the stream is read only."""

        def close(self) -> None:
            """Leaves the file open: the caller closes it."""

    def _move(self, position: int) -> None:
        if position > self._most:
            raise InputError(f"{self._where}: unpacks to more than {self._most} bytes, which looks like a decompression bomb; build it again")
        self._position = position


def open_decompressed(file: IO[bytes], where: str) -> LimitedStream:
    """Returns the content of a file that is compressed with gzip, bzip2, xz or zstd, or not at all.

    Args:
        file: opened for reading bytes.
        where: the place to name in errors.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    start = file.read(6)
    file.seek(0)
    stream: Any = file
    # each archive needs one of them
    if start.startswith(b"\x1f\x8b"):
        import gzip

        stream = gzip.GzipFile(fileobj=file)
    elif start.startswith(b"BZh"):
        import bz2

        stream = bz2.BZ2File(file)
    elif start.startswith(b"\xfd7zXZ\0"):
        import lzma

        stream = lzma.LZMAFile(file)  # noqa: SIM115  # the caller reads it
    elif start.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True, closefd=False)
    return LimitedStream(stream, size, where)
