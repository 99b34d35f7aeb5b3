"""Tar headers in one fixed form (POSIX.1-2001: ustar, with pax records for values that do not fit).

The standard library's tarfile takes twice as long, and its output may change with its version, which a layer's
digest must not.
"""

from __future__ import annotations

from collections.abc import Iterable

BLOCK = 512
REGULAR, HARDLINK, SYMLINK, DIRECTORY = b"0", b"1", b"2", b"5"
END = bytes(2 * BLOCK)  # two zero blocks; readers need no more
XATTR = "SCHILY.xattr."  # GNU tar, libarchive and containerd write and read extended attributes under this prefix

_OCTAL7 = 0o7777777
_OCTAL11 = 0o77777777777


def _pack(name: bytes, prefix: bytes, mode: int, uid: int, gid: int, size: int, kind: bytes, link: bytes) -> bytes:
    """Returns one 512-byte ustar header block with mtime 0 and no owner names."""
    before = name.ljust(100, b"\0") + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, uid, gid, size, 0)
    after = kind + link.ljust(100, b"\0") + b"ustar\00000" + bytes(64) + b"%07o\0%07o\0" % (0, 0) + prefix.ljust(167, b"\0")
    checksum = sum(before) + sum(after) + 8 * 32  # the checksum field itself counts as eight spaces
    return before + b"%06o\0 " % checksum + after


def _split(path: bytes) -> tuple[bytes, bytes] | None:
    """Returns (prefix, name) for ustar's two fields, or None if the path does not fit them."""
    if len(path) <= 100:
        return b"", path
    cut = path.find(b"/", len(path) - 101)
    if 0 < cut <= 155 and cut < len(path) - 1:
        return path[:cut], path[cut + 1 :]
    return None


def _record(key: bytes, value: bytes) -> bytes:
    r"""Returns one pax record, `LENGTH KEY=VALUE\\n`, whose length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest + len(str(rest))
    length = rest + len(str(length))
    return b"%d %b=%b\n" % (length, key, value)


def header(path: bytes, kind: bytes, mode: int, uid: int, gid: int, size: int = 0, link: bytes = b"", xattrs: Iterable[tuple[str, bytes]] = ()) -> bytes:
    """Returns the header blocks of one entry.

    Args:
        path: path in the archive, relative, directories with a '/' at the end.
        kind: REGULAR, HARDLINK, SYMLINK or DIRECTORY.
        mode: permission bits.
        uid: numeric owner.
        gid: numeric group.
        size: bytes of content that will follow (REGULAR only).
        link: target of a HARDLINK or SYMLINK.
        xattrs: names and values of extended attributes, written in this order.

    Returns:
        512 bytes, or a pax header, its records and then 512 bytes, if a value does not fit or is not ASCII.
    """
    records = b""
    fields = _split(path)
    if fields is None or not path.isascii():
        records += _record(b"path", path)
        fields = b"", _ascii(path)
    if len(link) > 100 or not link.isascii():
        records += _record(b"linkpath", link)
        link = _ascii(link)
    for key, value in ((b"uid", uid), (b"gid", gid)):
        if value > _OCTAL7:
            records += _record(key, b"%d" % value)
    if size > _OCTAL11:
        records += _record(b"size", b"%d" % size)
    for name, content in xattrs:
        records += _record(XATTR.encode() + name.encode("utf-8", "surrogateescape"), content)
    block = _pack(fields[1], fields[0], mode, uid & _OCTAL7, gid & _OCTAL7, size & _OCTAL11, kind, link)
    if not records:
        return block
    pax = _pack(b"pax", b"", 0o644, 0, 0, len(records), b"x", b"")
    return pax + records + padding(len(records)) + block


def _ascii(value: bytes) -> bytes:
    """Returns the first 100 bytes with those above 127 replaced, for readers that do not know pax records."""
    return bytes(byte if byte < 128 else 95 for byte in value[:100])


def padding(size: int) -> bytes:
    """Returns the zero bytes that fill size up to whole blocks."""
    return bytes(-size % BLOCK)
