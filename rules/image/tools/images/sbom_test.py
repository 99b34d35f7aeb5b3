"""Tests of what a bill of materials takes from an image's layers: what upper layers replace, and hostile ones."""

import io
import tarfile

import pytest

from rules.common import unpacking
from rules.image.tools.errors import InputError
from rules.image.tools.images import sbom


def _layer(*members: tuple[str, bytes | str | None], kind: bytes = tarfile.SYMTYPE, headers: dict[str, str] | None = None) -> io.BytesIO:
    """A layer of files (bytes), links (their targets) and folders (None)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, value in members:
            info = tarfile.TarInfo(name)
            info.pax_headers = headers or {}
            if isinstance(value, bytes):
                info.size = len(value)
            else:
                info.type, info.linkname = (tarfile.DIRTYPE, "") if value is None else (kind, value)
            tar.addfile(info, io.BytesIO(value if isinstance(value, bytes) else b""))
    out.seek(0)
    return out


def _contents(*layers: io.BytesIO) -> sbom.Contents:
    """The content of layers on top of each other."""
    contents = sbom.Contents()
    for layer in layers:
        contents.add_layer(layer, "it")
    return contents


LOWER = (("a/b", b"1"), ("a/c", b"2"), ("d", b"3"), ("usr/lib/os-release", b"ID=x"))


@pytest.mark.parametrize(
    ("upper", "left"),
    [
        (("a/b", "c"), ["a/c", "d", "usr/lib/os-release"]),
        (("a", "/x"), ["d", "usr/lib/os-release"]),
        (("d", None), ["a/b", "a/c", "usr/lib/os-release"]),
        (("a", None), ["a/b", "a/c", "d", "usr/lib/os-release"]),
        (("usr/lib/os-release", "y"), ["a/b", "a/c", "d"]),
        (("a", b"now a file"), ["a", "d", "usr/lib/os-release"]),
    ],
)
def test_what_an_upper_layer_replaces_is_not_in_the_image(upper, left) -> None:
    """A link, file or folder replaces a file; a link or file replaces a folder with its content; a folder keeps a folder's files."""
    contents = _contents(_layer(*LOWER), _layer(upper))
    assert sorted(contents.digests) == left
    assert bool(contents.metadata) == ("usr/lib/os-release" in left)


def test_a_hard_link_to_a_lower_layers_file_has_its_content() -> None:
    """It is listed like any other file of the image."""
    contents = _contents(_layer(*LOWER), _layer(("e", "a/b"), kind=tarfile.LNKTYPE))
    assert contents.digests["e"] == contents.digests["a/b"]


@pytest.mark.parametrize(
    "headers",
    [
        {"GNU.sparse.size": "abc"},
        {"GNU.sparse.map": "abc"},
        {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"},
        {"GNU.sparse.map": "0,0", "GNU.sparse.size": "3000000000"},
    ],
    ids=str,
)
def test_wrong_and_sparse_headers_are_refused(headers) -> None:
    """Malformed tars and decompression bombs are one-sentence errors."""
    with pytest.raises(InputError, match="^it: .*build it again"):
        _contents(_layer(("x", b"abc"), headers=headers))


def test_a_header_that_would_fill_the_memory_is_refused() -> None:
    """Pax records of 20 MB are refused here as where images are imported, before they are read."""
    stream = _layer(("x", b"abc"), headers={"comment": "x" * (20 << 20)})
    with pytest.raises(InputError, match="^it: has a header of 2.* bytes, which no file needs"):
        sbom.Contents().add_layer(unpacking.LimitedStream(stream, 1000, "it"), "it")


def test_what_describes_packages_has_a_limit_in_all(monkeypatch) -> None:
    """Many small files of metadata, each allowed, are refused together; the limit is for all layers."""
    monkeypatch.setattr(sbom, "_METADATA_TOTAL", 1000)
    contents = _contents(_layer(("s/a-1.dist-info/METADATA", b"x" * 600)))
    with pytest.raises(InputError, match="^it: the files that describe packages have more than 1000 bytes together"):
        contents.add_layer(_layer(("s/b-1.dist-info/METADATA", b"x" * 600)), "it")


def test_a_record_that_is_none_hides_nothing() -> None:
    """A line that is too long for the csv module ends the RECORD; the remaining files are listed one by one."""
    record = b"p/a.py,sha256=x,1\n" + b"x" * 200_000 + b"\np/b.py,,\n"
    files = (("s/p-1.dist-info/METADATA", b"Name: p\nVersion: 1\n"), ("s/p-1.dist-info/RECORD", record), ("s/p/a.py", b"1"), ("s/p/b.py", b"2"))
    components, owned = sbom._python(_contents(_layer(*files)), set())
    assert [component["purl"] for component in components] == ["pkg:pypi/p@1"]
    assert "s/p/a.py" in owned and "s/p/b.py" not in owned
