"""Tests of the archive of a release: the same bytes from files of any owner, time and mode, and lines that pin it."""

from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from release import archive

FILES = {"turnup": b"#!/bin/sh\n", "rules/BUILD": b"", "WORKSPACE": b'workspace(name = "turnup")\n' + archive._OWN + b"load(...)\n"}


def _built(folder: Path, mode: int, time: int, *, url: str = "", order: int = 1) -> tuple[bytes, str]:
    """Writes the files with a mode and a time, and returns the archive and the lines."""
    words = []
    for path, content in [*FILES.items()][::order]:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        file.chmod(mode)
        os.utime(file, (time, time))
        words.append(f"{path}={file}")
    out, lines = folder / "out.tar.gz", folder / "out.txt"
    assert archive.main(["--version", "1.2", "--url", url, "--archive", str(out), "--lines", str(lines), *words]) == 0
    return out.read_bytes(), lines.read_text()


def test_same_bytes(tmp_path: Path) -> None:
    """Folder, order, modes and times of the files do not matter."""
    assert _built(tmp_path / "a", 0o600, 10**9) == _built(tmp_path / "b", 0o777, 15 * 10**8, order=-1)


def test_members(tmp_path: Path) -> None:
    """Every file is below one folder, belongs to nobody, and is executable if it is a script."""
    content, _ = _built(tmp_path, 0o600, 10**9)
    with tarfile.open(fileobj=io.BytesIO(content)) as opened:
        members = {member.name: member for member in opened.getmembers()}

    assert list(members) == ["turnup-1.2/WORKSPACE", "turnup-1.2/rules/BUILD", "turnup-1.2/turnup"]
    assert {(member.uid, member.gid, member.uname, member.gname, member.mtime) for member in members.values()} == {(0, 0, "", "", archive.TIME)}
    assert [stat.filemode(member.mode)[1:] for member in members.values()] == ["rw-r--r--", "rw-r--r--", "rwxr-xr-x"]


def test_workspace_ends_before_own_part(tmp_path: Path) -> None:
    """The release's WORKSPACE has nothing of the samples; one that does not say where they begin is refused."""
    assert archive.without_own_part(FILES["WORKSPACE"]) == b'workspace(name = "turnup")\n'
    with pytest.raises(SystemExit, match="WORKSPACE has no line '# What follows"):
        archive.without_own_part(b"other")


@pytest.mark.parametrize("content", [b"", b"text" * 10**6, os.urandom(10**5)])
def test_compress(content: bytes) -> None:
    """gzip reads what was compressed."""
    assert gzip.decompress(archive.compress(content)) == content


def test_lines(tmp_path: Path) -> None:
    """The lines pin the URL, or say that it must be replaced."""
    _, known = _built(tmp_path, 0o600, 1, url="https://host.example/t.tar.gz")
    _, unknown = _built(tmp_path, 0o600, 1)

    assert known.startswith("# WORKSPACE\nload(") and known.count('urls = ["https://host.example/t.tar.gz"]') == 2
    assert "archive_override(" in known and 'version = "1.2"' in known
    assert unknown.startswith("# Replace the URL") and "https://example.com/turnup-1.2.tar.gz" in unknown
