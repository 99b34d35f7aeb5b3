"""Tests of a layer's content: what is refused, and what tars turn into."""

import io
import random
import tarfile

import pytest
import zstandard

from rules.image.tools.errors import InputError
from rules.image.tools.layers import entries
from rules.image.tools.layers.entries import DIRECTORY, FILE, SYMLINK, Entry, Tree
from rules.image.tools.oci import tar_headers


def _tar(*members: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    stream.seek(0)
    return stream


def _info(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode = kind, link, mode
    return info


def _sparse(name: str) -> tarfile.TarInfo:
    info = _info(name)
    info.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": "3000000000"}
    return info


@pytest.mark.parametrize(("path", "clean"), [("/a//b/./c", "a/b/c"), ("a/b/", "a/b"), ("/", ""), ("./x", "x"), ("a/..b", "a/..b")])
def test_paths_are_cleaned(path: str, clean: str) -> None:
    """Leading and doubled slashes and dots go; names that only begin with dots stay."""
    assert entries.clean_path(path, "//t") == clean


@pytest.mark.parametrize("path", ["..", "/../etc/passwd", "a/../../b", "a/..", "nul\0", "x" * 5000])
def test_escaping_and_impossible_paths_are_refused(path: str) -> None:
    """A path that contains '..', has NUL in it or is too long names the target in its error."""
    with pytest.raises(InputError, match="^//t: "):
        Tree("//t").add(path, Entry(FILE, 0o644))


@pytest.mark.parametrize(("path", "target"), [("a", "../x"), ("a/b", "../../x"), ("a/b", "c/../../../x"), ("a", ""), ("a", "x\0")])
def test_links_out_of_the_image_are_refused(path: str, target: str) -> None:
    """A relative link may not lead above the root, however it is written."""
    with pytest.raises(InputError, match="the link"):
        Tree("//t").add(path, Entry(SYMLINK, 0o777, target=target))


@pytest.mark.parametrize(("path", "target"), [("a/b", "../x"), ("a", "/etc/passwd"), ("a/b/c", "../../x/../y")])
def test_links_inside_the_image_are_kept(path: str, target: str) -> None:
    """Relative links that stay inside and absolute ones are as they were."""
    tree = Tree("//t")
    tree.add(path, Entry(SYMLINK, 0o777, target=target))
    assert dict(tree.sorted())[path].target == target


@pytest.mark.parametrize("path", [".wh.x", "a/.wh.x", "a/.wh..wh..opq", ".wh.d/x"])
def test_a_file_that_would_delete_another_is_refused(path: str) -> None:
    """A file with the name of a whiteout is refused; in a tar it is allowed."""
    with pytest.raises(InputError, match=f"^//t: the name of /{path} begins with .wh., which deletes files of the layers below; rename it"):
        Tree("//t").add(path, Entry(FILE, 0o644))
    tree = Tree("//t")
    tree.add_tar(_tar((_info(path), b"")))
    assert path in tree.entries


@pytest.mark.parametrize(
    ("paths", "sorted_paths"),
    [
        ((".wh.d", "d/x"), ["d", "d/.wh..wh..opq", "d/x"]),
        ((".wh.d", "d/", "d/.wh.x", "d/e/", "d/e/.wh..wh..opq"), ["d", "d/.wh..wh..opq", "d/e"]),
        (("d/.wh..wh..opq", "d/.wh.x", "d/y"), ["d", "d/.wh..wh..opq", "d/y"]),
        ((".wh.x", "x", "d/.wh.y", "d/e/"), [".wh.x", "d", "d/.wh.y", "d/e", "x"]),
    ],
)
def test_whiteouts_are_what_every_node_understands(paths: tuple[str, ...], sorted_paths: list[str]) -> None:
    """A whiteout of a folder of the same tar becomes one of its old content, below which no other is needed; those of files stay."""
    tree = Tree("//t")
    tree.add_tar(_tar(*((_info(path.rstrip("/"), tarfile.DIRTYPE if path.endswith("/") else tarfile.REGTYPE), b"") for path in paths)))
    assert [path for path, _ in tree.sorted()] == sorted_paths


def test_two_files_at_one_path_are_refused() -> None:
    """Different content at one path is an error that names the path."""
    tree = Tree("//t")
    tree.add("/a/b", Entry(FILE, 0o644, source=b"one"))
    with pytest.raises(InputError, match="//t: two files at one path, /a/b"):
        tree.add("a/b", Entry(FILE, 0o644, source=b"two"))


def test_the_same_file_may_come_twice(tmp_path) -> None:
    """Equal bytes, mode and owner at one path are allowed."""
    (tmp_path / "f").write_bytes(b"one")
    tree = Tree("//t")
    tree.add("a", Entry(FILE, 0o644, source=b"one"))
    tree.add("a", Entry(FILE, 0o644, source=str(tmp_path / "f")))
    assert len(tree.sorted()) == 1


def test_a_file_below_a_file_is_refused() -> None:
    """A file below a path that is not a directory is an error that names both."""
    tree = Tree("//t")
    tree.add("a/b", Entry(SYMLINK, 0o777, target="c"))
    tree.add("a/b/d", Entry(FILE, 0o644))
    with pytest.raises(InputError, match="/a/b/d is below /a/b"):
        tree.sorted()


def test_the_root_cannot_be_a_file() -> None:
    """A file named '/' is refused, a directory of that name is left out."""
    tree = Tree("//t")
    tree.add("/", Entry(DIRECTORY, 0o700))
    assert tree.sorted() == []
    with pytest.raises(InputError, match="cannot be the root"):
        tree.add("./", Entry(FILE, 0o644))


def test_parents_are_added_but_not_over_what_a_base_links() -> None:
    """Missing folders get mode 0755; /lib and the like, which are links in a usr-merged base, get no entry."""
    tree = Tree("//t")
    tree.add("srv/app/x", Entry(FILE, 0o644))
    tree.add("lib/y", Entry(FILE, 0o644))
    assert [path for path, _ in tree.sorted()] == ["lib/y", "srv", "srv/app", "srv/app/x"]


def test_entries_sort_by_bytes_parents_first() -> None:
    """Entries are sorted by the bytes of their paths, whatever the locale and the order of adding."""
    tree = Tree("//t")
    for path in ("b", "a/z", "a-b", "é", "B"):
        tree.add(path, Entry(FILE, 0o644))
    assert [path for path, _ in tree.sorted()] == ["B", "a", "a-b", "a/z", "b", "é"]


def test_a_tar_keeps_modes_owners_links() -> None:
    """A tar's entries come with mode, numeric owner and link targets, under the prefix, without names and times."""
    info = _info("d/f", mode=0o4755)
    info.uid, info.gid, info.mtime, info.uname = 12, 34, 99, "someone"
    tree = Tree("//t")
    tree.add_tar(_tar((info, b"x"), (_info("d/h", tarfile.LNKTYPE, "d/f"), b""), (_info("d/s", tarfile.SYMTYPE, "f"), b"")), prefix="opt")
    found = dict(tree.sorted())
    assert found["opt/d/f"] == Entry(FILE, 0o4755, 12, 34, b"x")
    assert found["opt/d/h"] is found["opt/d/f"]
    assert found["opt/d/s"].target == "f"


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (_info("../x"), "the path '../x' contains '..'"),
        (_info("dev/null", tarfile.CHRTYPE), "special file"),
        (_info("pipe", tarfile.FIFOTYPE), "special file"),
        (_info("h", tarfile.LNKTYPE, "missing"), "hard link"),
        (_info("h", tarfile.LNKTYPE, "../../etc/shadow"), "the path '../../etc/shadow' contains '..'"),
        (_info("s", tarfile.SYMTYPE, "../../etc"), "leads out of the image"),
        (_sparse("zeros"), "sparse file"),
    ],
    ids=["path", "device", "fifo", "dangling", "hard link out", "symlink out", "sparse"],
)
def test_hostile_tar_members_are_refused(member: tarfile.TarInfo, message: str) -> None:
    """A tar that would write outside the image, or has devices, is a one-sentence error with the tar's name."""
    with pytest.raises(InputError, match=f"^//t: .*{message}"):
        Tree("//t").add_tar(_tar((member, b"")), name="evil.tar")


@pytest.mark.parametrize(
    "damage", [lambda data: data[:700], lambda data: b"no tar at all" * 100, lambda data: b"\x1f\x8b" + data, lambda data: b"\xfd7zXZ\0" + data]
)
def test_damaged_tars_are_refused(damage, tmp_path) -> None:
    """Truncated, foreign and wrongly compressed files are one-sentence errors that name the file."""
    path = tmp_path / "x.tar"
    path.write_bytes(damage(_tar((_info("f"), b"x" * 4000)).getvalue()))
    with pytest.raises(InputError, match=r"x\.tar"):
        Tree("//t").add_tar(str(path))


def test_only_the_execute_bit_of_a_file_counts(tmp_path) -> None:
    """A checkout's umask does not affect the image: executable files get 0555, others 0444."""
    for name, mode in (("a", 0o700), ("b", 0o664)):
        (tmp_path / name).write_bytes(b"")
        (tmp_path / name).chmod(mode)
    assert entries.file_entry(str(tmp_path / "a"), None, 1, 2)[1:4] == (0o555, 1, 2)
    assert entries.file_entry(str(tmp_path / "b"), None, 1, 2)[1:4] == (0o444, 1, 2)


@pytest.mark.parametrize(("data", "program"), [(b"\x7fELF\x02\x01", True), (b"#!/usr/bin/python3\n", True), (b"# words\n", False), (b"", False), (b"#", False)])
def test_programs_are_told_by_their_first_bytes(tmp_path, data: bytes, program: bool) -> None:
    """ELF files and scripts that name their interpreter are programs, whatever the mode; a missing file is not."""
    (tmp_path / "a").write_bytes(data)
    (tmp_path / "a").chmod(0o644 if program else 0o755)
    assert entries.is_program(str(tmp_path / "a")) is program
    assert not entries.is_program(str(tmp_path / "b"))


def _with_xattrs(name: str, xattrs: dict[str, bytes]) -> tarfile.TarInfo:
    info = _info(name, mode=0o755)
    info.pax_headers = {f"SCHILY.xattr.{key}": value.decode("utf-8", "surrogateescape") for key, value in xattrs.items()}
    return info


def _pax(*infos: tarfile.TarInfo) -> io.BytesIO:
    """A tar of empty members as GNU tar writes it with --xattrs: values of pax records may be any bytes."""
    stream = io.BytesIO()
    for info in infos:
        xattrs = [(key.removeprefix("SCHILY.xattr."), value.encode("utf-8", "surrogateescape")) for key, value in info.pax_headers.items()]
        stream.write(tar_headers.header(info.name.encode(), info.type, info.mode, 0, 0, link=info.linkname.encode(), xattrs=xattrs))
    stream.write(tar_headers.END)
    stream.seek(0)
    return stream


CAPABILITY = b"\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"  # cap_net_raw=ep, as setcap writes it


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.DIRTYPE], ids=["file", "directory"])
def test_extended_attributes_of_a_tar_are_kept(kind: bytes) -> None:
    """File capabilities, user attributes and ACLs have their bytes, with NUL, newlines and bytes beyond UTF-8."""
    info = _with_xattrs("usr/bin/ping", {"user.note": b"\xff\n\0=1", "security.capability": CAPABILITY, "system.posix_acl_access": b""})
    info.type = kind
    tree = Tree("//t")
    tree.add_tar(_pax(info))
    assert tree.entries["usr/bin/ping"].xattrs == (("security.capability", CAPABILITY), ("system.posix_acl_access", b""), ("user.note", b"\xff\n\0=1"))


def test_labels_of_the_machine_that_made_the_tar_are_left_out() -> None:
    """A label of SELinux is the machine's, not the file's."""
    tree = Tree("//t")
    tree.add_tar(_pax(_with_xattrs("x", {"security.selinux": b"system_u:object_r:bin_t:s0\0", "user.a": b"1"})))
    assert tree.entries["x"].xattrs == (("user.a", b"1"),)


@pytest.mark.parametrize("name", ["user.a", "security.selinux"])
def test_hard_links_of_files_with_extended_attributes_stay_links(name: str) -> None:
    """They share one entry, whether the attribute is kept or left out."""
    link = _info("same", tarfile.LNKTYPE, "x")
    tree = Tree("//t")
    tree.add_tar(_pax(_with_xattrs("x", {name: b"1"}), link))
    assert tree.entries["x"] is tree.entries["same"]


@pytest.mark.parametrize("name", ["trusted.overlay.opaque", "security.ima", "system.nfs4"])
def test_extended_attributes_that_an_image_cannot_have_are_refused(name: str) -> None:
    """The error names the file and the attribute: a node's overlay reads trusted.overlay.*, and only a machine can sign security.ima."""
    info = _with_xattrs("a/x", {name: b"y"})
    with pytest.raises(InputError, match=f"^//t: t.tar: 'a/x' has the extended attribute '{name}', which an image can't have; make the tar with"):
        Tree("//t").add_tar(_pax(info), name="t.tar")


def test_files_that_differ_only_in_extended_attributes_are_two() -> None:
    """Two tars with one path and other capabilities are an error."""
    tree = Tree("//t")
    tree.add_tar(_pax(_with_xattrs("x", {"security.capability": CAPABILITY})))
    with pytest.raises(InputError, match="two files at one path, /x"):
        tree.add_tar(_pax(_with_xattrs("x", {})))


def test_the_last_of_repeated_paths_counts() -> None:
    """A tar that was appended to gives what tar(1) unpacks: the last entry of each path, and hard links to what was there before them."""
    tree = Tree("//t")
    members = [(_info("a"), b"old"), (_info("h", tarfile.LNKTYPE, "a"), b""), (_info("./a", mode=0o600), b"new")]
    members += [(_info("s", tarfile.SYMTYPE, "x"), b""), (_info("s"), b"file")]
    tree.add_tar(_tar(*members))
    assert {path: (entry.kind, entry.source) for path, entry in tree.entries.items()} == {"a": (FILE, b"new"), "h": (FILE, b"old"), "s": (FILE, b"file")}


def test_hard_links_lead_to_any_kind_of_entry() -> None:
    """A hard link may lead to a hard link, an empty file or a symbolic link; one to a directory is refused."""
    tree = Tree("//t")
    tree.add_tar(
        _tar(
            (_info("empty"), b""),
            (_info("one", tarfile.LNKTYPE, "./empty"), b""),
            (_info("two", tarfile.LNKTYPE, "one"), b""),
            (_info("link", tarfile.SYMTYPE, "empty"), b""),
            (_info("same", tarfile.LNKTYPE, "link"), b""),
        )
    )
    assert tree.entries["two"] is tree.entries["one"] is tree.entries["empty"]
    assert tree.entries["same"].target == "empty"
    with pytest.raises(InputError, match="hard link"):
        Tree("//t").add_tar(_tar((_info("d", tarfile.DIRTYPE), b""), (_info("h", tarfile.LNKTYPE, "d"), b"")))


@pytest.mark.parametrize("damage", [0, 30, 1])
def test_tars_are_read_from_zstd(damage: int) -> None:
    """A tar in zstd, of several frames, is read like the others; a truncated or changed one is refused."""
    plain = _tar((_info("f"), random.Random(1).randbytes(4000))).getvalue()
    packed = b"".join(zstandard.ZstdCompressor(write_checksum=True).compress(part) for part in (plain[:900], plain[900:]))
    tree = Tree("//t")
    if not damage:
        tree.add_tar(io.BytesIO(packed))
        assert len(tree.entries["f"].source) == 4000
        return
    data = packed[:2000] if damage > 1 else packed[:300] + bytes([packed[300] ^ 255]) + packed[301:]
    with pytest.raises(InputError, match="t.tar.zst.*(not a readable tar|damaged compressed data|cut short).*; fetch or build it again"):
        tree.add_tar(io.BytesIO(data), name="t.tar.zst")
