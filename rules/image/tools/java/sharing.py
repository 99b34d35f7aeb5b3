"""Class data sharing: the archive of classes that a JVM maps into memory instead of reading and verifying them.

    share --where=LABEL --runtime=DIR --arguments=FILE --class-list=FILE --output=OUT [--jar PATH FILE]… [--tree=DIR]…

The archive is a static one: the JVM loads the listed classes without running any of them, and writes what it has in memory.
The JVM of the image, its class path and its jars must be those of the archive, or it starts without (-Xshare:auto). So the
image is laid out in a folder and the archive is made there, as any user, without entering the folder as a root. Three things
then depend on the build, and are corrected afterwards (see normalize): the folder's name before each path, a few addresses of
the JVM's own code, and the checksums of both. What depends on the moment is kept small (see dump). Times do not count: jars
have time 0 in layers, which the JVM does not compare.
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
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from rules.image.tools.arguments import read_arguments, take_pairs
from rules.image.tools.errors import InputError, writing
from rules.image.tools.java import runtime

_FOLDER = 72  # characters of the folder's path: the length of paths decides where the archive has what
_TIMEOUT = 600  # seconds; 4,000 classes take 3
_EQUAL_DUMPS = 3  # two others that are equal occur on a busy machine, where one of ten differs from the rest
_MOST_DUMPS = 12
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

    The JVM's threads race for the order of a few symbols, the less the fewer they are and if they share a processor. So the
    archive is made three times, and again until three are equal.

    Args:
        root: the folder with the image.
        class_path: the class path in the image.
        class_list: classes, one a line; those of the runtime's own list are added.
        where: the target, for errors.

    Raises:
        InputError: the JVM does not run on this machine, fails, or writes no archive three times.
    """
    default = root / runtime.HOME / "lib/classlist"
    (root / "classes").write_text((default.read_text("utf-8") if default.exists() else "") + class_list, encoding="utf-8")
    inside = ":".join(f"{root}{path}" for path in class_path.split(":"))
    seen: Counter[bytes] = Counter()
    with ThreadPoolExecutor(2) as pool:
        first = list(pool.map(lambda number: _dump_once(root, inside, where, number), range(2)))
    seen.update(map(bytes, first))
    for number in range(2, _MOST_DUMPS):
        data = _dump_once(root, inside, where, number)
        seen[bytes(data)] += 1
        if seen[bytes(data)] == _EQUAL_DUMPS:
            return data
    raise InputError(f"{where}: the JVM wrote too many different archives of shared classes; build again, or set class_data_sharing = False to build without")


def _dump_once(root: Path, class_path: str, where: str, number: int) -> bytearray:
    """Returns the archive of one run of the JVM, normalized; runs with different numbers may take place at once."""
    archive, said = root / f"archive{number}", root / f"output{number}"
    processors = sorted(os.sched_getaffinity(0))
    # Of this thread, and so of the process that it starts.
    os.sched_setaffinity(0, {processors[number % len(processors)]})
    options = [*_OPTIONS, f"-XX:SharedClassListFile={root / 'classes'}", f"-XX:SharedArchiveFile={archive}"]
    command: list[str | Path] = [root / runtime.HOME / "bin/java", *options, "-cp", class_path]
    try:
        with said.open("wb") as output, subprocess.Popen(command, env=runtime.environment(), cwd=root, stdout=output, stderr=output) as process:
            try:
                code = _addresses(process)
                status = process.wait(_TIMEOUT)
            except BaseException:
                process.kill()
                raise
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{where}: the image's JVM did not run ({error}); set class_data_sharing = False to build without") from None
    finally:
        os.sched_setaffinity(0, processors)
    if status or not archive.exists():
        first = said.read_text("utf-8", "replace").strip().partition("\n")[0].replace(str(root), "")
        raise InputError(f"{where}: the JVM wrote no archive of shared classes ({first or status}); set class_data_sharing = False to build without")
    data = bytearray(archive.read_bytes())
    archive.unlink()
    normalize(data, str(root), code, where)
    return data


def _addresses(process: subprocess.Popen[bytes]) -> range:
    """Returns the addresses of the JVM's code in a process, as soon as it has loaded it; empty if the process ends before."""
    while process.poll() is None:
        with suppress(OSError):
            lines = [line for line in Path(f"/proc/{process.pid}/maps").read_text().splitlines() if line.endswith("/libjvm.so")]
            # The last part is writable data; all parts are mapped when that one is.
            if any(" rw" in line for line in lines):
                ends = [int(end, 16) for line in lines for end in line.split(" ", 1)[0].split("-")]
                return range(min(ends), max(ends))
        time.sleep(0.002)
    return range(0)


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
