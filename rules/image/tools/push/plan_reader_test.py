"""Tests of reading push plans."""

from pathlib import Path

import pytest

from rules.image.tools.errors import InputError
from rules.image.tools.push.plan_reader import check_names, read_plan
from rules.image.tools.push.transfer import Job

LINES = [
    "registry\tr.example:5000\tplain",
    "part\ta/b\tsha256:1\tkind\t2\tmanifest",
    "image\ta/b\tsha256:2\tkind\t2\tmanifest",
    "tag\tv1",
    "tag\tv2",
    "blob\tsha256:3\t2\tblob",
]


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Path:
    """A folder with a plan of an index and its image, and their files."""
    (tmp_path / "manifest").write_bytes(b"{}")
    (tmp_path / "blob").write_bytes(b"ab")
    (tmp_path / "plan").write_text("".join(f"{line}\n" for line in LINES))
    return tmp_path


def test_a_plan_has_the_jobs_of_each_registry(folder: Path) -> None:
    """Names, manifests and blobs are those of the lines; files are below the root."""
    (group,) = read_plan(folder / "plan", folder)
    assert (group.registry, group.plain) == ("r.example:5000", True)
    part, image = group.jobs
    assert (part.part, part.tags, part.blobs) == (True, (), {})
    assert (image.part, image.tags, image.manifest, image.media_type) == (False, ("v1", "v2"), b"{}", "kind")
    assert image.blobs == {"sha256:3": (2, f"{folder}/blob")}


@pytest.mark.parametrize("name", ["plan", "manifest", "blob"])
def test_a_missing_file_is_one_sentence(folder: Path, name: str) -> None:
    """The error names the file and says what to do."""
    (folder / name).unlink()
    with pytest.raises(InputError, match=f"{folder}/{name}: No such file or directory; build the image again"):
        read_plan(folder / "plan", folder)


def test_a_blob_of_another_size_is_one_sentence(folder: Path) -> None:
    """A truncated file is found before anything is sent."""
    (folder / "blob").write_bytes(b"a")
    with pytest.raises(InputError, match="has 1 bytes, but its manifest says 2; build the image again"):
        read_plan(folder / "plan", folder)


def test_one_name_is_for_one_image() -> None:
    """Two images under one name are refused; in two repositories or registries they are not."""
    one, two = (Job("a", ("v1",), b"", "", digest, {}) for digest in ("sha256:1", "sha256:2"))
    check_names([("r", one), ("s", two), ("r", one)])
    with pytest.raises(InputError, match="r/a:v1: two images would get this name, sha256:1 and sha256:2"):
        check_names([("r", one), ("r", two)])
