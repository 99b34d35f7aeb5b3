"""Finds the libraries of a program in the order of the dynamic linker (ld.so(8)): in its own files, in Debian packages, in the base."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rules.image.tools.errors import InputError
from rules.image.tools.linking import elf
from rules.image.tools.linking.elf import Elf
from rules.image.tools.linking.file_system import FileSystem, Library

__all__ = ["Resolution", "Search", "Sources"]

# Debian's name of each architecture in library folders (multiarch tuples).
_TUPLES = {
    "386": "i386-linux-gnu",
    "amd64": "x86_64-linux-gnu",
    "arm": "arm-linux-gnueabihf",
    "arm64": "aarch64-linux-gnu",
    "loong64": "loongarch64-linux-gnu",
    "mips64le": "mips64el-linux-gnuabi64",
    "ppc64le": "powerpc64le-linux-gnu",
    "riscv64": "riscv64-linux-gnu",
    "s390x": "s390x-linux-gnu",
}


class Sources(NamedTuple):
    """Where libraries come from.

    Attributes:
        own: the program's own files: path in the image → file.
        packages: the libraries of Debian packages.
        base: the libraries of the base image.
    """

    own: Mapping[str, str]
    packages: FileSystem
    base: FileSystem


class Resolution(NamedTuple):
    """The libraries of a program.

    Attributes:
        packages: the .deb files that have them, sorted.
        replaced: those of the program's own files, by path in the image, that are the same as a file of these packages.
        libraries: soname → the path of the library, for people.
    """

    packages: list[str]
    replaced: set[str]
    libraries: dict[str, str]


class _Loaded(NamedTuple):
    """A file that the dynamic linker has loaded.

    Attributes:
        path: its path in the image.
        elf: what it needs.
        rpaths: DT_RPATH of it and of those that loaded it, with $ORIGIN replaced, as far as they apply.
    """

    path: str
    elf: Elf
    rpaths: tuple[str, ...]


def _folders(paths: str, origin: str, architecture: str) -> list[str]:
    """Returns the folders of an RPATH or RUNPATH."""
    library = f"lib/{_TUPLES[architecture]}"
    found = []
    for path in filter(None, paths.split(":")):
        text = path
        for name, value in (("ORIGIN", posixpath.dirname(origin)), ("LIB", library)):
            text = text.replace(f"${{{name}}}", value).replace(f"${name}", value)
        if text.startswith("/"):  # others depend on the folder that the program starts in
            found.append(posixpath.normpath(text))
    return found


class Search:
    """Finds the libraries of one program."""

    def __init__(self, where: str, sources: Sources, architecture: str) -> None:
        """Keeps the settings.

        Args:
            where: the target to name in errors.
            sources: where libraries come from.
            architecture: the program's.
        """
        self._where = where
        self._sources = sources
        self._architecture = architecture
        self._packages: set[str] = set()
        self._replaced: set[str] = set()
        self._libraries: dict[str, str] = {}
        self._known = {library.sha256: library for library in sources.packages.libraries.values() if library.sha256}
        self._foreign: dict[str, str] = {}  # of the library that is looked for: place → its architecture
        name = _TUPLES[architecture]
        self._default = [f"/lib/{name}", f"/usr/lib/{name}", "/lib", "/usr/lib", "/lib64", "/usr/lib64"]

    def run(self, path: str, program: Elf, more: Sequence[str] = ()) -> Resolution:
        """Finds every library that the program needs, directly or through another.

        Args:
            path: the program's path in the image.
            program: what it needs.
            more: sonames that it loads by itself when it runs (dlopen).

        Raises:
            InputError: a library, or the dynamic linker, is nowhere; or only for another architecture.
        """
        if program.interpreter:
            self._interpreter(path, program.interpreter)
        start = _Loaded(path, program._replace(needed=(*program.needed, *more)), tuple(_folders(program.rpath, path, self._architecture)))
        waiting = [start]
        for loaded in waiting:  # grows while it is read: breadth first, as the dynamic linker loads
            for soname in loaded.elf.needed:
                if soname not in self._libraries:
                    waiting.append(self._load(soname, loaded))  # noqa: PERF401  # each one looks at those before it
        return Resolution(sorted(self._packages), self._replaced, self._libraries)

    def _interpreter(self, path: str, interpreter: str) -> None:
        found = self._at(interpreter)
        if not found:
            raise InputError(
                f"{self._where}: {path} needs the dynamic linker {interpreter}, which neither the packages nor the base have. "
                "Add @NAME//:debs of a debian_packages repository with libc6 to packages, or link the program statically."
            )
        self._libraries[posixpath.basename(interpreter)] = interpreter

    def _load(self, soname: str, loader: _Loaded) -> _Loaded:
        """Returns the first library of that name that the dynamic linker would take."""
        self._foreign = {}
        if "/" in soname:
            places = [posixpath.join(posixpath.dirname(loader.path), soname)]
        else:
            folders = list(loader.rpaths) if not loader.elf.runpath else _folders(loader.elf.runpath, loader.path, self._architecture)
            places = [posixpath.join(folder, soname) for folder in [*folders, *self._default]]
        for place in places:
            found = self._at(place)
            if found:
                path, read = found
                self._libraries[soname] = path
                inherited = () if read.runpath else (*_folders(read.rpath, path, self._architecture), *loader.rpaths)
                return _Loaded(path, read, inherited)
        if self._foreign:
            place, architecture = next(iter(self._foreign.items()))
            raise InputError(
                f"{self._where}: {loader.path} is for {self._architecture}, but {soname} ({place}) is for {architecture}. "
                f"Add the packages of {self._architecture}, or build the program for {architecture}."
            )
        raise InputError(
            f"{self._where}: {loader.path} needs {soname}, which none of the packages has. Add the Debian package with {soname} to a "
            "debian_packages repository, and its @NAME//:debs to packages."
        )

    def _at(self, place: str) -> tuple[str, Elf] | None:
        """Returns the library at a path, and where it is taken from; None if there is none for this architecture."""
        own = self._sources.own.get(place)
        if own is not None:
            data = Path(own).read_bytes()
            same = self._known.get(hashlib.sha256(data).hexdigest())
            if same is None:
                read = elf.read(data, f"{self._where}: {place}")
                return (place, read) if self._fits(place, read) else None
            self._replaced.add(place)
            self._packages.add(same.package)
            return place, same.elf
        for system in (self._sources.packages, self._sources.base):
            found = system.find(place)
            if found and self._fits(found[0].package or place, found[0].elf):
                self._take(found[0], found[1])
                return place, found[0].elf
        return None

    def _fits(self, place: str, read: Elf) -> bool:
        if read.architecture == self._architecture:
            return True
        self._foreign.setdefault(posixpath.basename(place) if place.endswith(".deb") else place, read.architecture)
        return False

    def _take(self, library: Library, owners: set[str]) -> None:
        self._packages |= owners
        if library.package:
            self._packages.add(library.package)
