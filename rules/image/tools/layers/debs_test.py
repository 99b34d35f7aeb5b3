"""Tests of Debian packages as layers, on small packages made here."""

import gzip
import io
import lzma
import sys
import tarfile
from collections.abc import Callable

import pytest

from rules.common import unpacking
from rules.image.tools.errors import InputError
from rules.image.tools.layers import debs
from rules.image.tools.layers.entries import DIRECTORY, SYMLINK, Entry, Tree
from rules.image.tools.layers.lower import LowerLayers, fit

# The folder of the modules of the Python that runs this test.
OWN = f"usr/lib/python3.{sys.version_info.minor}"


def _tar(files: dict[str, bytes | str | None]) -> bytes:
    """Returns a tar of path -> bytes (file), text (symlink target) or None (directory), as dpkg-deb writes paths."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, value in files.items():
            info = tarfile.TarInfo("./" + path)
            if value is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif isinstance(value, str):
                info.type, info.linkname = tarfile.SYMTYPE, value
            else:
                info.size = len(value)
            tar.addfile(info, io.BytesIO(value if isinstance(value, bytes) else b""))
    return out.getvalue()


def _ar(members: dict[str, bytes]) -> bytes:
    """Returns an ar archive (deb(5))."""
    parts = [b"!<arch>\n"]
    for name, data in members.items():
        parts.append(b"%-16b%-12d%-6d%-6d%-8b%-10d`\n" % (name.encode(), 0, 0, 0, b"100644", len(data)))
        parts.append(data + b"\n" * (len(data) % 2))
    return b"".join(parts)


def _deb(tmp_path, name: str, files: dict, *, architecture: str = "amd64", suffix: str = ".xz", sums: str = "") -> str:
    """Writes a package and returns its path."""
    control = f"Package: {name}\nVersion: 1.0-1\nArchitecture: {architecture}\nDescription: for a test\n more of it\n"
    packers: dict[str, Callable[[bytes], bytes]] = {".xz": lzma.compress, ".gz": gzip.compress, "": bytes, ".zst": bytes}
    pack = packers[suffix]
    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": lzma.compress(_tar({"control": control.encode(), "md5sums": sums.encode(), "postinst": b"exit 1"})),
        f"data.tar{suffix}": pack(_tar(files)),
    }
    path = tmp_path / f"{name}.deb"
    path.write_bytes(_ar(members))
    return str(path)


def _tree(*paths: str, **options) -> dict:
    """Returns the entries that packages give."""
    tree = Tree("//t")
    debs.add_packages(tree, paths, **options)
    return dict(tree.sorted())


def test_files_go_usr_merged(tmp_path) -> None:
    """A package's files in /bin, /lib and /sbin go below /usr, and nothing replaces the links."""
    found = _tree(_deb(tmp_path, "p", {"bin": None, "bin/a": b"1", "lib/x86/l.so": b"2", "usr/bin/b": b"3", "sbin/c": b"4", "lib64/ld": b"5"}))
    assert {"usr/bin/a", "usr/lib/x86/l.so", "usr/bin/b", "usr/sbin/c", "usr/lib64/ld"} <= set(found)
    assert not {"bin", "lib", "sbin", "lib64"} & set(found)


@pytest.mark.parametrize(
    ("path", "target", "merged"),
    [
        ("lib/x/l.so.1", "l.so.1.2", "l.so.1.2"),
        ("lib/x/l.so", "../../usr/lib/y", "../y"),
        ("bin/a", "../usr/bin/b", "b"),
        ("bin/a", "../etc/b", "../../etc/b"),
        ("bin/a", "/etc/b", "/etc/b"),
        ("usr/bin/a", "../lib/b", "../lib/b"),
    ],
)
def test_links_still_point_where_they_did(tmp_path, path: str, target: str, merged: str) -> None:
    """A relative link that moves with usr-merge is rewritten for its new place."""
    assert _tree(_deb(tmp_path, "p", {path: target}))[debs.merged(path)].target == merged


def test_documentation_goes_and_licences_stay(tmp_path) -> None:
    """Manuals, translations, changelogs and init scripts are left out; copyright files and linked doc folders are not."""
    files = {
        "usr/share/doc/p/copyright": b"c",
        "usr/share/doc/p/changelog.gz": b"x",
        "usr/share/doc/q": "p",
        "usr/share/man/man1/p.1.gz": b"x",
        "usr/share/locale/de/p.mo": b"x",
        "etc/init.d/p": b"x",
        "lib/systemd/system/p.service": b"x",
        "usr/bin/p": b"p",
    }
    found = {path for path, entry in _tree(_deb(tmp_path, "p", files)).items() if entry.kind != DIRECTORY}
    assert found == {"usr/share/doc/p/copyright", "usr/share/doc/q", "usr/bin/p", "var/lib/dpkg/status.d/p", "var/lib/dpkg/status.d/p.md5sums"}


def test_scanners_find_the_package(tmp_path) -> None:
    """status.d has the control paragraph as dpkg would keep it, and the checksums of the files that are there."""
    found = _tree(_deb(tmp_path, "p", {"bin/a": b"1"}, sums="c4ca4238a0b923820dcc509a6f75849b  bin/a\n0  usr/share/man/a.1\n"))
    status = found["var/lib/dpkg/status.d/p"].source.decode()
    assert status.startswith("Package: p\nStatus: install ok installed\nVersion: 1.0-1\n")
    assert status.endswith(" more of it\n")
    assert found["var/lib/dpkg/status.d/p.md5sums"].source == b"c4ca4238a0b923820dcc509a6f75849b  usr/bin/a\n"


def test_a_root_file_system_has_accounts_links_and_certificates(tmp_path) -> None:
    """Without a base come usr-merge links, numeric accounts, /tmp for all, and the CA bundle in the order of names."""
    certificates = {"usr/share/ca-certificates/m/b.crt": b"B\n", "usr/share/ca-certificates/m/a.crt": b"A"}
    found = _tree(_deb(tmp_path, "ca-certificates", certificates, architecture="all"), rootfs=True)
    assert (found["bin"].kind, found["bin"].target) == (SYMLINK, "usr/bin")
    assert found["tmp"].mode == 0o1777
    assert b"nonroot:x:65532:65532:" in found["etc/passwd"].source
    assert found["etc/ssl/certs/ca-certificates.crt"].source == b"A\nB\n"
    assert (found["home/nonroot"].uid, found["var/run"].target) == (65532, "/run")


def test_excluded_patterns_are_left_out(tmp_path) -> None:
    """Patterns are matched against paths after usr-merge, and '*' also matches '/'."""
    found = _tree(_deb(tmp_path, "p", {"lib/x/a/b": b"1", "lib/y": b"2"}), exclude=["usr/lib/x/*"])
    assert "usr/lib/y" in found and "usr/lib/x/a/b" not in found


@pytest.mark.parametrize("suffix", [".xz", ".gz", ""])
def test_every_compression_of_the_archive_is_read(tmp_path, suffix: str) -> None:
    """data.tar may be xz, gzip or plain."""
    assert "usr/bin/a" in _tree(_deb(tmp_path, "p", {"usr/bin/a": b"1"}, suffix=suffix))


def test_architecture_is_that_of_the_packages(tmp_path) -> None:
    """Packages for one architecture decide, packages for all do not count, and two architectures are refused."""
    any_, arm = _deb(tmp_path, "a", {}, architecture="all"), _deb(tmp_path, "b", {}, architecture="armhf")
    assert debs.add_packages(Tree("//t"), [any_]) is None
    assert debs.add_packages(Tree("//t"), [any_, arm]) == "arm"
    with pytest.raises(InputError, match="different machines .*armhf.*amd64"):
        debs.add_packages(Tree("//t"), [arm, _deb(tmp_path, "c", {})])


def test_two_packages_with_one_file_are_refused(tmp_path) -> None:
    """Two owners of a path with other content are an error that names the path."""
    paths = [_deb(tmp_path, name, {"etc/conf": name.encode()}) for name in ("p", "q")]
    with pytest.raises(InputError, match="two files at one path, /etc/conf"):
        _tree(*paths)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda data: data[:-50], " is damaged or cut short"),
        (lambda data: b"PK" + data, " is not a Debian package"),
        (lambda data: data[:100], " is damaged or cut short"),
        (lambda data: data.replace(b"\xfd7zXZ", b"\xfd7zXY", 2), ": .*damaged"),
        (lambda data: data.replace(b"control.tar.xz", b"kontrol.tar.xz"), " has no control.tar"),
    ],
)
def test_damaged_packages_are_refused(tmp_path, damage, message: str) -> None:
    """A damaged .deb is a one-sentence error that names it."""
    path = tmp_path / "bad.deb"
    good = _deb(tmp_path, "p", {"usr/bin/a": b"1" * 1000})
    with open(good, "rb") as file:
        path.write_bytes(damage(file.read()))
    with pytest.raises(InputError, match=rf"bad\.deb{message}"):
        _tree(str(path))


def test_zstd_packages_are_refused(tmp_path) -> None:
    """Such a package, which is not from Debian's archive, is refused by name."""
    with pytest.raises(InputError, match="data.tar.zst is compressed in a way"):
        _tree(_deb(tmp_path, "p", {}, suffix=".zst"))


def test_python_is_compiled_to_bytes_that_load(tmp_path) -> None:
    """Modules get unchecked hash-based byte code (PEP 552) that gives the same names; broken templates and another Python's get none."""
    source = b"X = ('a b', 1.5, frozenset({1}))\ndef f(y, *z):\n    'doc'\n    return [y for _ in z]\n"
    tree = Tree("//t")
    debs.add_packages(tree, [_deb(tmp_path, "p", {f"{OWN}/m.py": source, f"{OWN}/bad.py": b"def :", "usr/lib/python3.10/other.py": source})])
    debs.compile_python(tree)
    cached = tree.entries[f"{OWN}/__pycache__/m.{sys.implementation.cache_tag}.pyc"].source
    assert int.from_bytes(cached[4:8], "little") == 1
    import marshal

    names: dict = {}
    exec(marshal.loads(cached[16:]), names)  # noqa: S102, S302  # the code is the one that this test compiled
    assert names["X"] == ("a b", 1.5, frozenset({1}))
    assert names["f"](3, 1, 2) == [3, 3]
    assert [path for path in tree.entries if path.endswith(".pyc")] == [f"{OWN}/__pycache__/m.{sys.implementation.cache_tag}.pyc"]


def test_byte_code_does_not_depend_on_what_ran_before(tmp_path) -> None:
    """Compiling after the interpreter has met the same names gives the same bytes."""
    deb = _deb(tmp_path, "p", {f"{OWN}/m.py": b"import os\nspecial_name = 'special_name'\nx = 'a text'\n"})
    results = []
    for _ in range(2):
        tree = Tree("//t")
        debs.add_packages(tree, [deb])
        debs.compile_python(tree)
        results.append(tree.entries[f"{OWN}/__pycache__/m.{sys.implementation.cache_tag}.pyc"].source)
        keep = ["special_name", compile("special_name = 'a text'", "x", "exec")]
    assert results[0] == results[1] and keep


def test_a_control_tar_that_is_none_is_refused(tmp_path) -> None:
    """The error names the file and says to fetch it again."""
    path = tmp_path / "p.deb"
    path.write_bytes(_ar({"debian-binary": b"2.0\n", "control.tar": b"x" * 1024, "data.tar": b""}))
    with pytest.raises(InputError, match=r"p\.deb: its control tar is damaged .*; fetch it again"):
        debs.read_package(str(path))


@pytest.mark.parametrize("suffix", [".xz", ".gz"])
def test_a_package_that_would_fill_the_disk_is_refused(tmp_path, monkeypatch, suffix: str) -> None:
    """The error names the package before its files are unpacked."""
    monkeypatch.setattr(unpacking, "FREE", 100_000)
    path = _deb(tmp_path, "p", {"usr/lib/zeros": bytes(5_000_000)}, suffix=suffix)
    monkeypatch.setattr(unpacking, "RATIO", 2)
    with pytest.raises(InputError, match=r"p\.deb: unpacks to more than 100000 bytes"):
        _tree(path)


def test_a_large_control_file_is_refused(tmp_path) -> None:
    """Files that are read whole have a size limit."""
    with pytest.raises(InputError, match=r"p\.deb: its md5sums has 9000000 bytes, more than the 8388608"):
        _tree(_deb(tmp_path, "p", {}, sums="x" * 9_000_000))


def test_packages_keep_the_folders_of_the_base(tmp_path) -> None:
    """On a base, files below its links go where these lead, and its folders keep mode and owner, whatever the package has."""
    package = _deb(tmp_path, "p", {"tmp": None, "tmp/a": b"1", "home": None, "home/app": None, "home/app/b": b"2", "var/run": None, "var/run/c": b"3"})
    home = Entry(DIRECTORY, 0o700, 65532, 65532)
    below = LowerLayers({"tmp": Entry(DIRECTORY, 0o1777), "home/app": home, "run": Entry(DIRECTORY, 0o711)}, {"var/run": "/run", "lib": "usr/lib"})
    tree = Tree("//t")
    debs.add_packages(tree, [package])
    found = dict(fit(tree, below).sorted())
    assert (found["tmp"].mode, found["home/app"], found["run"].mode) == (0o1777, home, 0o711)
    assert {"tmp/a", "home/app/b", "run/c"} <= found.keys() and not {"lib", "var/run"} & found.keys()
