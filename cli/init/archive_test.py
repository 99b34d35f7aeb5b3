"""Tests of archives that `turnup init --release` is given: only a release is pinned, and each other one is one sentence."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from cli.common import workspace
from cli.init import pin
from cluster.common.errors import TurnupError, UsageError


def _archive(path: Path, *names: str, **changes: object) -> Path:
    """Writes an archive with files of the given names."""
    with tarfile.open(path, "w:gz") as opened:
        for name in names:
            member = tarfile.TarInfo(name)
            for key, value in changes.items():
                setattr(member, key, value)
            opened.addfile(member, io.BytesIO())
    return path


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x1f\x8b\x08\x00cut"])
def test_no_archive(tmp_path: Path, content: bytes) -> None:
    """An answer that is not an archive, such as a page, is refused."""
    (tmp_path / "page").write_bytes(content)

    with pytest.raises(TurnupError, match="--release file://.*/page: the answer is not a tar archive. Use the URL of turnup-VERSION.tar.gz."):
        pin.of_release(str(tmp_path / "page"), "1")


@pytest.mark.parametrize(
    "changes", [{"name": "../../evil"}, {"name": "/tmp/evil"}, {"name": "turnup-1/../../evil"}, {"type": tarfile.SYMTYPE, "linkname": "/etc"}]
)
def test_entry_outside(tmp_path: Path, changes: dict[str, object]) -> None:
    """An entry that leads out of the archive's folder, or is a link, is refused."""
    archive = _archive(tmp_path / "turnup-1.tar.gz", "turnup-1/turnup", **changes)

    with pytest.raises(TurnupError, match="is not a file below the archive's folder, so this is not a release"):
        pin.of_release(str(archive), "1")


@pytest.mark.parametrize("names", [["turnup-1/README.md"], ["turnup-1/turnup", "other/turnup"], ["turnup"]])
def test_another_archive(tmp_path: Path, names: list[str]) -> None:
    """An archive of something else is refused."""
    with pytest.raises(TurnupError, match="the archive does not have one folder with Turnup in it"):
        pin.of_release(str(_archive(tmp_path / "a.tar.gz", *names)), "1")


def test_release_of_another_version(tmp_path: Path) -> None:
    """The folder in the archive is what is pinned, whichever version runs."""
    assert pin.of_release(str(_archive(tmp_path / "a.tar.gz", "turnup-2.1/turnup")), "1").prefix == "turnup-2.1"


def test_default_of_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wheel pins the release that it belongs to, refuses another archive of that version, and asks for a URL if it knows none."""
    monkeypatch.setattr(workspace, "ROOT", tmp_path)
    known = tmp_path / pin.WHEEL_RELEASE
    known.write_text(json.dumps({"url": "https://example.com/turnup-1.tar.gz", "sha256": "0" * 64}))

    assert pin.default("1") == pin.Pin("https://example.com/turnup-1.tar.gz", "0" * 64, "turnup-1")
    archive = _archive(tmp_path / "a.tar.gz", "turnup-1/turnup")
    with pytest.raises(TurnupError, match="the archive has sha256 [0-9a-f]{64}, and the release of turnup 1 has 0{64}; use another URL"):
        pin.of_release(str(archive), "1")
    known.write_text(json.dumps({"url": "", "sha256": "0" * 64}))
    with pytest.raises(UsageError, match="add --release URL, or --turnup FOLDER with a checkout"):
        pin.default("1")


def test_default_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout or an unpacked release pins its own folder."""
    monkeypatch.setattr(workspace, "ROOT", tmp_path)
    for name in ("repositories.bzl", "turnup"):
        (tmp_path / name).touch()

    assert pin.default("1") == pin.Pin(str(tmp_path))
