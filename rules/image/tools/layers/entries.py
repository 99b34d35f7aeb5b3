"""The content of a layer: one checked Entry per path, from files, tars and packages.

A Tree refuses entries that could be written outside the image's root or are ambiguous: links that leave the root, `..`, NUL,
two different files at one path, a file below a path that is not a directory.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Mapping
from typing import IO, TYPE_CHECKING, NamedTuple

from rules.common.unpacking import ContentStore, StoredContent, open_decompressed
from rules.image.tools.errors import InputError
from rules.image.tools.oci.tar_headers import XATTR

if TYPE_CHECKING:
    import tarfile

WHITEOUT = ".wh."  # and a name: deletes what the layers below have under it
OPAQUE = ".wh..wh..opq"  # deletes what the layers below have in a folder
FILE, DIRECTORY, SYMLINK = "f", "d", "l"

# Directories that a base may keep as links (usr-merge) or with a mode of their own. A directory entry would
# replace the link, so these get none unless a rule names them.
_LEFT_TO_BASE = frozenset(("bin", "sbin", "lib", "lib32", "lib64", "libx32", "tmp", "var/tmp", "var/run", "var/lock", "root"))

# Extended attributes that say something of a file's content or access, besides user.*; containerd sets them on the node.
_OF_CONTENT = frozenset(("security.capability", "system.posix_acl_access", "system.posix_acl_default"))
# Labels that the machine that made the tar gave its files; a node has its own.
_OF_MACHINE = frozenset(("security.selinux", "security.apparmor", "com.apple.provenance", "com.apple.quarantine"))


class Entry(NamedTuple):
    """One path of a layer.

    Attributes:
        kind: FILE, DIRECTORY or SYMLINK.
        mode: permission bits, 0 to 0o7777.
        uid: numeric owner.
        gid: numeric group.
        source: for a FILE the path of a file to copy, its bytes, or their place in a store.
        target: where a SYMLINK points.
        xattrs: extended attributes (xattr(7)), sorted by name; a program's file capabilities are security.capability.
    """

    kind: str
    mode: int
    uid: int = 0
    gid: int = 0
    source: str | bytes | StoredContent = b""
    target: str = ""
    xattrs: tuple[tuple[str, bytes], ...] = ()


def clean_path(path: str, where: str) -> str:
    """Returns path relative to the image's root, without leading or doubled '/' and '.' parts.

    Args:
        path: a path inside the image, absolute or relative to the root.
        where: the place to name in the error.

    Raises:
        InputError: '..' or NUL in the path, or more than 4,095 bytes.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise InputError(f"{where}: the path {path!r:.200} contains '..'; write the path it should have in the image")
    if "\0" in path or len(os.fsencode(path)) > 4095:
        raise InputError(f"{where}: the path {path!r:.200} has NUL in it or more than 4,095 bytes; choose another")
    return "/".join(parts)


def check_link(path: str, target: str, where: str) -> str:
    """Returns target if a symbolic link at path may point there.

    Absolute targets are valid (they are resolved inside the image); relative ones must stay below the root.
    """
    if not target or "\0" in target:
        raise InputError(f"{where}: the link {path!r:.200} has an empty target or NUL in it; give it a path to point to")
    if not target.startswith("/"):
        depth = path.count("/")
        for part in target.split("/"):
            depth += -1 if part == ".." else part not in ("", ".")
            if depth < 0:
                raise InputError(f"{where}: the link {path!r:.200} -> {target!r:.200} leads out of the image; point it inside")
    return target


class Tree:
    """The entries of one layer, by path relative to the root.

    Attributes:
        where: the target to name in errors.
        entries: the entries by path.
        explicit: the paths of folders that someone asked for, with their mode and owner.
        store: the content of files from archives.

    Args:
        where: the target to name in errors.
    """

    def __init__(self, where: str) -> None:
        self.where = where
        self.store = ContentStore()
        self.entries: dict[str, Entry] = {}
        self.explicit: set[str] = set()

    def add(self, path: str, entry: Entry, *, whiteouts: bool = False) -> None:
        """Puts an entry at path.

        Directories may be added twice (the last mode stays), and so may equal files and links.

        Args:
            path: the path in the image.
            entry: the entry.
            whiteouts: whether to allow names that delete files of a lower layer, as a tar may intend.

        Raises:
            InputError: there is another entry at the path, or the path or link target is not allowed.
        """
        path = clean_path(path, self.where)
        if not whiteouts and any(part.startswith(WHITEOUT) for part in path.split("/")):
            raise InputError(
                f"{self.where}: the name of /{path} begins with {WHITEOUT}, which deletes files of the layers below; "
                "rename it, or put it into a tar if it should delete them"
            )
        if entry.kind == SYMLINK:
            check_link(path, entry.target, self.where)
        if not path:
            if entry.kind == DIRECTORY:
                return  # the root itself is up to the container runtime
            raise InputError(f"{self.where}: a file cannot be the root '/'; give it a path below")
        old = self.entries.get(path)
        if old and old != entry and not (old.kind == entry.kind == DIRECTORY) and not _same_content(old, entry):
            raise InputError(f"{self.where}: two files at one path, /{path}; remove one of them from the layer")
        self.entries[path] = entry

    def add_tar(self, stream: IO[bytes] | str, *, prefix: str = "", name: str = "") -> None:
        """Adds every entry of a tar (plain, gz, bz2, xz or zstd); times and names of owners are dropped.

        If the tar has a path more than once, the last entry counts, as when tar(1) unpacks it.

        Args:
            stream: a file opened for reading bytes, or its path.
            prefix: directory of the image to put the entries under.
            name: the tar's name in errors.

        Raises:
            InputError: the tar is unreadable or truncated, or has a device, a FIFO, an extended attribute that images can't have or
                an entry that can't be added.
        """
        import tarfile  # takes a quarter of the layer tool's start; only layers with tars need it

        where = f"{self.where}: {name or stream}"
        try:
            with contextlib.ExitStack() as opened:
                file = opened.enter_context(open(stream, "rb")) if isinstance(stream, str) else stream
                tar = opened.enter_context(tarfile.open(fileobj=open_decompressed(file, where), mode="r:"))
                members = dict(read_tar(tar, where, self.store))
                # Hard links share an Entry, and must share what becomes of it.
                kept = {id(entry): _portable(path, entry, where) for path, entry in members.items()}
                for path, entry in members.items():
                    self.add(f"{prefix}/{path}", kept[id(entry)], whiteouts=True)
        except (tarfile.TarError, EOFError, ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            reason = str(error).partition(":")[0].partition("\n")[0] or "cut short"
            raise InputError(f"{where} is not a readable tar ({reason}); fetch or build it again") from None
        except Exception as error:  # lzma, zlib and zstandard raise errors of their own, without a common base
            if isinstance(error, InputError) or type(error).__name__ not in ("LZMAError", "ZstdError", "error"):
                raise
            raise InputError(f"{where}: damaged compressed data ({error}); fetch or build it again") from None

    def sorted(self) -> list[tuple[str, Entry]]:
        """Returns all entries, with missing parent directories; parents come before their content.

        A whiteout of a path that is a directory of this layer becomes one inside the directory: on a node a new directory would
        else show what the layers below have in the old one. Whiteouts below it are left out: they would show as names without files.

        Raises:
            InputError: an entry is below a path that is a file or a link.
        """
        result = dict(self.entries)
        for path in self.entries:
            parent = path.rpartition("/")[0]
            while parent:
                above = result.get(parent)
                if above and above.kind != DIRECTORY:
                    raise InputError(f"{self.where}: /{path} is below /{parent}, which is not a directory; move one of them")
                if above:
                    break
                if parent not in _LEFT_TO_BASE:
                    result[parent] = Entry(DIRECTORY, 0o755)
                parent = parent.rpartition("/")[0]
        _settle_whiteouts(result)
        return sorted(result.items(), key=lambda item: item[0].encode("utf-8", "surrogateescape"))


def _settle_whiteouts(entries: dict[str, Entry]) -> None:
    """Makes the whiteouts of a layer what they are on every node; see Tree.sorted."""
    whiteouts = [path for path in entries if is_whiteout(path)]
    for path in whiteouts:
        folder, slash, name = path.rpartition("/")
        replaced = folder + slash + name.removeprefix(WHITEOUT)
        if name != OPAQUE and replaced in entries and entries[replaced].kind == DIRECTORY:
            entries[f"{replaced}/{OPAQUE}"] = entries.pop(path)
    opaque = [path.removesuffix(OPAQUE) for path in entries if path.rpartition("/")[2] == OPAQUE]
    for path in [path for path in entries if is_whiteout(path)]:
        if any(path.startswith(folder) and path != folder + OPAQUE for folder in opaque):
            del entries[path]


def is_whiteout(path: str) -> bool:
    """Returns whether the entry at a path deletes something of the layers below."""
    return path.rpartition("/")[2].startswith(WHITEOUT)


def read_tar(tar: tarfile.TarFile, where: str, store: ContentStore) -> Iterator[tuple[str, Entry]]:
    """Yields (path, Entry) for each member of an open tar; a hard link becomes a copy of what it links to.

    Args:
        tar: the tar, before its first member is read.
        where: the place to name in errors.
        store: stores the files' content.
    """
    contents: dict[str, Entry] = {}
    for member in tar:
        if member.name.startswith("/"):
            raise InputError(f"{where}: the path {member.name!r:.200} is absolute; make the tar with paths from its root on, as tar -C FOLDER . does")
        path = clean_path(member.name, where)
        mode, xattrs = member.mode & 0o7777, read_xattrs(member.pax_headers)
        if member.isdir():
            entry = Entry(DIRECTORY, mode, member.uid, member.gid, xattrs=xattrs)
        elif member.issym():
            entry = Entry(SYMLINK, 0o777, member.uid, member.gid, target=member.linkname, xattrs=xattrs)
        elif member.islnk():
            linked = contents.get(clean_path(member.linkname, where))
            if linked is None or linked.kind == DIRECTORY:
                raise InputError(f"{where}: the hard link {path!r:.200} points to {member.linkname!r:.200}, which is not before it")
            entry = linked
        elif member.issparse():
            # A few bytes can expand to any number of zeros.
            raise InputError(f"{where}: {path!r:.200} is a sparse file; make the tar without --sparse")
        elif member.isreg():
            file = tar.extractfile(member)
            data = store.keep(file, member.size) if file else b""
            if (data.size if isinstance(data, StoredContent) else len(data)) != member.size:
                raise InputError(f"{where}: cut short inside {path!r:.200}; fetch or build it again")
            entry = Entry(FILE, mode, member.uid, member.gid, data, xattrs=xattrs)
        else:
            raise InputError(f"{where}: {path!r:.200} is a device, FIFO or other special file; images get those at run time, remove it")
        contents[path] = entry
        yield path, entry


def read_xattrs(records: Mapping[str, str]) -> tuple[tuple[str, bytes], ...]:
    """Returns the extended attributes among a tar member's pax records."""
    found = {name[len(XATTR) :]: value.encode("utf-8", "surrogateescape") for name, value in records.items() if name.startswith(XATTR)}
    return tuple(sorted(found.items()))


def _portable(path: str, entry: Entry, where: str) -> Entry:
    """Returns an entry without the labels that belong to the machine that made the tar.

    Raises:
        InputError: the entry has an extended attribute that would act on the node, or that only the machine's kernel can check.
    """
    if not entry.xattrs:
        return entry
    kept = tuple(item for item in entry.xattrs if item[0] not in _OF_MACHINE)
    for name, _ in kept:
        if name not in _OF_CONTENT and not name.startswith("user."):
            raise InputError(
                f"{where}: {path!r:.200} has the extended attribute {name!r:.80}, which an image can't have; "
                "make the tar with --xattrs-include for security.capability and user.* only"
            )
    return entry._replace(xattrs=kept)


def file_entry(source: str, mode: int | None, uid: int, gid: int) -> Entry:
    """Returns the entry for a file of the build; mode None keeps only whether it is executable."""
    if mode is None:
        mode = 0o555 if os.stat(source).st_mode & stat.S_IXUSR else 0o444
    return Entry(FILE, mode, uid, gid, source)


def is_program(source: str) -> bool:
    """Returns whether a file's first bytes are those of a program: ELF, or a script that names its interpreter."""
    try:
        with open(source, "rb") as file:
            start = file.read(4)
    except FileNotFoundError:
        return False  # copying it reports the error
    return start == b"\x7fELF" or start[:2] == b"#!"


def content(entry: Entry) -> bytes:
    """Returns a FILE entry's bytes."""
    if isinstance(entry.source, bytes):
        return entry.source
    if isinstance(entry.source, StoredContent):
        return entry.source.read()
    with open(entry.source, "rb") as file:
        return file.read()


def _same_content(one: Entry, other: Entry) -> bool:
    """Returns whether two entries are files that differ only in the source of their bytes."""
    if one.kind != FILE or other.kind != FILE or one[1:4] != other[1:4] or one.xattrs != other.xattrs:
        return False
    return content(one) == content(other)
