"""Differential test: what a node has after unpacking layers is what GNU tar makes of the same tars.

A node's containerd unpacks each layer into a folder of its own, and an overlay file system lays these folders over each other.
GNU tar unpacks the base's tar and then the upper one over it, keeping the folders and the links to folders that are there.
"""

import hashlib
import os
import random
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from rules.image.tools.layers import layer, lower

ROOT = os.geteuid() == 0
SEEDS = int(os.environ.get("TAR_DIFFERENTIAL_SEEDS", "12"))  # more for a longer run by hand
CAPABILITY = b"\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"  # cap_net_raw=ep, as setcap writes it
NAMES = ["bin", "lib", "usr", "tmp", "data", "opt", "é x", "long" * 26]
PACKERS = {".tar": "", ".tar.gz": "--gzip", ".tar.xz": "--xz", ".tar.zst": "--zstd"}


def _has_xattrs(folder: Path) -> bool:
    """Whether the file system keeps extended attributes, which some sandboxes' do not."""
    probe = folder / "probe"
    probe.touch()
    try:
        os.setxattr(probe, "user.a", b"1")
    except OSError:
        return False
    finally:
        probe.unlink()
    return True


def _decorate(path: Path, rng: random.Random, *, xattrs: bool) -> None:
    """Gives a file or folder an owner, a mode and extended attributes."""
    if ROOT and rng.random() < 0.5:
        os.chown(path, rng.choice([0, 7, 65532, 3_000_000]), rng.choice([0, 8]), follow_symlinks=False)
    if path.is_symlink():
        return
    if path.is_dir():  # without setgid: GNU tar leaves it to new folders below, whatever their mode in the tar
        path.chmod(rng.choice([0o755, 0o700, 0o1777, 0o711]))
    else:
        path.chmod(rng.choice([0o644, 0o400, 0o600, 0o4755, 0o2711]))
    if xattrs and rng.random() < 0.4:
        os.setxattr(path, "user.note", rng.choice([b"", b"a\n\xff\0=", b"x" * 300]))
        if ROOT and path.is_file():
            os.setxattr(path, "security.capability", CAPABILITY)


def _grow(top: Path, rng: random.Random, *, links: bool, xattrs: bool) -> None:
    """Fills a folder with a random tree of folders, files, symbolic links and hard links."""
    folders, files = [top], []
    for number in range(rng.randint(5, 40)):
        parent, kind = rng.choice(folders), rng.random()
        path = parent / (rng.choice(NAMES) if kind < 0.5 else f"{rng.choice(NAMES)}{number}")
        if os.path.lexists(path):
            continue
        if kind < 0.5:
            path.mkdir()
            folders.append(path)
        elif kind < 0.8 or not files:
            path.write_bytes(rng.randbytes(rng.choice([0, 1, 511, 512, 5000])))
            files.append(path)
        elif kind < 0.9:
            os.link(rng.choice(files), path, follow_symlinks=False)
            files.append(path)
        else:
            path.symlink_to(rng.choice(["nowhere", "usr/x"]))
    if links:  # links to folders, as a usr-merged base has them; relative, for GNU tar to follow them in its folder
        for name in NAMES:
            target = rng.choice(folders)
            if not os.path.lexists(top / name) and target != top and rng.random() < 0.7:
                (top / name).symlink_to(os.path.relpath(target, top))
    for path in [*folders[1:], *files]:
        _decorate(path, rng, xattrs=xattrs)


def _tar(*arguments: object) -> None:
    """Runs GNU tar on trees with any attributes."""
    done = subprocess.run(["tar", "--xattrs", "--xattrs-include=*", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _overlay(upper: Path, named: set[str], root: Path) -> None:
    """Lays an unpacked layer over a root: folders over folders change what the layer names, all else replaces what is there."""
    for source in sorted(upper.rglob("*")):
        path = root / source.relative_to(upper)
        folder = source.is_dir() and not source.is_symlink()
        if path.is_dir() and not path.is_symlink() and folder:
            if str(source.relative_to(upper)) in named:
                _copy_attributes(source, path)
            continue
        if os.path.lexists(path):
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        if folder:
            path.mkdir()
            _copy_attributes(source, path)
        else:
            os.rename(source, path)


def _copy_attributes(source: Path, path: Path) -> None:
    facts = source.lstat()
    os.chown(path, facts.st_uid, facts.st_gid)
    path.chmod(stat.S_IMODE(facts.st_mode))
    _set_xattrs(path, _xattrs(source))


def _xattrs(path: Path) -> dict[str, bytes]:
    """The extended attributes of a file, folder or link."""
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)}


def _set_xattrs(path: Path, wanted: dict[str, bytes]) -> None:
    """Gives a folder exactly these extended attributes."""
    for name in _xattrs(path):
        os.removexattr(path, name)
    for name, value in wanted.items():
        os.setxattr(path, name, value)


def _facts(root: Path) -> dict[str, tuple]:
    """Everything that a program could see of a tree but times: hard links are told by the first path of each file."""
    first: dict[int, str] = {}
    found: dict[str, tuple] = {}
    for path in sorted(root.rglob("*")):
        facts, name = path.lstat(), str(path.relative_to(root))
        content = os.readlink(path) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        same = first.setdefault(facts.st_ino, name) if stat.S_ISREG(facts.st_mode) else name
        found[name] = (oct(facts.st_mode), facts.st_uid, facts.st_gid, content, same, _xattrs(path))
    return found


def _layer(folder: Path, name: str, *arguments: str) -> list[str]:
    """Builds a layer of a tar, uncompressed, and returns its blob and descriptor."""
    files = [str(folder / f"{name}.{kind}") for kind in ("blob", "json")]
    assert layer.main(["--where=//t", f"--blob={files[0]}", f"--descriptor={files[1]}", "--compression=none", *arguments]) == 0
    return files


@pytest.mark.parametrize("seed", range(SEEDS))
def test_unpacked_layers_are_what_gnu_tar_makes(tmp_path, seed: int) -> None:
    """Modes, owners, content, links, hard links and extended attributes are the same, on a base of any folders and links."""
    rng = random.Random(seed)
    xattrs = _has_xattrs(tmp_path)
    tars = []
    for name in ("base", "upper"):
        top = tmp_path / name
        top.mkdir()
        _grow(top, rng, links=name == "base", xattrs=xattrs)
        ending, packer = rng.choice(list(PACKERS.items()))
        tars.append(tmp_path / f"{name}{ending}")
        _tar("--create", f"--format={rng.choice(['pax', 'posix'])}", *filter(None, [packer]), "--file", tars[-1], "-C", top, ".")

    expected, root = tmp_path / "expected", tmp_path / "root"
    expected.mkdir()
    root.mkdir()
    _tar("--extract", "--same-permissions", "--file", tars[0], "-C", expected)
    before = {path: _xattrs(path) for path in expected.rglob("*") if path.is_dir() and not path.is_symlink()}
    _tar("--extract", "--same-permissions", "--keep-directory-symlink", "--no-overwrite-dir", "--file", tars[1], "-C", expected)
    for path, kept in before.items():  # --no-overwrite-dir keeps modes and owners of folders, but not their extended attributes
        _set_xattrs(path, kept)

    below = _layer(tmp_path, "low", f"--tar={tars[0]}")
    assert lower.main(["--where=//t", f"--output={tmp_path / 'lower.json'}", "--upper", *below]) == 0
    for blob, _ in (below, _layer(tmp_path, "high", f"--tar={tars[1]}", f"--lower={tmp_path / 'lower.json'}")):
        unpacked = Path(f"{blob}.unpacked")
        unpacked.mkdir()
        _tar("--extract", "--same-permissions", "--file", blob, "-C", unpacked)
        listed = subprocess.run(["tar", "--list", "--quoting-style=literal", "--file", blob], capture_output=True, text=True, check=True)
        _overlay(unpacked, {line.rstrip("/") for line in listed.stdout.splitlines()}, root)
    found, wanted = _facts(root), _facts(expected)
    # Two folders of the upper tar may be one, through links of the base; GNU tar then takes the first one's mode, the layer the last one's.
    upper = [
        str((expected / path.relative_to(tmp_path / "upper")).resolve().relative_to(expected)) for path in (tmp_path / "upper").rglob("*") if path.is_dir()
    ]
    for path in {path for path in upper if upper.count(path) > 1}:
        assert found.pop(path)[0].startswith("0o4") and wanted.pop(path)[0].startswith("0o4")
    assert {path: (found.get(path), wanted.get(path)) for path in found | wanted if found.get(path) != wanted.get(path)} == {}
