"""Writes one image layer in one pass: a deterministic tar, compressed, with both digests.

As a program (one @FILE argument may hold the rest, one argument a line):

    layer --where=LABEL --blob=OUT --descriptor=OUT [--file DEST SRC]… [--program DEST SRC]… [--tree DEST SRC_DIR]… [--tar=FILE]…
          [--deb=FILE]… [--directory=PATH] [--mode=OCTAL] [--mode-of-empty=OCTAL] [--owner=UID:GID] [--empty-file=PATH]…
          [--empty-dir=PATH]… [--symlink PATH TARGET]… [--exclude=GLOB]… [--compression=zstd:LEVEL|gzip|none]
          [--lower=FILE [--beside=PATH]…] [--rootfs] [--compile-python]

--mode is the mode of files; without it, executable files get 0555 and others 0444. `content` gives 0555 to programs by their
first bytes, so that the checkout's modes do not matter. A --program always gets 0555. --mode-of-empty is the mode of empty files and folders,
instead of 0444 and 0755. --lower names the folders and links of the layers below, which lower.py wrote; the layer keeps them, also
where layers between have a folder --beside.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import BinaryIO, NamedTuple

from rules.common import worker
from rules.common.unpacking import StoredContent
from rules.image.tools.arguments import read_arguments, take_pairs
from rules.image.tools.errors import InputError, check_written, run, writing
from rules.image.tools.layers import entries
from rules.image.tools.layers.entries import Entry, Tree
from rules.image.tools.oci import oci, tar_headers

CHUNK = 1 << 20  # bytes per queue item; hashing and deflating release the GIL at this size
_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # RFC 1952: no name, time 0, unknown system
_PAIRS = ("--file", "--program", "--tree", "--symlink")
_DEFAULT_ACL = "system.posix_acl_default"
_LEVEL = 1  # measured: 1/14 of zlib-6's time for 1/6 more bytes


class Blob(NamedTuple):
    """The OCI descriptor of a written layer and the digest of its tar.

    Attributes:
        media_type: OCI media type of the blob.
        digest: sha256 of the blob as written.
        size: bytes of the blob.
        diff_id: sha256 of the uncompressed tar.
    """

    media_type: str
    digest: str
    size: int
    diff_id: str


def tar_chunks(items: Sequence[tuple[str, Entry]], where: str) -> Iterator[bytes]:
    """Yields the tar of sorted entries in pieces of CHUNK bytes, the last one shorter.

    Args:
        items: (path, entry) as Tree.sorted() gives them.
        where: the target to name in errors.

    Raises:
        InputError: a source file is missing or changes its size while it is read.
    """
    buffer = bytearray()
    seen: dict[int, bytes] = {}
    for name, entry in _with_late_defaults(items):
        path = name.encode("utf-8", "surrogateescape")
        owner = (entry.mode, entry.uid, entry.gid)
        if entry.kind == entries.DIRECTORY:
            buffer += tar_headers.header(path + b"/", tar_headers.DIRECTORY, *owner, xattrs=entry.xattrs)
        elif entry.kind == entries.SYMLINK:
            link = entry.target.encode("utf-8", "surrogateescape")
            buffer += tar_headers.header(path, tar_headers.SYMLINK, 0o777, entry.uid, entry.gid, link=link, xattrs=entry.xattrs)
        elif not isinstance(entry.source, str) and seen.setdefault(id(entry), path) != path:
            # Hard links of a tar share one Entry: its bytes are written once and the rest linked to them. Each repeats the extended
            # attributes, because containerd sets the owner through each link, and the kernel then drops the file's capabilities.
            buffer += tar_headers.header(path, tar_headers.HARDLINK, *owner, link=seen[id(entry)], xattrs=entry.xattrs)
        elif isinstance(entry.source, bytes):
            buffer += tar_headers.header(path, tar_headers.REGULAR, *owner, size=len(entry.source), xattrs=entry.xattrs)
            buffer += entry.source
            buffer += tar_headers.padding(len(entry.source))
        else:
            yield from _copy_file(buffer, path, entry, where)
        yield from _full(buffer)
    buffer += tar_headers.END
    yield from _full(buffer)
    yield bytes(buffer)


def _with_late_defaults(items: Sequence[tuple[str, Entry]]) -> Iterator[tuple[str, Entry]]:
    """Yields entries, and folders with default ACLs a second time at the end, the first time without: else their content would inherit them on the node."""
    late = []
    for name, entry in items:
        plain = tuple(item for item in entry.xattrs if item[0] != _DEFAULT_ACL)
        if entry.kind == entries.DIRECTORY and plain != entry.xattrs:
            late.append((name, entry))
            yield name, entry._replace(xattrs=plain)
        else:
            yield name, entry
    yield from late


def _full(buffer: bytearray) -> Iterator[bytes]:
    """Yields all complete pieces of CHUNK bytes and removes them from buffer: deflate's output depends on the pieces."""
    while len(buffer) >= CHUNK:
        yield bytes(memoryview(buffer)[:CHUNK])
        del buffer[:CHUNK]


def _copy_file(buffer: bytearray, path: bytes, entry: Entry, where: str) -> Iterator[bytes]:
    """Appends one file to buffer; yields complete pieces."""
    if isinstance(entry.source, StoredContent):
        descriptor, at, size = os.dup(entry.source.file.fileno()), entry.source.offset, entry.source.size
    else:
        try:
            descriptor, at = os.open(entry.source, os.O_RDONLY), 0
        except FileNotFoundError:
            raise InputError(f"{where}: {entry.source!s:.300} is gone; build again") from None
        size = os.fstat(descriptor).st_size
    try:
        buffer += tar_headers.header(path, tar_headers.REGULAR, entry.mode, entry.uid, entry.gid, size=size, xattrs=entry.xattrs)
        left = size
        while left:
            data = os.pread(descriptor, min(left, CHUNK), at)
            if not data:
                raise InputError(f"{where}: {entry.source!s:.300} became shorter while it was read; build again")
            buffer += data
            left -= len(data)
            at += len(data)
            yield from _full(buffer)
        buffer += tar_headers.padding(size)
    finally:
        os.close(descriptor)


class _Stage(threading.Thread):
    """A thread that passes each chunk to a function; finish() raises its errors."""

    def __init__(self, work: Callable[[bytes], None]) -> None:
        super().__init__(daemon=True)
        self._queue: queue.Queue[bytes | None] = queue.Queue(maxsize=8)
        self._work = work
        self._error: BaseException | None = None
        self.start()

    def run(self) -> None:
        """Runs until finish() is called; after an error it only empties the queue, so that put() does not block."""
        while (chunk := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._work(chunk)
                except BaseException as error:  # noqa: BLE001  # finish() raises it
                    self._error = error

    def put(self, chunk: bytes) -> None:
        """Queues one chunk; waits while eight are queued."""
        self._queue.put(chunk)

    def finish(self) -> None:
        """Waits until all chunks are processed; raises the error of the function."""
        self._queue.put(None)
        self.join()
        if self._error is not None:
            raise self._error


def write_blob(items: Sequence[tuple[str, Entry]], out: BinaryIO, compression: str, where: str) -> Blob:
    """Writes the layer of sorted entries to out.

    Args:
        items: (path, entry) as Tree.sorted() gives them.
        out: buffered file opened for writing bytes; an unbuffered write may be incomplete.
        compression: `zstd:LEVEL`, `gzip` or `none`.
        where: the target to name in errors.

    Returns:
        Digests and size of the blob. Equal entries give equal bytes.
    """
    plain = hashlib.sha256()
    if compression == "none":
        size = 0
        hasher = _Stage(plain.update)
        try:
            for chunk in tar_chunks(items, where):
                hasher.put(chunk)
                out.write(chunk)
                size += len(chunk)
        finally:
            hasher.finish()
        digest = "sha256:" + plain.hexdigest()
        return Blob(oci.LAYER_TAR, digest, size, digest)

    pack: _Gzip | _Zstd = _Gzip() if compression == "gzip" else _Zstd(int(compression.removeprefix("zstd:")))
    packed = hashlib.sha256()
    size = 0

    def emit(data: bytes) -> None:
        nonlocal size
        packed.update(data)
        out.write(data)
        size += len(data)

    emit(pack.start)
    stages = [_Stage(plain.update), _Stage(lambda chunk: emit(pack.add(chunk)))]
    try:
        for chunk in tar_chunks(items, where):
            for stage in stages:
                stage.put(chunk)
    finally:
        for stage in stages:
            stage.finish()
    emit(pack.end())
    return Blob(pack.media_type, "sha256:" + packed.hexdigest(), size, "sha256:" + plain.hexdigest())


class _Gzip:
    """A gzip file (RFC 1952) with the same bytes on every machine."""

    media_type = oci.LAYER_GZIP
    start = _GZIP_HEADER

    def __init__(self) -> None:
        from isal import isal_zlib  # each layer needs one library

        self._deflate = isal_zlib.compressobj(_LEVEL, isal_zlib.DEFLATED, -15)
        self._crc32 = isal_zlib.crc32
        self._crc = self._count = 0

    def add(self, chunk: bytes) -> bytes:
        """Returns the compressed bytes of a piece of the content."""
        self._crc = self._crc32(chunk, self._crc)
        self._count += len(chunk)
        return self._deflate.compress(chunk)

    def end(self) -> bytes:
        """Returns the end of the file."""
        return self._deflate.flush() + self._crc.to_bytes(4, "little") + (self._count & 0xFFFFFFFF).to_bytes(4, "little")


class _Zstd:
    """A Zstandard frame (RFC 8878) without content size: it is not known before the end."""

    media_type = oci.LAYER_ZSTD
    start = b""

    def __init__(self, level: int) -> None:
        import zstandard  # each layer needs one library

        self._frame = zstandard.ZstdCompressor(level=level).compressobj()
        self.add = self._frame.compress
        self.end = self._frame.flush


def build_parser() -> argparse.ArgumentParser:
    """Returns the parser of this program's arguments."""
    parser = argparse.ArgumentParser(prog="layer", allow_abbrev=False)
    parser.add_argument("--where", required=True)
    parser.add_argument("--blob", required=True)
    parser.add_argument("--descriptor", required=True)
    parser.add_argument("--tar", action="append", default=[])
    parser.add_argument("--deb", action="append", default=[])
    parser.add_argument("--directory", default="/")
    parser.add_argument("--mode", default="")
    parser.add_argument("--mode-of-empty", default="")
    parser.add_argument("--owner", default="65532:65532")
    parser.add_argument("--empty-file", action="append", default=[])
    parser.add_argument("--empty-dir", action="append", default=[])
    parser.add_argument("--exclude", action="append", default=[])
    parser.add_argument("--compression", choices=["gzip", "none", *(f"zstd:{level}" for level in range(1, 20))], default="zstd:2")
    parser.add_argument("--lower", default="")
    parser.add_argument("--beside", action="append", default=[])
    parser.add_argument("--rootfs", action="store_true")
    parser.add_argument("--compile-python", action="store_true")
    return parser


def _number(value: str, base: int, most: int, what: str) -> int:
    """Returns value read as a number of the base, from 0 to most."""
    try:
        number = int(value, base)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise InputError(f"{what}: found {value!r}; write a number such as {'0555' if base == 8 else '65532'}")
    return number


def _fail(error: OSError) -> None:
    """Raises an error that os.walk would ignore."""
    raise error


def gather(options: argparse.Namespace, pairs: dict[str, list[tuple[str, str]]]) -> tuple[Tree, str | None]:
    """Returns the tree for the options and _PAIRS, and the architecture of its packages, None without packages."""
    where = options.where
    tree = Tree(where)
    uid, _, gid = options.owner.partition(":")
    owner = (_number(uid, 10, 2**32 - 2, f"{where}: owner"), _number(gid or uid, 10, 2**32 - 2, f"{where}: owner"))
    by_content = options.mode == "content"
    mode = _number(options.mode.removeprefix("0o"), 8, 0o7777, f"{where}: mode") if options.mode and not by_content else None

    def add(path: str, source: str) -> None:
        of_file = (0o555 if entries.is_program(source) else 0o444) if by_content else mode
        tree.add(f"{base}/{path}", entries.file_entry(source, of_file, *owner))

    base = entries.clean_path(options.directory, f"{where}: directory")
    trees = list(pairs["--tree"])
    for destination, source in pairs["--file"]:
        # A source folder looks like a file to Bazel before the action runs.
        if os.path.isdir(source):
            trees.append((destination, source))
        else:
            add(destination, source)
    for destination, source in pairs["--program"]:
        tree.add(f"{base}/{destination}", entries.file_entry(source, 0o555, *owner))
    for destination, top in trees:
        for folder, folders, names in os.walk(top, onerror=_fail, followlinks=True):  # sandboxes contain links
            folders.sort()
            inside = os.path.relpath(folder, top)
            for name in names:
                add(f"{destination}/{inside}/{name}", os.path.join(folder, name))
    for tar in options.tar:
        tree.add_tar(tar, prefix=base)
    of_empty = _number(options.mode_of_empty.removeprefix("0o"), 8, 0o7777, f"{where}: mode") if options.mode_of_empty else None
    for path in options.empty_dir:
        tree.explicit.add(entries.clean_path(path, where))
        tree.add(path, Entry(entries.DIRECTORY, 0o755 if of_empty is None else of_empty, *owner))
    for path in options.empty_file:
        tree.add(path, Entry(entries.FILE, 0o444 if of_empty is None else of_empty, *owner))
    for path, target in pairs["--symlink"]:
        tree.add(path, Entry(entries.SYMLINK, 0o777, *owner, target=target))
    architecture = None
    if options.deb or options.rootfs:
        from rules.image.tools.layers import debs

        architecture = debs.add_packages(tree, options.deb, exclude=options.exclude, rootfs=options.rootfs)
        if options.compile_python:
            debs.compile_python(tree)
    if options.lower:
        from rules.image.tools.layers import lower

        tree = lower.fit(tree, lower.LowerLayers.read(options.lower), options.beside)
    return tree, architecture


def main(argv: Sequence[str]) -> int:
    """Writes the layer and its descriptor as the arguments say (see the module's text)."""
    pairs, rest = take_pairs(read_arguments(argv), _PAIRS)
    options = build_parser().parse_args(rest)
    tree, architecture = gather(options, pairs)
    with writing(options.where, options.blob), open(options.blob, "wb") as out:
        blob = write_blob(tree.sorted(), out, options.compression, options.where)
    check_written(options.blob, blob.size)
    descriptor = {
        "mediaType": blob.media_type,
        "digest": blob.digest,
        "size": blob.size,
        "diff_id": blob.diff_id,
        "created_by": options.where,
    }
    if architecture:
        descriptor["architecture"] = architecture
    if tree.explicit:
        descriptor["folders"] = sorted(tree.explicit)
    with writing(options.where, options.descriptor), open(options.descriptor, "wb") as out:
        out.write(oci.dump(descriptor))
    return 0


if __name__ == "__main__":
    sys.exit(worker.start(partial(run, main), sys.argv[1:], "image"))
