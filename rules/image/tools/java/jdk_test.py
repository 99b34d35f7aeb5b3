"""Tests of the JDK of Debian packages, with packages made here."""

import zipfile
from pathlib import Path

import pytest

from rules.image.tools.errors import InputError
from rules.image.tools.java import jdk
from rules.image.tools.layers.entries import DIRECTORY, FILE, SYMLINK, Entry

HOME = "usr/lib/jvm/java-17-openjdk-amd64"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def _module(folder: Path, *names: str) -> bytes:
    """Returns a .jmod file with these entries."""
    with zipfile.ZipFile(folder / "x.jmod", "w") as module:
        for name in names:
            module.writestr(name, b"")
    return b"JM\1\0" + (folder / "x.jmod").read_bytes()


def _packages(folder: Path) -> dict[str, Entry]:
    """Returns what the three packages have."""
    texts = {
        "etc/java-17-openjdk/net.properties": b"x=y\n",
        f"{HOME}/bin/java": b"java",
        f"{HOME}/bin/jlink": b"jlink",
        f"{HOME}/include/jni.h": b"left out",
        f"{HOME}/jmods/java.base.jmod": _module(folder, "classes/module-info.class", "classes/java/lang/A.class", "bin/java", "classes/java/util/B.class"),
        f"{HOME}/lib/server/classes.jsa": b"left out",
        f"{HOME}/release": b'JAVA_VERSION="17.0.21.1"\n',
        "usr/share/ca-certificates/mozilla/A.crt": CERTIFICATE,
        "var/lib/dpkg/status.d/openjdk-17-jdk-headless": b"Package: openjdk-17-jdk-headless\n",
        "var/lib/dpkg/status.d/openjdk-17-jre-headless": b"Package: openjdk-17-jre-headless\n",
    }
    links = {f"{HOME}/conf/net.properties": "/etc/java-17-openjdk/net.properties", "usr/lib/jvm/java-1.17.0-openjdk-amd64": "java-17-openjdk-amd64"}
    return {
        HOME: Entry(DIRECTORY, 0o755),
        **{path: Entry(FILE, 0o755 if "/bin/" in path else 0o644, source=text) for path, text in texts.items()},
        **{path: Entry(SYMLINK, 0o777, target=target) for path, target in links.items()},
    }


@pytest.fixture(name="unpack")
def _unpack(tmp_path, monkeypatch):
    """Returns a function that unpacks the packages without some of their paths."""

    def unpack(*left_out: str) -> jdk.Modules:
        def add(tree, paths):
            assert paths == ["a.deb"]
            tree.entries.update({path: entry for path, entry in _packages(tmp_path).items() if not path.endswith(left_out or ("//",))})
            return "amd64"

        monkeypatch.setattr(jdk.debs, "add_packages", add)
        return jdk.unpack(["a.deb"], "//x:jdk", tmp_path / "out")

    return unpack


def test_a_jdk_is_unpacked_without_links(tmp_path, unpack) -> None:
    """Links to /etc are files, programs can be started, and headers and archives of other modules are left out."""
    found = unpack()
    assert (found.version, found.major, found.architecture) == ("17.0.21.1", 17, "amd64")
    assert found.modules == {"java.base": ["java/lang", "java/util"]}
    made = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert made == {"bin/java", "bin/jlink", "cacerts", "conf/net.properties", "control", "jmods/java.base.jmod", "release"}
    assert (tmp_path / "out/conf/net.properties").read_bytes() == b"x=y\n"
    assert (tmp_path / "out/bin/jlink").stat().st_mode & 0o111
    assert (tmp_path / "out/control").read_bytes() == b"Package: openjdk-17-jre-headless\n"


@pytest.mark.parametrize(
    ("left_out", "message"),
    [
        ("bin/jlink", "the packages have no bin/jlink; add openjdk-17-jdk-headless"),
        ("bin/java", "the packages have no bin/java; add openjdk-17-jre-headless"),
        ("java.base.jmod", "the packages have no jmods/java.base.jmod; add openjdk-17-jdk-headless"),
        ("jre-headless", "no package is named openjdk-…-jre-headless; add it"),
        (".crt", "the packages have no CA certificates; add ca-certificates"),
        ("release", "the JDK has no version in its file release; fetch its packages again"),
    ],
)
def test_packages_that_are_missing_are_named(unpack, left_out: str, message: str) -> None:
    """The error names the target and the package to add."""
    with pytest.raises(InputError, match=f"^//x:jdk: {message}$"):
        unpack(left_out)


def test_modules_are_read_as_they_were_written(tmp_path) -> None:
    """A file of modules has all of them."""
    modules = jdk.Modules("21.0.1", "arm64", {"java.base": ["java/lang"]})
    jdk.write_modules(modules, str(tmp_path / "m.json"))
    assert jdk.read_modules(str(tmp_path / "m.json")) == modules
