"""Tests of the program that unpacks libraries: which libraries a target gets, and the message for each wrong input."""

import shutil
import subprocess
from pathlib import Path

import pytest

from rules.cc.tools import unpack_libraries

LIB = "usr/lib/x86_64-linux-gnu"


@pytest.fixture
def deb(tmp_path, monkeypatch):
    """Returns a function that makes a package with two libraries (top needs base), headers and a program; runs in an empty folder."""
    for tool in ("gcc", "dpkg-deb"):
        if not shutil.which(tool):
            pytest.skip(f"{tool} is not on this machine")
    place = tmp_path / "repository"
    place.mkdir()
    monkeypatch.chdir(place)

    def make(*, links=("libtop.so",)):
        tree = tmp_path / "tree"
        (tree / LIB).mkdir(parents=True)
        (tree / "usr/include").mkdir()
        (tree / "usr/include/top.h").write_text("int top(void);\n")
        (tree / "usr/bin").mkdir()
        (tree / "usr/bin/tool").write_text("#!/bin/sh\n")
        for name, needs in (("base", []), ("top", [f"{tree / LIB}/libbase.so.1.0"])):
            source = tmp_path / f"{name}.c"
            source.write_text("int base(void); int top(void) { return base(); }\n" if needs else "int base(void) { return 1; }\n")
            library = tree / LIB / f"lib{name}.so.1.0"
            subprocess.run(["gcc", "-shared", "-fPIC", f"-Wl,-soname,lib{name}.so.1", "-o", library, source, *needs], check=True)
            (tree / LIB / f"lib{name}.so.1").symlink_to(library.name)
        for link in links:
            (tree / LIB / link).symlink_to(link + ".1")
        (tree / "DEBIAN").mkdir()
        (tree / "DEBIAN/control").write_text("Package: x\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: x\n")
        subprocess.run(["dpkg-deb", "--build", tree, tmp_path / "x.deb"], check=True, capture_output=True)
        return f"--deb={tmp_path / 'x.deb'}"

    return make


def test_a_target_has_all_libraries_that_it_needs(deb):
    """The BUILD file has the named library and those that it needs, by the names that the linker records, and the programs."""
    assert unpack_libraries.main(["x", deb(), "--library=top=libtop.so", "--program=tool"]) == 0

    text = Path("BUILD").read_text()
    assert f'name = "top",\n    srcs = ["root/{LIB}/libbase.so.1", "root/{LIB}/libtop.so.1"],' in text
    assert 'name = "tool",\n    srcs = ["root/usr/bin/tool"],' in text
    assert Path("root/usr/include/top.h").exists()


def test_what_objdump_prints_is_read():
    """Soname and needed libraries are read; a program has no soname."""
    text = "Dynamic Section:\n  NEEDED               libc.so.6\n  NEEDED               libm.so.6\n  SONAME               libx.so.1\n"

    assert unpack_libraries.read_dynamic(text) == ("libx.so.1", ["libc.so.6", "libm.so.6"])
    assert unpack_libraries.read_dynamic("  NEEDED               libc.so.6\n") == ("", ["libc.so.6"])


def test_libraries_that_need_each_other_end():
    """A circle of libraries is listed once, and libraries of other packages are left out."""
    libraries = {"a": (Path("a"), ["b", "libc.so.6"]), "b": (Path("b"), ["a"])}

    assert unpack_libraries.closure("a", libraries) == [Path("a"), Path("b")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--library=x=libx.so"], "libraries: the packages have no libx.so. Add the development package that has it"),
        (["--library=x=libgone.so"], "libraries: libgone.so links to libgone.so.1, which no package has. Add the package with that library."),
        (["--program=other"], "programs: the packages have no /usr/bin/other. Add the package that has it"),
        (["--deb=/dev/null"], "/dev/null cannot be unpacked ("),
    ],
)
def test_what_is_missing_is_named(deb, capsys, options, message):
    """A library, a library's package or a program that is missing, and a damaged package, are each one sentence."""
    assert unpack_libraries.main(["x", deb(links=("libgone.so",)), *options]) == 1
    assert f"ERROR: debian_cc_libraries x: {message}" in capsys.readouterr().err
    assert not Path("BUILD").exists()
