"""Lists the libraries of Debian packages and of a base image, without unpacking them to disk.

indexing --where=LABEL --out=FILE [--deb=FILE]… [--image NAME MANIFEST CONFIG [--layer FILE]…]
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import posixpath
import re
import sys
import tarfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO

from rules.common import unpacking, worker
from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import InputError, run, writing
from rules.image.tools.layers.debs import merged, read_package
from rules.image.tools.layers.entries import clean_path
from rules.image.tools.linking import elf
from rules.image.tools.linking.file_system import FileSystem, Library
from rules.image.tools.oci import image_files, layer_tars, oci

__all__ = ["add_package", "add_tar", "main"]

# Where libraries are: anything named so, wherever it is, because RPATH may lead there.
_LIBRARY = re.compile(r".*(\.so(\.[^/]*)?|/ld-[^/]*)\Z")
_WHITEOUT = ".wh."


def add_tar(system: FileSystem, stream: IO[bytes] | unpacking.LimitedStream, where: str, package: str = "") -> None:
    """Adds the libraries and links of a tar.

    Args:
        system: the file system to add to.
        stream: the tar, uncompressed.
        where: the tar to name in errors.
        package: the .deb file that the tar comes from; "" for a layer of the base.

    Raises:
        InputError: the tar is damaged.
    """
    try:
        with tarfile.open(fileobj=stream, mode="r:") as tar:
            for member in tar:
                path = merged(clean_path(member.name, where))
                folder, name = posixpath.split(path)
                if name.startswith(_WHITEOUT):
                    system.remove(posixpath.join(folder, name.removeprefix(_WHITEOUT)))
                    continue
                if not member.isdir():
                    system.remove(path)
                if member.issym():
                    system.links[path] = member.linkname
                    if package:
                        system.owners[path] = package
                elif member.islnk():
                    linked = system.libraries.get(merged(clean_path(member.linkname, where)))
                    if linked:
                        system.libraries[path] = linked
                elif member.isreg() and _LIBRARY.match("/" + path):
                    _add_file(system, path, tar.extractfile(member), where, package)
    except (tarfile.TarError, ValueError) as error:
        raise InputError(f"{where}: not a readable tar ({str(error).partition(chr(10))[0]}). Build or fetch it again.") from None


def _add_file(system: FileSystem, path: str, file: IO[bytes] | None, where: str, package: str) -> None:
    """Adds a file if it is a library for a known machine."""
    data = file.read() if file else b""
    if not data.startswith(elf.MAGIC):
        return  # a linker script, or a file of another kind with such a name
    try:
        read = elf.read(data, f"{where}: {path}")
    except InputError:
        return  # nothing that the dynamic linker could load; a program that needs it gets an error
    system.libraries[path] = Library(read, hashlib.sha256(data).hexdigest() if package else "", package)


def add_package(system: FileSystem, deb: str) -> None:
    """Adds the libraries and links of a Debian package.

    Raises:
        InputError: the package is damaged.
    """
    data, _ = read_package(deb).data
    try:
        add_tar(system, unpacking.open_decompressed(io.BytesIO(data), deb), deb, deb)
    except EOFError as error:
        raise InputError(f"{deb} is damaged ({error}). Fetch it again.") from None


def _layers(image: image_files.ImageFiles, name: str) -> Iterator[unpacking.LimitedStream]:
    """Yields each layer's tar, base first."""
    for part in image.parts[1:]:
        with layer_tars.open_layer(image.blobs[part["digest"]][1], oci.layer_descriptor(part)["mediaType"], name) as stream:
            yield stream


def main(argv: Sequence[str]) -> int:
    """Writes the two file systems, `base` and `packages`, as the arguments say (see the module's text)."""
    parser = argparse.ArgumentParser(prog="indexing", allow_abbrev=False)
    parser.add_argument("--where", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--deb", action="append", default=[])
    parser.add_argument("--image", nargs=3)
    parser.add_argument("--layer", action="append", default=[])
    options = parser.parse_args(read_arguments(argv))
    packages, base = FileSystem(), FileSystem()
    for deb in sorted(set(options.deb)):
        add_package(packages, deb)
    if options.image:
        name, manifest, config = options.image
        for stream in _layers(image_files.read(manifest, config, options.layer), name):
            add_tar(base, stream, name)
    text = json.dumps({"base": base.to_json(), "packages": packages.to_json()}, separators=(",", ":"))
    with writing(options.where, options.out):
        Path(options.out).write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(worker.start(partial(run, main), sys.argv[1:], "image"))
