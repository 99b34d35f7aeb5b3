"""Class data sharing: the archive of classes that a JVM maps into memory instead of reading and verifying them.

    share --where=LABEL --runtime=DIR --arguments=FILE --class-list=FILE --output=OUT [--jar PATH FILE]… [--tree=DIR]…

The archive is a static one: the JVM loads the listed classes without running any of them, and writes what it has in memory.
The JVM of the image, its class path and its jars must be those of the archive, or it starts without (-Xshare:auto). So the
image is laid out in a folder and the archive is made there, as any user, without entering the folder as a root. Three things
then depend on the build, and are corrected afterwards (see normalize): the folder's name before each path, a few addresses of
the JVM's own code, and the checksums of both. What would depend on the moment is put in order while the JVM runs (see
orderly_start.py). Times do not count: jars have time 0 in layers, which the JVM does not compare.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import secrets
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from rules.image.tools.arguments import read_arguments, take_pairs
from rules.image.tools.errors import InputError, writing
from rules.image.tools.java import runtime
from rules.image.tools.java.orderly_start import OrderlyJvm

_FOLDER = 72  # characters of the folder's path: the length of paths decides where the archive has what
_TIMEOUT = 600  # seconds; 4,000 classes take 3
_OPTIONS = (
    "-Xshare:dump",
    "-Xlog:disable",
    "-Xlog:all=error:stderr",
    # The serial collector's archive has no objects of the heap, which no other collector of Java 17 could use.
    "-XX:+UseSerialGC",
    # The archive has the size of the heap, which by default depends on the machine's memory.
    "-Xmx1g",
    # No compiler, no thread for signals and no counters in a file: what they do depends on time.
    "-Xint",
    "-Xrs",
    "-XX:-UsePerfData",
)
_MAGIC = 0xF00BABA2  # of a static archive (cds.h)
# Java 17's header (filemap.hpp): a checksum of all that follows it, a version, and 7 regions, each with a checksum first.
_VERSION = 11
_REGIONS = range(0x10, 0x208, 72)
_REGION = struct.Struct("<I20xQQQ")  # checksum, offset in the file, offset in memory, bytes
_HEADER_SIZE = struct.Struct("<Q")
_HEADER_SIZE_AT = 0x208


def stage(root: Path, runtime_tree: Path, jars: Sequence[tuple[str, str]], trees: Sequence[Path]) -> None:
    """Lays out a part of an image in a folder, with times as in layers.

    Args:
        root: the folder.
        runtime_tree: the root of the image with the Java runtime.
        jars: paths in the image and files.
        trees: folders with files by their paths in the image.
    """
    files = [(path, Path(source)) for path, source in jars]
    for tree in (runtime_tree, *trees):
        for folder, _, names in os.walk(tree, followlinks=True):  # sandboxes contain links
            inside = os.path.relpath(folder, tree)
            files += [(os.path.join(inside, name), Path(folder, name)) for name in names]
    for path, source in files:
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
        os.utime(target, (0, 0))
    (root / runtime.HOME / "bin/java").chmod(0o755)


def make_folder() -> Path:
    """Makes an empty folder with a path of _FOLDER characters, for this user only."""
    base = os.path.realpath(tempfile.gettempdir())
    if len(base) > _FOLDER - 20:
        base = "/tmp"  # noqa: S108  # mkdir below fails if the name is taken
    path = Path(base, secrets.token_hex(_FOLDER)[: _FOLDER - len(base) - 1])
    path.mkdir(mode=0o700)
    return path


def dump(root: Path, class_path: str, class_list: str, where: str) -> bytearray:
    """Returns the archive of an image that is laid out in a folder.

    Args:
        root: the folder with the image.
        class_path: the class path in the image.
        class_list: classes, one a line; those of the runtime's own list are added.
        where: the target, for errors.

    Raises:
        InputError: the JVM does not run on this machine, or fails.
    """
    default = root / runtime.HOME / "lib/classlist"
    classes = (default.read_text("utf-8") if default.exists() else "") + class_list
    inside = ":".join(f"{root}{path}" for path in class_path.split(":"))
    archive, said, pipe = root / "archive", root / "output", root / "classes"
    options = [*_OPTIONS, f"-XX:SharedClassListFile={pipe}", f"-XX:SharedArchiveFile={archive}"]
    jvm = OrderlyJvm(pipe, classes.encode())
    try:
        with said.open("wb") as output:
            status = jvm.run([root / runtime.HOME / "bin/java", *options, "-cp", inside], runtime.environment(), root, output, _TIMEOUT)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{where}: the image's JVM did not run ({error}); set class_data_sharing = False to build without") from None
    if status or not archive.exists():
        first = said.read_text("utf-8", "replace").strip().partition("\n")[0].replace(str(root), "")
        raise InputError(f"{where}: the JVM wrote no archive of shared classes ({first or status}); set class_data_sharing = False to build without")
    data = bytearray(archive.read_bytes())
    archive.unlink()
    normalize(data, str(root), jvm.code, where)
    return data


def normalize(data: bytearray, root: str, code: range, where: str) -> None:
    """Corrects what an archive has of the build that made it, in place.

    Args:
        data: the archive.
        root: the folder that stood for the image's root.
        code: the addresses of the JVM's code in the process that made it.
        where: the target, for errors.

    Raises:
        InputError: it is not an archive of Java 17.
    """
    magic, _, version = struct.unpack_from("<III", data)
    (size,) = _HEADER_SIZE.unpack_from(data, _HEADER_SIZE_AT)
    regions = [(at, _REGION.unpack_from(data, at)) for at in _REGIONS]
    used = [(at, checksum, offset, length) for at, (checksum, offset, _, length) in regions if length]
    known = magic == _MAGIC and version == _VERSION and all(zlib.crc32(data[offset : offset + length]) == checksum for _, checksum, offset, length in used)
    if not known:
        raise InputError(f"{where}: the archive of shared classes is not one of Java 17; set class_data_sharing = False to build without")
    prefix = root.encode()
    # A shorter string ends earlier; what it leaves is filled, so that nothing moves.
    for match in list(re.finditer(re.escape(prefix) + rb"(/[^\0]*)\0", data)):
        data[match.start() : match.end()] = match[1].ljust(match.end() - match.start(), b"\0")
    if code:
        # Counters of methods that ran while the archive was made still point to their class in the JVM; no JVM follows that.
        for place in _places(data, code):
            if any(offset <= place < offset + length and not (place - offset) % 8 for _, _, offset, length in used):
                data[place : place + 8] = bytes(8)
    for at, _, offset, length in used:
        struct.pack_into("<I", data, at, zlib.crc32(data[offset : offset + length]))
    struct.pack_into("<I", data, 4, zlib.crc32(data[8:size]))


def _places(data: bytearray, code: range) -> list[int]:
    """Returns where data has an address of the range, as 8 bytes."""
    places = []
    for high in range(code.start >> 24, (code.stop - 1 >> 24) + 1):
        places += [match.start() - 3 for match in re.finditer(re.escape(high.to_bytes(5, "little")), data)]
    return [place for place in places if place >= 0 and int.from_bytes(data[place : place + 8], "little") in code]


def read_class_path(path: str) -> str:
    """Returns the class path in an argument file that the program tool wrote."""
    arguments = [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()]
    return str(arguments[arguments.index("-cp") + 1])


def share(argv: Sequence[str]) -> int:
    """Writes the archive as the arguments say (see the module's text)."""
    pairs, rest = take_pairs(read_arguments(argv), ["--jar"])
    parser = argparse.ArgumentParser(prog="share", allow_abbrev=False)
    for option in ("where", "runtime", "arguments", "class-list", "output"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--tree", action="append", default=[])
    options = parser.parse_args(rest)
    root = make_folder()
    try:
        stage(root, Path(options.runtime), pairs["--jar"], [Path(tree) for tree in options.tree])
        data = dump(root, read_class_path(options.arguments), Path(options.class_list).read_text("utf-8"), options.where)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    with writing(options.where, options.output):
        Path(options.output).write_bytes(data)
    return 0
