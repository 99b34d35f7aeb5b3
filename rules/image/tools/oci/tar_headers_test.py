"""Tests of the tar headers: what two independent readers make of them."""

import io
import subprocess
import tarfile

import pytest

from rules.image.tools.oci import tar_headers

PATHS = {
    "short": b"a",
    "of exactly 100 bytes": b"d/" + b"n" * 98,
    "split at its prefix": b"d" * 120 + b"/" + b"n" * 90,
    "with a name too long for ustar": b"n" * 200,
    "too long for prefix and name": b"/".join([b"folder" * 9] * 8) + b"/file",
    "not ASCII": "zürich/人.txt".encode(),
    "with spaces": b"a folder/a file ",
}


def _archive(*parts: bytes) -> bytes:
    return b"".join(parts) + tar_headers.END


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS.keys())
def test_any_path_reads_back(path: bytes, tmp_path) -> None:
    """The standard library and GNU tar read the same path and content that was written."""
    data = _archive(tar_headers.header(path, tar_headers.REGULAR, 0o640, 7, 8, size=3), b"abc", tar_headers.padding(3))
    (tmp_path / "x.tar").write_bytes(data)

    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        (member,) = tar.getmembers()
        assert member.name.encode() == path
        assert tar.extractfile(member).read() == b"abc"
        assert (member.mode, member.uid, member.gid, member.mtime) == (0o640, 7, 8, 0)
    listed = subprocess.run(["tar", "--quoting-style=literal", "-tf", tmp_path / "x.tar"], capture_output=True, check=True)
    assert listed.stdout.rstrip(b"\n") == path
    assert listed.stderr == b""


def test_long_and_foreign_link_targets_read_back() -> None:
    """A link's target may be longer than 100 bytes and need not be ASCII."""
    target = "ö" + "t" * 150
    data = _archive(tar_headers.header(b"l", tar_headers.SYMLINK, 0o777, 0, 0, link=target.encode()))
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getmember("l").linkname == target


def test_large_numbers_go_to_pax_records() -> None:
    """Owners above 2^21 and sizes above 8 GiB are kept, in the records that POSIX has for them."""
    block = tar_headers.header(b"big", tar_headers.REGULAR, 0o644, 3_000_000, 4_000_000_000, size=9 << 30)
    info = tarfile.TarFile(fileobj=io.BytesIO(block + tar_headers.END), mode="r")
    member = info.next()
    assert member is not None
    assert (member.uid, member.gid, member.size) == (3_000_000, 4_000_000_000, 9 << 30)


def test_a_directory_has_a_slash_and_no_size() -> None:
    """A directory is one block of type 5."""
    block = tar_headers.header(b"etc/", tar_headers.DIRECTORY, 0o755, 0, 0)
    assert len(block) == tar_headers.BLOCK
    assert tarfile.TarInfo.frombuf(block, "utf-8", "strict").isdir()


@pytest.mark.parametrize("length", range(1, 230))
def test_a_pax_record_counts_its_own_digits(length: int) -> None:
    """The number at a record's start is the record's length, also where that number gains a digit."""
    record = tar_headers._record(b"path", b"x" * length)
    assert int(record.split(b" ")[0]) == len(record)
