"""Test of the release's bytes: two checkouts, of two users, in two folders, each with a Bazel of its own."""

import hashlib

from release.contents import version
from tests.build.nested import Nested
from tests.repo import tree


def _built(folder, mode, **variables):
    """Builds the release and the wheel in a copy of the checkout, and returns the digests of all files."""
    with Nested(folder) as copy:
        for path in tree.files():
            (copy.root / path).chmod(mode)
            if path.name == "turnup":
                (copy.root / path).chmod(mode | 0o100)
        copy.build("//:release", "//:wheel", **variables)
        files = [path for path in copy.built("release").iterdir() if path.name.startswith("turnup-") and path.suffix != ".params"]
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_same_bytes(tmp_path):
    """Folder, output base, user, home folder and file modes leave no trace in the archive, the lines and the wheel."""
    for name in ("jane", "joe"):
        (tmp_path / name).mkdir()
    first = _built(tmp_path / "jane", 0o644, USER="jane", HOME=str(tmp_path / "jane"))

    second = _built(tmp_path / "joe", 0o660, USER="joe", HOME=str(tmp_path / "joe"), TZ="Asia/Tokyo")

    number = version(tree.ROOT)
    assert first.keys() == {f"turnup-{number}.tar.gz", f"turnup-{number}.txt", f"turnup-{number}-py3-none-any.whl"}
    assert first == second
