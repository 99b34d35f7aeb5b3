"""Tests of the Java runtime of a base image."""

import pytest

from rules.image.tools.errors import InputError
from rules.image.tools.java import base, jdk
from rules.image.tools.layers.entries import DIRECTORY, FILE, SYMLINK, Entry

HOME = "usr/lib/jvm/java-17"
FILES = {
    "etc/java/jvm.cfg": Entry(FILE, 0o444, source=b"-server KNOWN\n"),
    "usr/bin/java": Entry(SYMLINK, 0o777, target="/etc/alternatives/java"),
    "etc/alternatives/java": Entry(SYMLINK, 0o777, target=f"../../{HOME}/bin/java"),
    "usr/lib/jvm/default": Entry(SYMLINK, 0o777, target="java-17"),
    f"{HOME}/bin/java": Entry(FILE, 0o555, source=b"java"),
    f"{HOME}/lib/jvm.cfg": Entry(SYMLINK, 0o777, target="/etc/java/jvm.cfg"),
    f"{HOME}/lib/none": Entry(SYMLINK, 0o777, target="/nowhere"),
    f"{HOME}/release": Entry(FILE, 0o444, source=b'IMPLEMENTOR="x"\nJAVA_VERSION="17.0.3"\n'),
}


@pytest.mark.parametrize("java", [f"/{HOME}/bin/java", "/usr/bin/java", "/usr/lib/jvm/default/bin/java"])
def test_a_runtime_is_found_through_links(tmp_path, java: str) -> None:
    """The runtime's files are taken out, links to other folders of the image as files."""
    found = base.take_out(FILES, java, "arm64", "//x:i", tmp_path)
    assert (found.version, found.major, found.architecture) == ("17.0.3", 17, "arm64")
    assert (tmp_path / "usr/lib/jvm/java/lib/jvm.cfg").read_bytes() == b"-server KNOWN\n"
    assert not (tmp_path / "usr/lib/jvm/java/lib/none").exists()


@pytest.mark.parametrize(
    ("files", "java", "message"),
    [
        (FILES, "/opt/java/bin/java", "//x:i: java: base has no Java at /opt/java/bin/java; set java to /usr/bin/java"),
        ({}, "/usr/bin/java", "base has no Java at /usr/bin/java; remove java to add a Java runtime to the image, or use a base with one"),
        ({"usr/bin/java": Entry(SYMLINK, 0o777, target="java")}, "/usr/bin/java", "base has no Java at /usr/bin/java; remove java"),
        ({**FILES, f"{HOME}/release": Entry(FILE, 0o444)}, "/usr/bin/java", "the file release of the base's Java names no version; use another base"),
    ],
)
def test_a_base_without_java_is_refused(tmp_path, files: dict, java: str, message: str) -> None:
    """The error names the target, the path, and the Java that is there."""
    with pytest.raises(InputError, match=message):
        base.take_out(files, java, "amd64", "//x:i", tmp_path)


def test_what_an_upper_layer_deletes_is_not_there() -> None:
    """Whiteouts delete files and the content of folders, not what the same layer adds."""
    entries: dict[str, Entry] = {}
    file = Entry(FILE, 0o444)
    base._add(entries, [("a", Entry(DIRECTORY, 0o755)), ("a/b", file), ("a/c", file), ("d/e/f", file), ("g", file)])
    base._add(entries, [("a/.wh.b", file), ("d/.wh..wh..opq", file), ("d/new", file), (".wh.g", file)])
    assert sorted(entries) == ["a/c", "d/new"]


def test_links_are_followed_as_in_the_image() -> None:
    """Absolute links start at the image's root, and a circle ends."""
    entries = {"a": Entry(SYMLINK, 0o777, target="/b/c"), "b/c": Entry(SYMLINK, 0o777, target="../d"), "d/e": Entry(FILE, 0o444)}
    assert jdk.real_path(entries, "a/e") == "d/e"
    assert jdk.resolve({"x": Entry(SYMLINK, 0o777, target="y"), "y": Entry(SYMLINK, 0o777, target="x")}, "x") is None
