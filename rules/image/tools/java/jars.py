"""Jars: an index of what is in one, and the program's own jar as two, classes and resources.

    index --jar=FILE --name=NAME --output=OUT
    split --classes=DIR --resources=DIR [--jar PATH FILE]…

An index is a JSON object that the tool writes once for each jar, however many images have the jar (see Index).
"""

from __future__ import annotations

import argparse
import json
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rules.image.tools.arguments import read_arguments, take_pairs
from rules.image.tools.errors import InputError, writing
from rules.image.tools.java import class_files

# What zipfile raises for an entry that it can't read.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError)
_ELF = b"\x7fELF"
# e_machine of an ELF file (System V ABI), in the words that OCI has for architectures.
_MACHINES = {3: "386", 8: "mips", 20: "ppc", 21: "ppc64le", 22: "s390x", 40: "arm", 62: "amd64", 183: "arm64", 243: "riscv64", 258: "loong64"}
_LIBRARY = re.compile(r".*\.(so(\.\d+)*|jnilib)\Z")
_VERSIONED = re.compile(r"META-INF/versions/(\d+)/(.*)\.class\Z")
_SERVICE = re.compile(r"META-INF/services/([\w.$]+)\Z")
_STAYS = re.compile(r"(META-INF/(MANIFEST\.MF|INDEX\.LIST|[^/]*\.(SF|RSA|DSA|EC))|.*\.class|.*/)\Z", re.IGNORECASE)
_EARLIEST = (1980, 1, 1, 0, 0, 0)
RESOURCES = ".resources.jar"


class Index(NamedTuple):
    """What an image has to know about a jar.

    Attributes:
        name: the jar, for errors.
        classes: the classes that each of its classes uses, by name; classes of META-INF/versions are not among them.
        newest: the class with the highest version, and that version; ("", 0) without classes.
        jdk: the JDK's classes and packages that any class uses or mentions.
        mains: classes that may have a main method.
        services: providers by service, from META-INF/services.
        machines: native libraries by architecture: the path of one of each.
    """

    name: str
    classes: dict[str, list[str]]
    newest: tuple[str, int]
    jdk: list[str]
    mains: list[str]
    services: dict[str, list[str]]
    machines: dict[str, str]


@contextmanager
def _opened(path: str, name: str) -> Iterator[zipfile.ZipFile]:
    """Opens a jar; a damaged one is one sentence."""
    try:
        with zipfile.ZipFile(path) as jar:
            yield jar
    except _DAMAGED as error:
        raise InputError(f"{name} is not a readable jar ({str(error).partition(chr(10))[0] or type(error).__name__}); build or fetch it again") from None


def read_index(path: str) -> Index:
    """Returns the index in a file that index() wrote."""
    index = Index(**json.loads(Path(path).read_bytes()))
    return index._replace(newest=tuple(index.newest))  # type: ignore[arg-type]  # JSON has lists


def make_index(path: str, name: str) -> Index:
    """Reads a jar.

    Args:
        path: the jar.
        name: what errors call it.

    Raises:
        InputError: the jar or a class in it is damaged.
    """
    classes: dict[str, list[str]] = {}
    newest = ("", 0)
    jdk: set[str] = set()
    mains: list[str] = []
    services: dict[str, list[str]] = {}
    machines: dict[str, str] = {}
    with _opened(path, name) as jar:
        for entry in sorted(set(jar.namelist())):
            if entry.endswith(".class"):
                versioned = _VERSIONED.match(entry)
                if posixpath.basename(entry) == "module-info.class" or (entry.startswith("META-INF/") and not versioned):
                    continue
                found = class_files.parse(jar.read(entry), f"{name}: {entry}")
                jdk.update(_packages(found.uses | found.mentions))
                if versioned:
                    continue
                own = entry.removesuffix(".class")
                classes[own] = sorted(found.uses - {own})
                newest = max(newest, (own, found.version), key=lambda known: known[1])
                mains += [own] * found.may_be_main
            elif service := _SERVICE.match(entry):
                lines = jar.read(entry).decode("utf-8", "replace").splitlines()
                services[service[1]] = sorted({line.partition("#")[0].strip() for line in lines} - {""})
            elif _LIBRARY.match(entry):
                with jar.open(entry) as file:
                    machine = _machine(file.read(20))
                if machine:
                    machines.setdefault(machine, entry)
    return Index(name, classes, newest, sorted(jdk), mains, services, machines)


def _packages(names: frozenset[str]) -> Iterator[str]:
    """Yields the packages of classes, in the JVM's form."""
    for name in names:
        yield name.rpartition("/")[0]


def _machine(start: bytes) -> str:
    """Returns the architecture of an ELF file by its first 20 bytes; empty if it is none."""
    if len(start) < 20 or start[:4] != _ELF:
        return ""
    (number,) = struct.unpack_from(">H" if start[5] == 2 else "<H", start, 18)
    return _MACHINES.get(number, f"machine {number}")


def index(argv: Sequence[str]) -> int:
    """Writes the index of a jar as the arguments say (see the module's text)."""
    parser = argparse.ArgumentParser(prog="index", allow_abbrev=False)
    for option in ("jar", "name", "output"):
        parser.add_argument(f"--{option}", required=True)
    options = parser.parse_args(read_arguments(argv))
    data = json.dumps(make_index(options.jar, options.name)._asdict(), separators=(",", ":"), sort_keys=True)
    with writing(options.name, options.output):
        Path(options.output).write_text(data, encoding="utf-8")
    return 0


def split_jar(path: str, name: str, classes: Path, resources: Path) -> None:
    """Copies a jar's classes into one jar and everything else into another; without resources there is no other.

    Entries keep their order and lose their times. They are stored, because layers are compressed as a whole, which finds
    more that repeats, and the JVM reads stored classes faster.

    Args:
        path: the jar.
        name: what errors call it.
        classes: the jar to write with the manifest and the classes.
        resources: the jar to write with everything else.

    Raises:
        InputError: the jar is damaged.
    """
    with _opened(path, name) as jar:
        entries = list({entry.filename: entry for entry in jar.infolist()}.values())
        signed = any(re.match(r"META-INF/[^/]*\.SF\Z", entry.filename, re.IGNORECASE) for entry in entries)
        moved = [] if signed else [entry for entry in entries if not _STAYS.match(entry.filename)]
        kept = [entry for entry in entries if entry not in moved]
        folders = [entry for entry in kept if entry.is_dir()]
        _copy(jar, kept, classes)
        if moved:
            _copy(jar, [*folders, *moved], resources)


def _copy(jar: zipfile.ZipFile, entries: Sequence[zipfile.ZipInfo], out: Path) -> None:
    """Writes a jar of some entries of another one."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as copy:
        for entry in entries:
            info = zipfile.ZipInfo(entry.filename, _EARLIEST)
            info.external_attr = (0o40755 << 16 | 0x10) if entry.is_dir() else 0o100644 << 16
            copy.writestr(info, b"" if entry.is_dir() else jar.read(entry))


def split(argv: Sequence[str]) -> int:
    """Splits jars as the arguments say (see the module's text)."""
    pairs, rest = take_pairs(read_arguments(argv), ["--jar"])
    parser = argparse.ArgumentParser(prog="split", allow_abbrev=False)
    for option in ("classes", "resources"):
        parser.add_argument(f"--{option}", required=True, type=Path)
    options = parser.parse_args(rest)
    for folder in (options.classes, options.resources):
        folder.mkdir(parents=True, exist_ok=True)
    for path, source in pairs["--jar"]:
        with writing("", options.classes):
            split_jar(source, path, options.classes / path, options.resources / f"{path.removesuffix('.jar')}{RESOURCES}")
    return 0
