"""Tests of bills of materials: a public library's schema accepts them, and they say what is in the image."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from rules.image.tools.errors import InputError
from rules.image.tools.images import maven, sbom

HERE = Path("rules/image/tests")


@pytest.fixture(name="bill", scope="module")
def _bill() -> dict:
    """The bill of an image with Debian packages, wheels and files."""
    return json.loads((HERE / "hello.cdx.json").read_bytes())


def test_the_format_is_cyclonedx() -> None:
    """The reference library's strict validator finds nothing wrong."""
    assert JsonStrictValidator(SchemaVersion.V1_5).validate_str((HERE / "hello.cdx.json").read_text()) is None


def test_packages_have_names_versions_and_licences(bill) -> None:
    """Debian packages and wheels are components with package URLs; licences stand where the packages tell them."""
    by_name = {component["name"]: component for component in bill["components"]}
    assert by_name["libc6"]["purl"].startswith("pkg:deb/debian/libc6@2.36-")
    assert by_name["libc6"]["purl"].endswith("?arch=amd64&distro=debian-12")
    assert by_name["PyYAML"]["purl"] == f"pkg:pypi/pyyaml@{by_name['PyYAML']['version']}"
    assert [entry["license"]["name"] for entry in by_name["PyYAML"]["licenses"]] == ["MIT License"]
    assert by_name["python3.11-minimal"]["licenses"]


def test_each_file_belongs_to_a_package_or_stands_by_itself(bill) -> None:
    """The program's own files are listed with their digests; those of packages are not listed again."""
    files = {component["name"]: component["hashes"][0]["content"] for component in bill["components"] if component["type"] == "file"}
    assert files["/app/turnup/rules/image/tests/app/data.txt"] == hashlib.sha256(b"words from a data file\n").hexdigest()
    assert not [name for name in files if name.startswith(("/usr/bin/", "/usr/lib/python3.11/json/")) and name.endswith((".py", "3.11"))]
    assert not [name for name in files if "/redis/" in name and name.endswith((".py", ".pyc"))]


def test_it_names_the_image_and_no_time(bill) -> None:
    """The subject is the image by its digest, and two builds of one image give one bill."""
    assert bill["metadata"]["component"]["version"] == (HERE / "hello.digest").read_text()
    assert "timestamp" not in bill["metadata"] and "serialNumber" not in bill


def _tar(*members: tuple[str, bytes]) -> io.BytesIO:
    """A layer of regular files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    out.seek(0)
    return out


def test_what_an_upper_layer_removes_is_not_in_the_image() -> None:
    """Whiteouts take away files and the content of folders; a file put again is there."""
    contents = sbom.Contents()
    contents.add_layer(_tar(("a/b", b"1"), ("a/c", b"2"), ("d/e", b"3"), ("f", b"4")), "it")
    contents.add_layer(_tar(("a/.wh.b", b""), ("d/.wh..wh..opq", b""), ("d/new", b"5")), "it")
    assert sorted(contents.digests) == ["a/c", "d/new", "f"]


def test_a_hostile_layer_is_refused() -> None:
    """A path that leaves the image and a file that is not a tar are one-sentence errors."""
    with pytest.raises(InputError, match="the path '../../etc/passwd' contains '..'"):
        sbom.Contents().add_layer(_tar(("../../etc/passwd", b"")), "it")
    with pytest.raises(InputError, match="is not a readable tar"):
        sbom.Contents().add_layer(io.BytesIO(b"x" * 1024), "it")


def _jar(entries: dict[str, str]) -> bytes:
    """A jar of texts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as jar:
        for name, text in entries.items():
            jar.writestr(name, text)
    return out.getvalue()


def test_a_jar_is_what_its_properties_say() -> None:
    """Each pom.properties of a jar names an artifact; a jar without any, and a damaged one, name none."""
    properties = "#Generated\ngroupId=org.example\nartifactId=shop\nversion=1.2+3\n"
    contents = sbom.Contents()
    jar = _jar({"META-INF/maven/org.example/shop/pom.properties": properties, "META-INF/maven/a/b/pom.properties": "groupId=a\n"})
    contents.add_layer(_tar(("app/shop.jar", jar), ("app/own.jar", _jar({"a.txt": ""})), ("app/damaged.jar", b"PK\3\4")), "it")
    assert [artifact.purl for artifact in contents.jars["app/shop.jar"]] == ["pkg:maven/org.example/shop@1.2%2B3"]
    assert contents.jars["app/own.jar"] == contents.jars["app/damaged.jar"] == []


def test_history_says_which_artifact_a_layer_is() -> None:
    """Coordinates in created_by, with packaging and classifier, belong to the layer; a history of other layers says nothing."""
    made = ["//a:base", "third party: g:a:1", "third party: g:b:jar:linux-x86_64:2", "third party: maven//x"]
    history = [{"created_by": "ENV x", "empty_layer": True}, *({"created_by": text} for text in made)]
    found = maven.of_layers({"history": history}, 4)
    assert [artifact and artifact.purl for artifact in found] == [None, "pkg:maven/g/a@1", "pkg:maven/g/b@2?classifier=linux-x86_64", None]
    assert maven.of_layers({"history": history}, 3) == [None] * 3
    contents = sbom.Contents()
    contents.add_layer(_tar(("app/a.jar", b"")), "it", found[1])
    assert contents.jars == {"app/a.jar": [found[1]]}
