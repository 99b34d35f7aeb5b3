"""Tests of the launcher that `turnup init` writes: it runs the Turnup that the repository pins, and no other."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from cli.init import files, pin

_FAKE = b'#!/bin/sh\necho "$TURNUP_WORKSPACE" "$@"\n'


def _archive(path: Path, members: dict[str, bytes], **changes: object) -> Path:
    """Writes a release with the given files."""
    with tarfile.open(path, "w:gz") as opened:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            for key, value in changes.items():
                setattr(member, key, value)
            opened.addfile(member, io.BytesIO(content))
    return path


def _repository(folder: Path, pinned: pin.Pin, name: str = "WORKSPACE") -> Path:
    """Writes a repository with the launcher and one pin."""
    folder.mkdir(exist_ok=True)
    (folder / "turnup").write_bytes((files.TEMPLATES / "turnup.tpl").read_bytes())
    (folder / "turnup").chmod(0o755)
    (folder / name).write_text(pinned.module("1.0") if name == "MODULE.bazel" else pinned.workspace())
    return folder


def _run(repository: Path, tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs the launcher with a cache of its own."""
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    return subprocess.run([repository / "turnup", *words], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["WORKSPACE", "WORKSPACE.bazel", "MODULE.bazel"])
def test_folder(tmp_path: Path, name: str) -> None:
    """A pinned folder's launcher is run with the words and the repository."""
    turnup = tmp_path / "tu"
    turnup.mkdir()
    (turnup / "turnup").write_bytes(_FAKE)
    (turnup / "turnup").chmod(0o755)
    repository = _repository(tmp_path / "shop", pin.Pin("../tu"), name)

    assert _run(repository, tmp_path, "up", "a b").stdout == f"{repository} up a b\n"


@pytest.mark.parametrize("name", ["WORKSPACE", "MODULE.bazel"])
def test_release(tmp_path: Path, name: str) -> None:
    """A pinned release is downloaded once, and then needs no network."""
    archive = _archive(tmp_path / "turnup-1.0.tar.gz", {"turnup-1.0/turnup": _FAKE})
    repository = _repository(tmp_path / "shop", pin.of_release(str(archive), "1.0"), name)

    first = _run(repository, tmp_path, "up")
    archive.unlink()

    assert first.stdout == f"{repository} up\n" and "downloading" in first.stderr
    again = _run(repository, tmp_path, "test")
    assert (again.stdout, again.stderr) == (f"{repository} test\n", "")


def test_another_archive_than_the_pinned(tmp_path: Path) -> None:
    """An archive with another sha256 is refused, and nothing of it is kept."""
    archive = _archive(tmp_path / "turnup-1.0.tar.gz", {"turnup-1.0/turnup": _FAKE})
    repository = _repository(tmp_path / "shop", pin.of_release(str(archive), "1.0"))
    _archive(archive, {"turnup-1.0/turnup": b"#!/bin/sh\necho evil\n"})

    done = _run(repository, tmp_path)

    assert (done.returncode, done.stdout) == (1, "")
    assert "it is not the release that was pinned" in done.stderr and "Traceback" not in done.stderr
    assert [path.suffix for path in (tmp_path / "cache/turnup/versions").iterdir()] == [".lock"]


@pytest.mark.parametrize("changes", [{"name": "../../evil"}, {"name": "/tmp/evil"}, {"type": tarfile.SYMTYPE, "linkname": "/etc"}])
def test_hostile_archive(tmp_path: Path, changes: dict[str, object]) -> None:
    """A path out of the archive, and anything but files and folders, is refused."""
    archive = _archive(tmp_path / "turnup-1.0.tar.gz", {"turnup-1.0/turnup": _FAKE}, **changes)
    repository = _repository(tmp_path / "shop", pin.Pin(archive.as_uri(), hashlib.sha256(archive.read_bytes()).hexdigest(), "turnup-1.0"))

    done = _run(repository, tmp_path)

    assert done.returncode == 1 and "is not a file of a release" in done.stderr
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>not found</html>", "is not a tar archive"),
        (gzip.compress(b"text" * 500), "is not a tar archive"),
        (None, "is not a tar archive"),
        ({"turnup-0.9/turnup": _FAKE}, "has no file turnup-1.0/turnup; correct strip_prefix"),
        ({"turnup-1.0/README.md": _FAKE}, "has no file turnup-1.0/turnup; correct strip_prefix"),
    ],
)
def test_archive_that_is_not_a_release(tmp_path: Path, content: bytes | dict[str, bytes] | None, words: str) -> None:
    """What was pinned, but is not a release, is one sentence, and nothing of it is kept. None stands for a cut archive."""
    archive = tmp_path / "turnup-1.0.tar.gz"
    if isinstance(content, bytes):
        archive.write_bytes(content)
    else:
        _archive(archive, content or {"turnup-1.0/turnup": os.urandom(20000)})
        archive.write_bytes(archive.read_bytes()[: None if content else 10000])
    repository = _repository(tmp_path / "shop", pin.Pin(archive.as_uri(), hashlib.sha256(archive.read_bytes()).hexdigest(), "turnup-1.0"))

    done = _run(repository, tmp_path)

    assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr
    assert [path.suffix for path in (tmp_path / "cache/turnup/versions").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "neither MODULE.bazel nor WORKSPACE declares"),
        ('local_repository(name = "turnup", path = "absent")', "has no Turnup; correct the path"),
        ('local_repository(name = "turnup", path = PATH)', "must be literals"),
        ('http_archive(name = "turnup", urls = ["https://x"])', "no sha256 or no url"),
        (f'http_archive(name = "turnup", sha256 = "{"0" * 64}", urls = ["file:///absent.tar.gz"])', "absent.tar.gz"),
        ("local_repository(", "must be valid Starlark"),
    ],
)
def test_wrong_pins(tmp_path: Path, text: str, words: str) -> None:
    """Each wrong pin is one sentence."""
    repository = _repository(tmp_path / "shop", pin.Pin("x"))
    (repository / "WORKSPACE").write_text(text)

    done = _run(repository, tmp_path)

    assert done.returncode == 1 and words in done.stderr
    assert done.stderr.startswith("ERROR: ") or done.stderr.startswith("turnup: downloading")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("program", "answer", "old"),
    [
        ("bazel-4", "bazel no_version", True),
        ("bazel-5.4.1-linux-x86_64", "", True),
        ("bazel", "bazel 4.2.3", True),
        ("bazel", "bazel 6.5.0", False),
        ("bazel", "bazel 7.7.1", False),
        ("bazel-real", "bazel 40.0.0", False),
    ],
)
def test_bazel_4_gets_its_flags(tmp_path: Path, program: str, answer: str, old: bool) -> None:
    """tools/bazel adds the file of flags for Bazel 4 and 5 only, and passes every word on."""
    real = tmp_path / program
    real.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo "{answer}" || printf "<%s>" "$@"\n')
    real.chmod(0o755)
    wrapper = tmp_path / "a b/tools/bazel"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text(files.template("tools/bazel"))
    wrapper.chmod(0o755)

    done = subprocess.run(
        [wrapper, "run", "//:x", "--", "a b"], env={"PATH": "/usr/bin:/bin", "BAZEL_REAL": str(real)}, capture_output=True, text=True, check=True
    )

    flags = f"<--bazelrc={wrapper.parent}/bazel_4.bazelrc>" if old else ""
    assert done.stdout == f"{flags}<run><//:x><--><a b>"
