"""Debian packages as content of a layer.

A .deb is an ar archive (deb(5)): debian-binary, control.tar.*, data.tar.*. Its files are usr-merged, without manuals,
translations and init scripts; its control data goes to /var/lib/dpkg/status.d, where scanners look in images without a
package manager. No maintainer script runs: this module does what the scripts of the packages in minimal images do (CA bundle,
user database).
"""

from __future__ import annotations

import base64
import fnmatch
import gzip
import hashlib
import importlib.util
import io
import lzma
import marshal
import posixpath
import re
import struct
import sys
import tarfile
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from rules.common.unpacking import open_decompressed
from rules.image.tools.errors import InputError
from rules.image.tools.layers.entries import DIRECTORY, FILE, SYMLINK, Entry, Tree, clean_path, content, read_tar

NONROOT = 65532
_CONTROL = 8 << 20  # bytes of a control file

_MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
_DROPPED = re.compile(
    r"usr/share/(doc/(?!.*/copyright$|[^/]+$)|(man|locale|info|lintian|bug|doc-base|bash-completion|perl5|gdb)/)"
    r"|usr/lib/(systemd|init|tmpfiles\.d|sysusers\.d)/"
    r"|etc/(init\.d|init|cron\.[a-z]+|logrotate\.d|update-motd\.d|systemd|default|ufw)/"
)
_CERTIFICATES = "usr/share/ca-certificates/"
_JAVA_STORE = "etc/ssl/certs/java/cacerts"
_BUNDLE = "etc/ssl/certs/ca-certificates.crt"
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/usr/sbin/nologin\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
    f"nonroot:x:{NONROOT}:{NONROOT}:nonroot:/home/nonroot:/usr/sbin/nologin\n",
    "etc/group": f"root:x:0:\ntty:x:5:\nnogroup:x:65534:\nnonroot:x:{NONROOT}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
}


class Package(NamedTuple):
    """The content of a .deb.

    Attributes:
        name: package name.
        version: full Debian version, with epoch if it has one.
        architecture: Debian's name of the architecture, or `all`.
        control: the control paragraph.
        md5sums: the md5sums file, empty if it has none.
        data: the compressed data tar, and its file name extension.
    """

    name: str
    version: str
    architecture: str
    control: str
    md5sums: str
    data: tuple[bytes, str]


def _members(data: bytes, where: str) -> dict[str, bytes]:
    """Returns the members of an ar archive by name."""
    if data[:8] != b"!<arch>\n":
        raise InputError(f"{where} is not a Debian package (it does not begin with '!<arch>'); fetch it again")
    members, offset = {}, 8
    while offset < len(data):
        head = data[offset : offset + 60]
        size = head[48:58].strip()
        if len(head) < 60 or head[58:] != b"`\n" or not size.isdigit() or offset + 60 + int(size) > len(data):
            raise InputError(f"{where} is damaged or cut short at byte {offset}; fetch it again")
        start = offset + 60
        members[head[:16].decode("ascii", "replace").strip().rstrip("/")] = data[start : start + int(size)]
        offset = start + int(size) + int(size) % 2
    return members


def _tar(members: dict[str, bytes], stem: str, where: str) -> tuple[bytes, str]:
    """Returns the compressed tar `stem` of an ar archive's members, and its file name extension."""
    for name, data in members.items():
        base, _, suffix = name.partition(".tar")
        if base != stem:
            continue
        if suffix in (".xz", ".gz", ""):
            return data, suffix
        raise InputError(f"{where}: {name} is compressed in a way that Debian's archive does not use; repack it with xz")
    raise InputError(f"{where} has no {stem}.tar, so it is not a Debian package; fetch it again")


@contextmanager
def _opened(packed: tuple[bytes, str], stem: str, where: str) -> Iterator[tarfile.TarFile]:
    """Opens the tar that _tar returns."""
    data, suffix = packed
    try:
        with tarfile.open(fileobj=open_decompressed(io.BytesIO(data), where), mode="r:") as tar:
            yield tar
    except (lzma.LZMAError, zlib.error, EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"{where}: {stem}.tar{suffix} is damaged ({error}); fetch it again") from None
    except (tarfile.TarError, ValueError) as error:
        raise InputError(f"{where}: its {stem} tar is damaged ({error}); fetch it again") from None


def read_package(path: str) -> Package:
    """Reads a .deb file.

    Raises:
        InputError: it is damaged or truncated, or its control data has no Package, Version or Architecture.
    """
    with open(path, "rb") as file:
        members = _members(file.read(), path)
    texts = {"control": "", "md5sums": ""}
    with _opened(_tar(members, "control", path), "control", path) as tar:
        for member in tar:
            name = member.name.removeprefix("./")
            extracted = tar.extractfile(member) if name in texts and member.isreg() else None
            if extracted and member.size > _CONTROL:
                raise InputError(f"{path}: its {name} has {member.size} bytes, more than the {_CONTROL} that it may have; fetch it again")
            if extracted:
                texts[name] = extracted.read().decode("utf-8", "replace")
    fields = dict(re.findall(r"^(Package|Version|Architecture): *(\S+)\s*$", texts["control"], re.MULTILINE))
    for field in ("Package", "Version", "Architecture"):
        if field not in fields:
            raise InputError(f"{path}: its control file has no {field}; fetch it again")
    return Package(
        fields["Package"],
        fields["Version"],
        fields["Architecture"],
        texts["control"],
        texts["md5sums"],
        _tar(members, "data", path),
    )


def merged(path: str) -> str:
    """Returns a path after usr-merge: bin/x becomes usr/bin/x."""
    return f"usr/{path}" if path.partition("/")[0] in _MERGED else path


def _merged_link(path: str, target: str) -> str:
    """Returns the target of a relative link after usr-merge moved the link."""
    if target.startswith("/") or merged(path) == path:
        return target
    meant = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    return posixpath.relpath(merged(meant), posixpath.dirname(merged(path)))


def _excluded(path: str, exclude: Sequence[str]) -> bool:
    """Returns whether a merged path is left out, by the built-in list or by a pattern."""
    return bool(_DROPPED.match(path)) or any(fnmatch.fnmatchcase(path, pattern) for pattern in exclude)


def _add_package(tree: Tree, package: Package, where: str, exclude: Sequence[str]) -> None:
    """Puts one package's files and its dpkg status into the tree."""
    with _opened(package.data, "data", where) as tar:
        for path, read in read_tar(tar, where, tree.store):
            entry = read
            if entry.kind == DIRECTORY and (not path or path in _MERGED):
                continue
            place = merged(path)
            if _excluded(place + "/" * (entry.kind == DIRECTORY), exclude):
                continue
            if entry.kind == SYMLINK:
                entry = entry._replace(target=_merged_link(path, entry.target))
            tree.add(place, entry)
    head, _, rest = package.control.partition("\n")
    status = f"{head}\nStatus: install ok installed\n{rest}".rstrip("\n") + "\n"
    sums = [
        f"{digest}  {merged(clean_path(path, where))}\n"
        for digest, path in (line.split(None, 1) for line in package.md5sums.splitlines() if len(line.split(None, 1)) == 2)
        if not _excluded(merged(path), exclude)
    ]
    folder = f"var/lib/dpkg/status.d/{package.name}"
    tree.add(folder, Entry(FILE, 0o444, source=status.encode()))
    tree.add(f"{folder}.md5sums", Entry(FILE, 0o444, source="".join(sums).encode()))


def _add_root(tree: Tree) -> None:
    """Adds what a root file system needs besides packages: usr-merge links, accounts, CA bundle, /tmp, home."""
    for name in (*_MERGED[:2], "lib64", "sbin"):
        tree.add(f"usr/{name}", Entry(DIRECTORY, 0o755))
        tree.add(name, Entry(SYMLINK, 0o777, target=f"usr/{name}"))
    for path, text in _ACCOUNTS.items():
        if path not in tree.entries:
            tree.add(path, Entry(FILE, 0o444, source=text.encode()))
    for path, mode in (("tmp", 0o1777), ("var/tmp", 0o1777), ("run", 0o755), ("root", 0o700)):
        tree.add(path, Entry(DIRECTORY, mode))
    tree.add("home/nonroot", Entry(DIRECTORY, 0o700, NONROOT, NONROOT))
    for path, target in (("var/run", "/run"), ("var/lock", "/run/lock")):
        tree.entries.pop(path, None)
        tree.add(path, Entry(SYMLINK, 0o777, target=target))
    certificates = _certificates(tree)
    if certificates:
        bundle = b"".join(content(tree.entries[path]).rstrip(b"\n") + b"\n" for path in certificates)
        tree.add(_BUNDLE, Entry(FILE, 0o444, source=bundle))
        if any(entry.target == f"/{_JAVA_STORE}" for entry in tree.entries.values()):
            tree.add(_JAVA_STORE, Entry(FILE, 0o444, source=java_store(tree)))


def _certificates(tree: Tree) -> list[str]:
    """Returns the paths of a tree's CA certificates."""
    return sorted(path for path in tree.entries if path.startswith(_CERTIFICATES) and path.endswith(".crt"))


def java_store(tree: Tree) -> bytes:
    """Returns a Java key store (JKS, version 2) that trusts a tree's CA certificates, as ca-certificates-java's script makes one.

    The password is Java's default for public certificates; it only protects the store's checksum.

    Args:
        tree: a tree with the package ca-certificates.

    Returns:
        The store; b"" if the tree has no certificates.
    """
    certificates = {posixpath.basename(path): content(tree.entries[path]) for path in _certificates(tree)}
    if not certificates:
        return b""
    out = struct.pack(">IIi", 0xFEEDFEED, 2, len(certificates))
    for name, pem in sorted(certificates.items()):
        der = base64.b64decode(b"".join(line for line in pem.splitlines() if not line.startswith(b"-----")))
        alias = name.lower().encode()
        out += struct.pack(">iH", 2, len(alias)) + alias + bytes(8)  # a trusted certificate, added in 1970
        out += struct.pack(">H", 5) + b"X.509" + struct.pack(">i", len(der)) + der
    return out + hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + out, usedforsecurity=False).digest()


def compile_python(tree: Tree) -> None:
    """Adds byte code for each Python module of a tree, as the packages' maintainer scripts would. Modules of another Python get none.

    The .pyc files are hash-based and unchecked (PEP 552), so they have no time stamp. marshal's version 2 writes no
    back references, which would depend on other objects in the running interpreter.
    """
    warnings.simplefilter("ignore")  # warnings about packaged code do not help the user of a build
    for path, entry in list(tree.entries.items()):
        found = re.match(r"usr/lib/python3(?:\.(\d+))?/.*\.py$", path)
        if entry.kind != FILE or not found or (found[1] and int(found[1]) != sys.version_info.minor):
            continue
        source = content(entry)
        try:
            code = compile(source, f"/{path}", "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError):
            continue  # templates and tests of syntax errors; importing them fails with or without byte code
        data = importlib.util.MAGIC_NUMBER + b"\1\0\0\0" + importlib.util.source_hash(source) + marshal.dumps(code, 2)
        folder, _, name = path.rpartition("/")
        cached = f"{folder}/__pycache__/{name[:-3]}.{sys.implementation.cache_tag}.pyc"
        tree.add(cached, Entry(FILE, 0o444, source=data))


def add_packages(tree: Tree, paths: Sequence[str], *, exclude: Sequence[str] = (), rootfs: bool = False) -> str | None:
    """Puts Debian packages into a tree.

    Args:
        tree: the tree.
        paths: .deb files.
        exclude: patterns (fnmatch, on paths such as usr/lib/x after usr-merge) of files to leave out.
        rootfs: whether to add the accounts, links and directories that the first layer of an image needs.

    Returns:
        The architecture of the packages in OCI's words; None if all are for any.

    Raises:
        InputError: a package is damaged, or packages have two architectures or own the same file.
    """
    found: dict[str, str] = {}
    for package, path in sorted(((read_package(path), path) for path in paths), key=lambda item: (item[0][:5], item[1])):
        _add_package(tree, package, f"{tree.where}: {posixpath.basename(path)}", exclude)
        if package.architecture != "all":
            found[package.architecture] = package.name
    if len(found) > 1:
        facts = ", ".join(f"{name} is for {architecture}" for architecture, name in found.items())
        raise InputError(f"{tree.where}: packages for different machines ({facts}); fetch them for one architecture")
    if rootfs:
        _add_root(tree)
    known = {"armhf": "arm", "i386": "386", "ppc64el": "ppc64le"}
    return next((known.get(name, name) for name in found), None)
