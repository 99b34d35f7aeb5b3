"""Random trees, their tars as GNU tar writes them, and what is in a tree, for differential tests of layers.

    python trees.py FOLDER

prints the facts of a tree as JSON, for a process in another mount namespace.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = os.geteuid() == 0
_CAPABILITY = b"\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"  # cap_net_raw=ep, as setcap writes it
# user::rw-, user:7:r--, group::r--, mask::r--, other::---, as setfacl writes it (acl(5) in the kernel's form, version 2)
_ACL = b"\2\0\0\0" + b"".join(
    tag.to_bytes(2, "little") + bits.to_bytes(2, "little") + who.to_bytes(4, "little")
    for tag, bits, who in ((1, 6, 2**32 - 1), (2, 4, 7), (4, 4, 2**32 - 1), (16, 4, 2**32 - 1), (32, 0, 2**32 - 1))
)
_NAMES = ["bin", "lib", "usr", "tmp", "data", "opt", "é x", "long" * 26]
_PACKERS = {".tar": "", ".tar.gz": "--gzip", ".tar.xz": "--xz", ".tar.zst": "--zstd"}
_WHITEOUT, _OPAQUE = ".wh.", ".wh..wh..opq"


def has_xattrs(folder: Path, name: str = "user.a", value: bytes = b"1") -> bool:
    """Returns whether the file system keeps extended attributes, which some sandboxes' do not."""
    probe = folder / "probe"
    probe.touch()
    try:
        os.setxattr(probe, name, value)
    except OSError:
        return False
    finally:
        probe.unlink()
    return True


def _decorate(path: Path, rng: random.Random, *, xattrs: bool, acls: bool) -> None:
    """Gives a file or folder an owner, a mode and extended attributes."""
    if ROOT and rng.random() < 0.5:
        os.chown(path, rng.choice([0, 7, 65532, 3_000_000, 2**32 - 2]), rng.choice([0, 8]), follow_symlinks=False)
    if path.is_symlink():
        return
    if path.is_dir():  # without setgid: GNU tar leaves it to new folders below, whatever their mode in the tar
        path.chmod(rng.choice([0o755, 0o700, 0o1777, 0o711]))
    else:
        path.chmod(rng.choice([0o644, 0o400, 0o600, 0o4755, 0o2711]))
    if xattrs and rng.random() < 0.4:
        os.setxattr(path, "user.note", rng.choice([b"", b"a\n\xff\0=", b"x" * 300]))
        if ROOT and path.is_file():
            os.setxattr(path, "security.capability", _CAPABILITY)
    if acls and rng.random() < 0.2:
        os.setxattr(path, "system.posix_acl_access", _ACL)
        if path.is_dir():
            os.setxattr(path, "system.posix_acl_default", _ACL)


def _write(path: Path, rng: random.Random) -> None:
    """Writes a file; some have holes."""
    with open(path, "wb") as file:
        if rng.random() < 0.1:
            file.seek(rng.choice([4096, 1 << 20]))
        file.write(rng.randbytes(rng.choice([0, 1, 511, 512, 5000])))


def grow(top: Path, rng: random.Random, *, links: bool, xattrs: bool, acls: bool = False) -> None:
    """Fills a folder with a random tree of folders, files, symbolic links and hard links.

    Args:
        top: the folder, which is empty.
        rng: decides everything.
        links: whether to add links to folders, as a usr-merged base has them.
        xattrs: whether to set extended attributes.
        acls: whether to set POSIX ACLs.
    """
    folders: list[Path] = [top]
    files: list[Path] = []
    for number in range(rng.randint(5, 40)):
        parent, kind = rng.choice(folders), rng.random()
        path = parent / (rng.choice(_NAMES) if kind < 0.5 else f"{rng.choice(_NAMES)}{number}")
        if os.path.lexists(path):
            continue
        if kind < 0.5:
            path.mkdir()
            folders.append(path)
        elif kind < 0.8 or not files:
            _write(path, rng)
            files.append(path)
        elif kind < 0.9:
            os.link(rng.choice(files), path, follow_symlinks=False)
            files.append(path)
        else:
            path.symlink_to(rng.choice(["nowhere", "usr/x"]))
    if links:  # relative, for GNU tar to follow them in its folder
        for name in _NAMES:
            target = rng.choice(folders)
            if not os.path.lexists(top / name) and target != top and rng.random() < 0.7:
                (top / name).symlink_to(os.path.relpath(target, top))
    for path in [*folders[1:], *files]:
        _decorate(path, rng, xattrs=xattrs, acls=acls)


def add_whiteouts(top: Path, below: Path, rng: random.Random) -> None:
    """Adds whiteouts of some of the paths of a tree below to a tree.

    Args:
        top: the tree.
        below: the tree that it will be laid over.
        rng: decides everything.
    """
    paths = sorted(below.rglob("*"))
    # A link that leads to a deleted folder stays for the layer tool, and is replaced by GNU tar.
    linked = {str(path.resolve()) for path in paths if path.is_symlink()}
    for path in paths:
        place = top / path.relative_to(below)
        if not place.parent.is_dir() or place.parent.is_symlink() or rng.random() > 0.2 or any(f"{name}/".startswith(f"{path}/") for name in linked):
            continue
        if place.is_dir() and not place.is_symlink() and not path.is_symlink() and rng.random() < 0.3:
            (place / _OPAQUE).touch()
        else:
            (place.parent / f"{_WHITEOUT}{place.name}").touch()


def pack(top: Path, tar: Path, rng: random.Random) -> Path:
    """Writes a folder's tar as GNU tar does, in some format; returns the file, whose name gets an ending.

    Some tars have ACLs as text, too, and some have paths twice, the second time with other content.
    """
    ending, packer = rng.choice(list(_PACKERS.items()))
    path = tar.with_name(tar.name + ending)
    options = [f"--format={rng.choice(['pax', 'posix'])}", *(["--acls"] if rng.random() < 0.3 else [])]
    run_tar("--create", *options, *filter(None, [packer]), "--file", path, "-C", top, ".")
    files = sorted(str(file.relative_to(top)) for file in top.rglob("*") if file.is_file() and not file.is_symlink() and not file.name.startswith(_WHITEOUT))
    # GNU tar lets a path that comes again inherit the default ACL of its folder, which a container runtime does not do.
    if not packer and files and not any("system.posix_acl_default" in get_xattrs(path) for path in top.rglob("*")):
        again = rng.sample(files, min(len(files), 3))
        for name in again:
            (top / name).chmod(0o640)
            (top / name).write_bytes(rng.randbytes(100))
        run_tar("--append", *options, "--file", path, "-C", top, *(f"./{name}" for name in again))
    return path


def run_tar(*arguments: object) -> None:
    """Runs GNU tar on trees with any attributes."""
    done = subprocess.run(["tar", "--xattrs", "--xattrs-include=*", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def unpack_over(tar: Path, root: Path) -> None:
    """Unpacks a tar over a root as a container runtime should: folders and links to folders that are there stay, whiteouts delete."""
    names = subprocess.run(["tar", "--list", "--quoting-style=literal", "--file", str(tar)], capture_output=True, text=True, check=True).stdout.splitlines()
    for name in names:
        _apply_whiteout(root / name.removeprefix("./"))
    before = {path: (get_xattrs(path), stat.S_IMODE(path.stat().st_mode)) for path in root.rglob("*") if path.is_dir() and not path.is_symlink()}
    for path, (kept, _) in before.items():  # new files would inherit a default ACL
        set_xattrs(path, {name: value for name, value in kept.items() if name != "system.posix_acl_default"})
    run_tar("--extract", "--no-acls", "--same-permissions", "--keep-directory-symlink", "--no-overwrite-dir", "--file", tar, "-C", root)
    for path in [path for path in root.rglob(f"{_WHITEOUT}*") if not path.is_dir()]:
        path.unlink()
    for path, (kept, mode) in before.items():  # --no-overwrite-dir keeps modes and owners of folders, but neither extended attributes nor ACLs
        set_xattrs(path, kept)
        path.chmod(mode)


def _apply_whiteout(path: Path) -> None:
    """Deletes what a path deletes, if it is a whiteout."""
    targets = []
    if path.name == _OPAQUE and path.parent.is_dir():
        targets = list(path.parent.iterdir())
    elif path.name.startswith(_WHITEOUT):
        targets = [path.with_name(path.name.removeprefix(_WHITEOUT))]
    for target in targets:
        if os.path.lexists(target):
            shutil.rmtree(target) if target.is_dir() and not target.is_symlink() else target.unlink()


def get_xattrs(path: Path) -> dict[str, bytes]:
    """Returns the extended attributes of a file, folder or link."""
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)}


def set_xattrs(path: Path, wanted: dict[str, bytes]) -> None:
    """Gives a folder exactly these extended attributes."""
    for name in get_xattrs(path):
        os.removexattr(path, name)
    for name, value in wanted.items():
        os.setxattr(path, name, value)


def facts(root: Path) -> dict[str, list[Any]]:
    """Returns everything that a program could see of a tree but times: hard links are told by the first path of each file."""
    first: dict[int, str] = {}
    found: dict[str, list[Any]] = {}
    for path in sorted(root.rglob("*")):
        status, name = path.lstat(), str(path.relative_to(root))
        content = os.readlink(path) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        same = first.setdefault(status.st_ino, name) if stat.S_ISREG(status.st_mode) else name
        xattrs = {key: value.hex() for key, value in get_xattrs(path).items()}
        found[name] = [oct(status.st_mode), status.st_uid, status.st_gid, content, same, xattrs]
    return found


def met_twice(upper: Path, root: Path) -> set[str]:
    """Returns the paths of folders of a root that are several folders of an upper tree, through links of the root."""
    folders = [path.relative_to(upper) for path in upper.rglob("*") if path.is_dir() and not path.is_symlink()]
    places = [str((root / path).resolve().relative_to(root)) for path in folders]
    return {place for place in places if places.count(place) > 1}


def main(argv: Sequence[str]) -> int:
    """Prints the facts of a tree (see the module's text)."""
    print(json.dumps(facts(Path(argv[0]))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
