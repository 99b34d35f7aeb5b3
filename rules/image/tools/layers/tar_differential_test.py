"""Differential test: what a node has after unpacking layers is what GNU tar makes of the same tars.

A node's containerd unpacks each layer into a folder of its own, and an overlay file system lays these folders over each other.
GNU tar unpacks the base's tar and then the upper one over it, keeping the folders and the links to folders that are there.
"""

import os
import random
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from rules.image.tools.layers import layer, lower
from rules.image.tools.testing import trees

SEEDS = int(os.environ.get("TAR_DIFFERENTIAL_SEEDS", "12"))  # more for a longer run by hand


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
    trees.set_xattrs(path, trees.get_xattrs(source))


def _layer(folder: Path, name: str, *arguments: str) -> list[str]:
    """Builds a layer of a tar, uncompressed, and returns its blob and descriptor."""
    files = [str(folder / f"{name}.{kind}") for kind in ("blob", "json")]
    assert layer.main(["--where=//t", f"--blob={files[0]}", f"--descriptor={files[1]}", "--compression=none", *arguments]) == 0
    return files


@pytest.mark.parametrize("seed", range(SEEDS))
def test_unpacked_layers_are_what_gnu_tar_makes(tmp_path, seed: int) -> None:
    """Modes, owners, content, links, hard links and extended attributes are the same, on a base of any folders and links."""
    rng = random.Random(seed)
    xattrs = trees.has_xattrs(tmp_path)
    tars = []
    for name in ("base", "upper"):
        (tmp_path / name).mkdir()
        trees.grow(tmp_path / name, rng, links=name == "base", xattrs=xattrs)
        tars.append(trees.pack(tmp_path / name, tmp_path / f"{name}_tar", rng))

    expected, root = tmp_path / "expected", tmp_path / "root"
    expected.mkdir()
    root.mkdir()
    for tar in tars:
        trees.unpack_over(tar, expected)

    below = _layer(tmp_path, "low", f"--tar={tars[0]}")
    assert lower.main(["--where=//t", f"--output={tmp_path / 'lower.json'}", "--upper", *below]) == 0
    for blob, _ in (below, _layer(tmp_path, "high", f"--tar={tars[1]}", f"--lower={tmp_path / 'lower.json'}")):
        unpacked = Path(f"{blob}.unpacked")
        unpacked.mkdir()
        trees.run_tar("--extract", "--same-permissions", "--file", blob, "-C", unpacked)
        listed = subprocess.run(["tar", "--list", "--quoting-style=literal", "--file", blob], capture_output=True, text=True, check=True)
        _overlay(unpacked, {line.rstrip("/") for line in listed.stdout.splitlines()}, root)
    found, wanted = trees.facts(root), trees.facts(expected)
    # Two folders of the upper tar may be one, through links of the base; GNU tar then takes the first one's mode, the layer the last one's.
    for path in trees.met_twice(tmp_path / "upper", expected):
        assert found.pop(path)[0].startswith("0o4") and wanted.pop(path)[0].startswith("0o4")
    assert {path: (found.get(path), wanted.get(path)) for path in found | wanted if found.get(path) != wanted.get(path)} == {}
