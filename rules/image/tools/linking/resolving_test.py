"""Tests of the search for libraries: in which order places are looked at, and the error for each library that cannot be had."""

import hashlib

import pytest

from rules.image.tools.errors import InputError
from rules.image.tools.linking import elf
from rules.image.tools.linking.file_system import FileSystem, Library
from rules.image.tools.linking.resolving import Search, Sources
from rules.image.tools.linking.testing import elf_files

LIB = "usr/lib/x86_64-linux-gnu"
LINKER = "/lib64/ld-linux-x86-64.so.2"
ARM = 183


@pytest.fixture
def scene(tmp_path):
    """Returns an object that collects files of a program, packages and a base, and searches the program's libraries."""

    class Scene:
        def __init__(self):
            self.own, self.packages, self.base = {}, FileSystem(), FileSystem()

        def add_own(self, path, **fields):
            file = tmp_path / hashlib.sha256(path.encode()).hexdigest()
            file.write_bytes(elf_files.make(**fields))
            self.own[path] = str(file)

        def add_package(self, package, path, **fields):
            data = elf_files.make(**fields)
            self.packages.libraries[path] = Library(elf.read(data, path), hashlib.sha256(data).hexdigest(), package)

        def add_base(self, path, **fields):
            self.base.libraries[path] = Library(elf.read(elf_files.make(**fields), path), "", "")

        def search(self, more=(), path="/app/w/bin/x", **fields):
            program = elf.read(elf_files.make(**fields), path)
            return Search("//a:image", Sources(self.own, self.packages, self.base), program.architecture).run(path, program, more)

    return Scene()


def test_libraries_are_found_through_others(scene):
    """A library of a library is found, and each package is listed once, whatever needs it."""
    scene.add_package("libc6.deb", f"{LIB}/libc.so.6")
    scene.add_package("libc6.deb", f"{LIB}/libm.so.6", needed=["libc.so.6"])
    scene.add_package("liba.deb", "usr/lib/liba.so.1", needed=["libm.so.6", "libc.so.6"])
    scene.add_package("unused.deb", "usr/lib/libz.so.1")

    found = scene.search(needed=["liba.so.1", "libc.so.6"])

    assert found.packages == ["liba.deb", "libc6.deb"]
    assert found.libraries == {"liba.so.1": "/lib/liba.so.1", "libc.so.6": "/lib/x86_64-linux-gnu/libc.so.6", "libm.so.6": "/lib/x86_64-linux-gnu/libm.so.6"}


def test_libraries_that_need_each_other_end(scene):
    """A circle of libraries is found once."""
    scene.add_package("a.deb", "usr/lib/liba.so", needed=["libb.so"])
    scene.add_package("b.deb", "usr/lib/libb.so", needed=["liba.so"])

    assert scene.search(needed=["liba.so"]).packages == ["a.deb", "b.deb"]


def test_links_are_followed_and_their_packages_taken(scene):
    """The package with a link goes into the image like the one with the file; the dynamic linker is found over its link."""
    scene.add_package("libc6.deb", f"{LIB}/ld-linux-x86-64.so.2")
    scene.packages.links["usr/lib64/ld-linux-x86-64.so.2"] = "/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"
    scene.packages.owners["usr/lib64/ld-linux-x86-64.so.2"] = "link.deb"

    found = scene.search(interpreter=LINKER)

    assert found.packages == ["libc6.deb", "link.deb"]


def test_a_circle_of_links_is_no_library(scene):
    """Links that lead to each other end as a missing library."""
    scene.packages.links.update({"usr/lib/liba.so": "libb.so", "usr/lib/libb.so": "liba.so"})

    with pytest.raises(InputError, match="needs liba.so, which none of the packages has"):
        scene.search(needed=["liba.so"])


def test_runpath_comes_before_the_systems_folders(scene):
    """A library beside the program, as $ORIGIN says, is taken before one of a package."""
    scene.add_own("/app/w/lib/liba.so")
    scene.add_package("a.deb", "usr/lib/liba.so", soname="other")

    found = scene.search(needed=["liba.so"], runpath="/nowhere:$ORIGIN/../lib")

    assert (found.packages, found.libraries) == ([], {"liba.so": "/app/w/lib/liba.so"})


def test_runpath_of_a_program_does_not_apply_to_its_libraries(scene):
    """DT_RUNPATH is only for what the file itself needs; DT_RPATH also for what its libraries need."""
    scene.add_own("/app/w/bin/liba.so", needed=["libb.so"])
    scene.add_own("/app/w/bin/libb.so")

    with pytest.raises(InputError, match="/app/w/bin/liba.so needs libb.so, which none of the packages has"):
        scene.search(needed=["liba.so"], runpath="$ORIGIN")
    assert set(scene.search(needed=["liba.so"], rpath="${ORIGIN}").libraries) == {"liba.so", "libb.so"}


def test_runpath_replaces_rpath(scene):
    """A file with both is searched by DT_RUNPATH."""
    scene.add_own("/rpath/liba.so")
    scene.add_package("a.deb", "usr/lib/liba.so", soname="other")

    assert scene.search(needed=["liba.so"], rpath="/rpath", runpath="/runpath").packages == ["a.deb"]


def test_an_equal_library_is_taken_from_its_package(scene):
    """A library among the program's files that is the same as a package's leaves the program's layer."""
    scene.add_own("/app/w/bin/liba.so.1", soname="liba.so.1", needed=["libb.so"])
    scene.add_package("a.deb", "usr/lib/liba.so.1.2.3", soname="liba.so.1", needed=["libb.so"])
    scene.add_package("b.deb", "usr/lib/libb.so")

    found = scene.search(needed=["liba.so.1"], runpath="$ORIGIN")

    assert (found.packages, found.replaced) == (["a.deb", "b.deb"], {"/app/w/bin/liba.so.1"})


def test_what_the_base_has_is_not_added(scene):
    """A library of the base needs no package; one of a package comes first."""
    scene.add_base(f"{LIB}/libc.so.6")

    assert scene.search(needed=["libc.so.6"]).packages == []
    scene.add_package("libc6.deb", f"{LIB}/libc.so.6")
    assert scene.search(needed=["libc.so.6"]).packages == ["libc6.deb"]


def test_libraries_that_are_loaded_later_are_found(scene):
    """The attribute libraries adds what the program loads with dlopen."""
    scene.add_package("nss.deb", "usr/lib/libnss_x.so.2")

    assert scene.search(more=["libnss_x.so.2"]).packages == ["nss.deb"]


def test_a_library_of_another_architecture_is_passed_over(scene):
    """The dynamic linker goes on to the next folder; if nothing fits, the error names both architectures."""
    scene.add_own("/app/w/bin/liba.so", machine=ARM)
    with pytest.raises(InputError) as failed:
        scene.search(needed=["liba.so"], runpath="$ORIGIN")
    assert str(failed.value) == (
        "//a:image: /app/w/bin/x is for amd64, but liba.so (/app/w/bin/liba.so) is for arm64. Add the packages of amd64, or build the program for arm64."
    )

    scene.add_package("a.deb", "usr/lib/liba.so")
    assert scene.search(needed=["liba.so"], runpath="$ORIGIN").packages == ["a.deb"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"needed": ["libzmq.so.5"]},
            (
                "//a:image: /app/w/bin/x needs libzmq.so.5, which none of the packages has. Add the Debian package with libzmq.so.5 to a "
                "debian_packages repository, and its @NAME//:debs to packages."
            ),
        ),
        (
            {"interpreter": LINKER},
            (
                "//a:image: /app/w/bin/x needs the dynamic linker /lib64/ld-linux-x86-64.so.2, which neither the packages nor the base have. "
                "Add @NAME//:debs of a debian_packages repository with libc6 to packages, or link the program statically."
            ),
        ),
    ],
)
def test_what_is_nowhere_is_named(scene, fields, message):
    """The error names target, program and library, and what to add."""
    with pytest.raises(InputError) as failed:
        scene.search(**fields)

    assert str(failed.value) == message


def test_relative_paths_are_ignored(scene):
    """An RPATH relative to the folder that the program starts in finds nothing, and a soname with a slash is a path."""
    scene.add_own("/app/w/bin/lib/liba.so")

    with pytest.raises(InputError, match="none of the packages has"):
        scene.search(needed=["liba.so"], rpath="lib")
    assert set(scene.search(needed=["lib/liba.so"]).libraries) == {"lib/liba.so"}
