"""Tests of archives of shared classes: what is corrected in them, on an archive made here."""

import struct
import zlib

import pytest

from rules.image.tools.errors import InputError
from rules.image.tools.java import sharing

ROOT = "/tmp/a-folder-of-the-build"
CODE = range(0x7F52BB000000, 0x7F52BC800000)


def _archive(content: bytes, *, version: int = 11) -> bytearray:
    """Returns an archive with one region, as Java 17 writes one."""
    data = bytearray(0x1000) + content
    struct.pack_into("<III", data, 0, 0xF00BABA2, 0, version)
    struct.pack_into("<Q", data, 0x208, 0x3B8)
    struct.pack_into("<I20xQQQ", data, 0x10, zlib.crc32(content), 0x1000, 0, len(content))
    struct.pack_into("<I", data, 4, zlib.crc32(data[8:0x3B8]))
    return data


def test_the_folder_of_the_build_is_taken_out() -> None:
    """Paths below the folder become paths in the image at the same place; what stands around them does not move."""
    data = _archive(b"before\0" + f"{ROOT}/app/a.jar".encode() + b"\0after" + f"{ROOT}x".encode())
    sharing.normalize(data, ROOT, range(0), "//x:i")
    assert data[0x1000:] == b"before\0/app/a.jar\0" + bytes(len(ROOT)) + b"after" + f"{ROOT}x".encode()


def test_addresses_of_the_jvm_are_taken_out() -> None:
    """Words that point into the JVM's code become 0; other numbers, and the same bytes elsewhere, stay."""
    inside, outside = struct.pack("<Q", CODE.start + 0x10), struct.pack("<Q", CODE.stop)
    data = _archive(inside + outside + b"\1" * 4 + inside + b"\1" * 4 + struct.pack("<Q", CODE.stop - 8))
    sharing.normalize(data, ROOT, CODE, "//x:i")
    assert data[0x1000:] == bytes(8) + outside + b"\1" * 4 + inside + b"\1" * 4 + bytes(8)


def test_checksums_are_those_of_what_is_written() -> None:
    """The JVM's own check of the header and of each region passes."""
    data = _archive(f"{ROOT}/app/a.jar\0".encode())
    sharing.normalize(data, ROOT, CODE, "//x:i")
    assert struct.unpack_from("<I", data, 0x10)[0] == zlib.crc32(data[0x1000:])
    assert struct.unpack_from("<I", data, 4)[0] == zlib.crc32(data[8:0x3B8])


@pytest.mark.parametrize("data", [_archive(b"x", version=12), _archive(b"x")[:-1], bytearray(0x1000)])
def test_another_format_is_refused(data: bytearray) -> None:
    """An archive of another Java, or one that is cut short, is an error with the attribute to set."""
    with pytest.raises(InputError, match="//x:i: the archive of shared classes is not one of Java 17; set class_data_sharing = False"):
        sharing.normalize(data, ROOT, range(0), "//x:i")


def test_the_folder_has_a_path_of_one_length(tmp_path, monkeypatch) -> None:
    """Whatever the temporary folder, the path has as many characters, and only this user may enter."""
    lengths = set()
    for base in (tmp_path, tmp_path / "more"):
        base.mkdir(exist_ok=True)
        monkeypatch.setattr(sharing.tempfile, "gettempdir", lambda base=base: str(base))
        made = sharing.make_folder()
        lengths.add(len(str(made)))
        assert made.stat().st_mode & 0o777 == 0o700
        made.rmdir()
    assert len(lengths) == 1


def test_the_image_is_laid_out_with_the_times_of_layers(tmp_path) -> None:
    """Jars and folders are at their paths, with time 0."""
    tree = tmp_path / "jre/usr/lib/jvm/java/bin"
    tree.mkdir(parents=True)
    (tree / "java").write_bytes(b"")
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"jar")
    sharing.stage(tmp_path / "root", tmp_path / "jre", [("/app/x/a.jar", str(jar))], [])
    assert (tmp_path / "root/app/x/a.jar").stat().st_mtime == 0
    assert (tmp_path / "root/usr/lib/jvm/java/bin/java").stat().st_mode & 0o100


def test_a_jvm_that_fails_is_one_sentence(tmp_path) -> None:
    """What the JVM says is in the error, without the folder; a JVM that can't be started is one as well."""
    java = tmp_path / "usr/lib/jvm/java/bin/java"
    java.parent.mkdir(parents=True)
    for script, message in ((f"#!/bin/sh\necho Error in {tmp_path}/app/x; exit 1\n", r"no archive of shared classes \(Error in /app/x\)"), ("", "did not run")):
        java.write_text(script)
        java.chmod(0o755)
        with pytest.raises(InputError, match=f"//x:i: .*{message}.*; set class_data_sharing = False"):
            sharing.dump(tmp_path, "/app/x", "", "//x:i")


def test_the_class_path_is_read_from_the_argument_file(tmp_path) -> None:
    """It is the argument after -cp."""
    (tmp_path / "i.jvm").write_text('"-Da=\\"b\\""\n"-cp"\n"/app/a.jar:/app/b c.jar"\n"a.Main"\n')
    assert sharing.read_class_path(str(tmp_path / "i.jvm")) == "/app/a.jar:/app/b c.jar"
