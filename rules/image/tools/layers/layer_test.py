"""Tests of the layer tool: equal input gives equal bytes, and the digests are those of what was written."""

import bz2
import errno
import gzip
import hashlib
import io
import json
import lzma
import os
import random
import resource
import tarfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import pytest
import zstandard

from rules.common import unpacking
from rules.image.tools.errors import InputError, run
from rules.image.tools.layers import layer
from rules.image.tools.layers.entries import DIRECTORY, FILE, Entry, Tree
from rules.image.tools.oci import tar_headers


def _source(folder: Path, umask: int, when: int, owner: int = -1) -> Path:
    """Writes the same few files in a folder with another umask, other times and, where root runs the test, another owner."""
    old = os.umask(umask)
    try:
        folder.mkdir(parents=True)
        for name in ("b.py", "a.py", "sub/c.txt"):
            path = folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"content of {name}\n")
            os.utime(path, (when, when))
            if os.geteuid() == 0:
                os.chown(path, owner, owner)
        (folder / "a.py").chmod((folder / "a.py").stat().st_mode | 0o100)
    finally:
        os.umask(old)
    return folder


def _build(out: Path, *arguments: str) -> dict:
    """Runs the tool as an action would and returns the descriptor."""
    out.mkdir(exist_ok=True)
    assert layer.main(["--where", "//t:l", "--blob", str(out / "blob"), "--descriptor", str(out / "d.json"), "--compression", "gzip", *arguments]) == 0
    return json.loads((out / "d.json").read_text())


def test_folder_user_umask_and_times_do_not_reach_the_bytes(tmp_path) -> None:
    """Two checkouts that differ in folder, user, umask and times give one digest."""
    one = _source(tmp_path / "one", 0o022, 1)
    two = _source(tmp_path / "deeper/two", 0o077, 2_000_000_000, owner=1234)
    built = [_build(tmp_path / f"out{i}", "--tree", "app", str(top)) for i, top in enumerate((one, two))]
    assert built[0] == built[1]
    assert (tmp_path / "out0/blob").read_bytes() == (tmp_path / "out1/blob").read_bytes()


def test_the_order_of_arguments_does_not_matter(tmp_path) -> None:
    """Files listed in another order give the same layer."""
    top = _source(tmp_path / "src", 0o022, 1)
    files = [["--file", name, str(top / name)] for name in ("a.py", "b.py", "sub/c.txt")]
    digests = {_build(tmp_path / "out", *chain.from_iterable(order))["digest"] for order in (files, files[::-1])}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("compression", "digest"),
    [
        ("gzip", "sha256:73470796edb7f6e16d6d14ce9cbf74e983353942306f878205245c729972e2aa"),
        ("zstd:2", "sha256:2583e34f3ddc12ebc5292b933c1df923a7f9bb0cb27495d59c193abf59ddd6b8"),
    ],
)
def test_a_known_layer_has_its_known_digest(tmp_path, compression, digest) -> None:
    """The bytes are the same on every machine: they have these recorded digests."""
    top = _source(tmp_path / "src", 0o022, 1)
    built = _build(
        tmp_path / "out", "--tree", "srv", str(top), "--symlink", "bin/x", "/srv/a.py", "--empty-dir", "data", "--owner", "7:8", "--compression", compression
    )
    assert built["diff_id"] == "sha256:75d9e78293775c250df5a2f3b3cc2f2356be4bf2bd77556c87c3442aa8fc7687"
    assert built["digest"] == digest


@pytest.mark.parametrize("compression", ["gzip", "none", "zstd:2", "zstd:6"])
def test_digests_and_size_are_those_of_the_files(tmp_path, compression: str) -> None:
    """The descriptor's digest and size are the blob's, its diff_id is the tar's."""
    top = _source(tmp_path / "src", 0o022, 1)
    built = _build(tmp_path / "out", "--tree", "app", str(top), "--compression", compression)
    blob = (tmp_path / "out/blob").read_bytes()
    unpackers: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.decompress, "none": bytes}
    plain = unpackers.get(compression, lambda data: zstandard.ZstdDecompressor().stream_reader(data).read())(blob)
    assert built["digest"] == "sha256:" + hashlib.sha256(blob).hexdigest()
    assert built["diff_id"] == "sha256:" + hashlib.sha256(plain).hexdigest()
    assert built["size"] == len(blob)
    assert built["mediaType"].endswith({"gzip": "tar+gzip", "none": "tar"}.get(compression, "tar+zstd"))


def test_the_gzip_header_names_no_time_and_no_system(tmp_path) -> None:
    """RFC 1952's optional fields are absent, its time is 0 and its system unknown."""
    _build(tmp_path / "out", "--empty-dir", "x")
    assert (tmp_path / "out/blob").read_bytes()[:10] == b"\x1f\x8b\x08\0\0\0\0\0\0\xff"


@pytest.mark.parametrize("seed", range(8))
def test_random_trees_read_back_whole(tmp_path, seed: int) -> None:
    """Any tree of files of any size reads back with the same names, modes and bytes."""
    rng = random.Random(seed)
    wanted = {}
    tree = Tree("//t")
    for number in range(rng.randint(1, 60)):
        name = "/".join("".join(rng.choices("abcé ._-", k=rng.randint(1, 30))) + "x" for _ in range(rng.randint(1, 7))) + str(number)
        data = rng.randbytes(rng.choice([0, 1, 511, 512, 513, 70_000, 1 << 20, (1 << 21) + 5]))
        source: str | bytes = data
        if rng.random() < 0.5:
            source = str(tmp_path / str(number))
            Path(source).write_bytes(data)
        mode = rng.randint(0, 0o777)
        tree.add(name, Entry(FILE, mode, number, number + 1, source))
        wanted[name] = (mode, number, number + 1, data)
    out = io.BytesIO()
    blob = layer.write_blob(tree.sorted(), out, "gzip", "//t")
    found = {}
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        for member in tar:
            if member.isreg():
                found[member.name] = (member.mode, member.uid, member.gid, tar.extractfile(member).read())
    assert found == wanted
    assert blob.size == len(out.getvalue())


def test_hard_links_of_a_tar_stay_links(tmp_path) -> None:
    """The bytes of hard-linked files are in the layer once."""
    source = tmp_path / "in.tar"
    with tarfile.open(source, "w") as tar:
        info = tarfile.TarInfo("z")
        info.size = 100_000
        tar.addfile(info, io.BytesIO(os.urandom(100_000)))
        link = tarfile.TarInfo("a")
        link.type, link.linkname = tarfile.LNKTYPE, "z"
        tar.addfile(link)
    _build(tmp_path / "out", "--tar", str(source))
    with tarfile.open(tmp_path / "out/blob") as tar:
        assert [(m.name, m.islnk(), m.linkname) for m in tar] == [("a", False, ""), ("z", True, "a")]


def test_extended_attributes_and_empty_hard_links_reach_the_layer(tmp_path) -> None:
    """The layer has the records that containerd reads, as bytes, on files and directories; empty files stay hard links."""
    capability = b"\1\0\0\2\0\x20\0\0\xff\n\0\0\0\0\0\0\0\0\0\0"
    xattrs = [("security.capability", capability), ("user.a", b"1")]
    parts = [tar_headers.header(b"ping", b"0", 0o755, 0, 0, size=3, xattrs=xattrs), b"#!x" + bytes(509)]
    parts += [tar_headers.header(b"d/", b"5", 0o755, 0, 0, xattrs=xattrs[1:]), tar_headers.header(b"empty", b"0", 0o755, 0, 0)]
    parts += [tar_headers.header(b"same", b"1", 0o755, 0, 0, link=b"empty"), tar_headers.END]
    (tmp_path / "in.tar").write_bytes(b"".join(parts))
    _build(tmp_path / "out", "--tar", str(tmp_path / "in.tar"))
    with tarfile.open(tmp_path / "out/blob") as tar:
        found = {m.name: (m.type, {k: v.encode("utf-8", "surrogateescape") for k, v in m.pax_headers.items()}) for m in tar}
    assert found["ping"] == (b"0", {"SCHILY.xattr.security.capability": capability, "SCHILY.xattr.user.a": b"1"})
    assert found["d"] == (b"5", {"SCHILY.xattr.user.a": b"1"})
    assert (found["empty"][0], found["same"][0]) == (b"0", b"1")


def test_a_hard_link_repeats_extended_attributes_and_a_default_acl_comes_last() -> None:
    """A node sets the owner through each hard link, which drops file capabilities, and new files inherit the default ACL of their folder."""
    acl, capability = ("system.posix_acl_default", b"acl"), ("security.capability", b"cap")
    file = Entry(FILE, 0o755, 7, 7, b"program", xattrs=(capability,))
    items = [("d", Entry(DIRECTORY, 0o700, xattrs=(acl, ("user.a", b"1")))), ("d/one", file), ("two", file)]
    with tarfile.open(fileobj=io.BytesIO(b"".join(layer.tar_chunks(items, "//t")))) as tar:
        found = [(member.name, member.type, [name.removeprefix("SCHILY.xattr.") for name in member.pax_headers]) for member in tar]
    assert found == [
        ("d", b"5", ["user.a"]), ("d/one", b"0", ["security.capability"]), ("two", b"1", ["security.capability"]),
        ("d", b"5", ["system.posix_acl_default", "user.a"]),
    ]  # fmt: skip


def _bomb(kind: str) -> bytes:
    """Returns a few kilobytes that stand for a tar with 3 MB of zeros in it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo("z")
        info.size = 3_000_000
        tar.addfile(info, io.BytesIO(bytes(info.size)))
    packers: dict[str, Callable[[bytes], bytes]] = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "tar": bytes}
    return packers[kind](out.getvalue())


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_an_archive_that_would_fill_the_disk_is_refused(tmp_path, capsys, monkeypatch, kind: str) -> None:
    """An archive that expands beyond the ratio and the free size is a one-sentence error; the same content uncompressed is accepted."""
    monkeypatch.setattr(unpacking, "FREE", 1_000_000)
    monkeypatch.setattr(unpacking, "RATIO", 10)
    code = []
    for name in (kind, "tar"):
        (tmp_path / name).write_bytes(_bomb(name))
        code.append(run(layer.main, ["--where", "//t:l", "--blob", str(tmp_path / "b"), "--descriptor", str(tmp_path / "d"), "--tar", str(tmp_path / name)]))
    assert code == [1, 0]
    assert f"ERROR: //t:l: {tmp_path / kind}: unpacks to more than 1000000 bytes" in capsys.readouterr().err


def test_the_total_of_an_archive_is_limited(tmp_path, monkeypatch) -> None:
    """The total size is limited, however large the archive is."""
    monkeypatch.setattr(unpacking, "TOTAL", 2_000_000)
    (tmp_path / "t").write_bytes(_bomb("tar"))
    with pytest.raises(InputError, match="unpacks to more than 2000000 bytes"):
        Tree("//t").add_tar(str(tmp_path / "t"))


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path) -> None:
    """Pax records of 20 MB are refused, because readers of tars read them whole."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("x")
        info.pax_headers = {"comment": "x" * (20 << 20)}
        tar.addfile(info)
    (tmp_path / "t.gz").write_bytes(gzip.compress(out.getvalue()))
    with pytest.raises(InputError, match="has a header of 2.* bytes, which no file needs"):
        Tree("//t").add_tar(str(tmp_path / "t.gz"))


def test_large_archives_are_not_held_in_memory(tmp_path, monkeypatch) -> None:
    """Large files of a tar are kept on disk, and the layer's bytes, with hard links, are the same."""
    source = tmp_path / "in.tar"
    with tarfile.open(source, "w") as tar:
        for name in "abcd":
            info = tarfile.TarInfo(name)
            info.size = 1_500_000
            tar.addfile(info, io.BytesIO(name.encode() * info.size))
        link = tarfile.TarInfo("e")
        link.type, link.linkname = tarfile.LNKTYPE, "d"
        tar.addfile(link)
    built = []
    for memory in (unpacking.MEMORY, 2_000_000):
        monkeypatch.setattr(unpacking, "MEMORY", memory)
        built.append([_build(tmp_path / "out", "--tar", str(source), "--compression", kind) for kind in ("gzip", "zstd:2", "none")])
    tree = Tree("//t")
    tree.add_tar(str(source))
    assert built[0] == built[1]
    assert [isinstance(tree.entries[name].source, unpacking.StoredContent) for name in "abcd"] == [False, True, True, True]


def test_mode_owner_and_directory_apply_to_files(tmp_path) -> None:
    """The attributes of container_layer reach the entries."""
    top = _source(tmp_path / "src", 0o022, 1)
    _build(tmp_path / "out", "--file", "x.py", str(top / "a.py"), "--mode", "0o640", "--owner", "5:6", "--directory", "/srv/", "--empty-file", "/etc/flag")
    with tarfile.open(tmp_path / "out/blob") as tar:
        facts = {m.name: (m.mode, m.uid, m.gid) for m in tar}
    assert facts["srv/x.py"] == (0o640, 5, 6)
    assert facts["etc/flag"] == (0o444, 5, 6)
    assert facts["srv"] == (0o755, 0, 0)


@pytest.mark.parametrize("mode", ["0o777", "1777", "0o0", ""])
def test_the_mode_of_empty_files_and_folders_is_the_attributes(tmp_path, mode: str) -> None:
    """--mode-of-empty holds for both; without it, files have 0444 and folders 0755; parents keep 0755."""
    _build(tmp_path / "out", "--empty-file", "/a/flag", "--empty-dir", "/b/data", "--mode-of-empty", mode)
    with tarfile.open(tmp_path / "out/blob") as tar:
        facts = {m.name: m.mode for m in tar}
    asked = int(mode.removeprefix("0o"), 8) if mode else None
    assert (facts["a/flag"], facts["b/data"]) == ((0o444, 0o755) if asked is None else (asked, asked))
    assert (facts["a"], facts["b"]) == (0o755, 0o755)


def test_modes_by_content_do_not_depend_on_the_checkout(tmp_path) -> None:
    """--mode content: 0555 for programs by their first bytes and for each --program, 0444 for others, in folders too."""
    (tmp_path / "in").mkdir()
    for name, data, mode in (("script", b"#!/bin/sh\n", 0o600), ("words", b"words", 0o755), ("said", b"words", 0o600)):
        (tmp_path / "in" / name).write_bytes(data)
        (tmp_path / "in" / name).chmod(mode)
    files = [word for name in ("script", "words") for word in ("--file", name, str(tmp_path / "in" / name))]
    _build(tmp_path / "out", "--mode", "content", *files, "--program", "said", str(tmp_path / "in/said"), "--tree", "tree", str(tmp_path / "in"))
    with tarfile.open(tmp_path / "out/blob") as tar:
        modes = {m.name: m.mode for m in tar if m.isreg()}
    assert modes == {"script": 0o555, "words": 0o444, "said": 0o555, "tree/script": 0o555, "tree/words": 0o444, "tree/said": 0o444}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--file", "../x", "SRC"], "the path '/../x' contains '..'"),
        (["--file", "a", "SRC", "--empty-file", "a"], "two files at one path"),
        (["--file", "a", "/does/not/exist"], "/does/not/exist"),
        (["--mode", "rwx"], "mode: found 'rwx'"),
        (["--owner", "root"], "owner: found 'root'"),
        (["--tar", "SRC"], "not a readable tar"),
        (["--deb", "SRC"], "not a Debian package"),
    ],
)
def test_bad_input_is_one_line_and_exit_1(tmp_path, capsys, arguments: list[str], message: str) -> None:
    """Each kind of bad input prints one ERROR line, without a traceback."""
    top = _source(tmp_path / "src", 0o022, 1)
    command = [str(top / "a.py") if word == "SRC" else word for word in arguments]
    code = run(layer.main, ["--where", "//t:l", "--blob", str(tmp_path / "b"), "--descriptor", str(tmp_path / "d"), *command])
    lines = capsys.readouterr().err.splitlines()
    assert code == 1
    assert len(lines) == 1 and lines[0].startswith("ERROR: ") and message in lines[0]


def test_a_folder_that_cannot_be_read_is_no_empty_one(tmp_path, capsys, monkeypatch) -> None:
    """A folder that os.walk can't list is an error that names it."""
    top = _source(tmp_path / "src", 0o022, 1)
    listed = os.scandir

    def scandir(path):
        if str(path).endswith("sub"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert run(layer.main, ["--where", "//t:l", "--blob", str(tmp_path / "b"), "--descriptor", str(tmp_path / "d"), "--tree", "app", str(top)]) == 1
    assert capsys.readouterr().err == f"ERROR: {top}/sub: Permission denied\n"


def test_a_file_that_vanishes_is_named(tmp_path) -> None:
    """A source that disappears before it is read is an error that names it."""
    tree = Tree("//t")
    tree.add("x", Entry(FILE, 0o644, source=str(tmp_path / "gone")))
    with pytest.raises(InputError, match="gone is gone"):
        layer.write_blob(tree.sorted(), io.BytesIO(), "none", "//t")


def test_a_full_disk_is_one_sentence(tmp_path, capsys) -> None:
    """The error for a full device names target and file and says what to do."""
    code = run(layer.main, ["--where", "//t:l", "--blob", "/dev/full", "--descriptor", str(tmp_path / "d"), "--empty-dir", "x"])
    assert code == 1
    assert capsys.readouterr().err == "ERROR: //t:l: /dev/full: No space left on device; free space on that disk, then run this again\n"


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd:2"])
def test_a_disk_that_fills_up_in_the_middle_is_no_success(tmp_path, capsys, compression: str) -> None:
    """An incomplete write, as at the end of a full disk, fails the layer."""
    (tmp_path / "data").write_bytes(random.Random(0).randbytes(3 << 20))
    arguments = [
        "--where",
        "//t:l",
        "--blob",
        str(tmp_path / "b"),
        "--descriptor",
        str(tmp_path / "d"),
        "--file",
        "x",
        str(tmp_path / "data"),
        "--compression",
        compression,
    ]
    assert run(layer.main, arguments) == 0
    room = (tmp_path / "b").stat().st_size - 5
    (tmp_path / "d").unlink()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        assert run(layer.main, arguments) == 1
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert capsys.readouterr().err.startswith("ERROR: ")
    assert not (tmp_path / "d").exists()


def test_a_file_that_lost_bytes_is_no_success(tmp_path, capsys, monkeypatch) -> None:
    """The file's size on disk is compared with the written bytes."""
    monkeypatch.setattr(layer, "write_blob", lambda *_: layer.Blob("x", "sha256:", 5, "sha256:"))
    assert run(layer.main, ["--where", "//t:l", "--blob", str(tmp_path / "b"), "--descriptor", str(tmp_path / "d"), "--empty-dir", "x"]) == 1
    assert f"{tmp_path}/b: has 0 of the 5 bytes that were written; check that disk" in capsys.readouterr().err
