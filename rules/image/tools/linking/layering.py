"""Writes the layers of a program that is not a script: its own files, and the Debian packages with its libraries.

    layering program --where=LABEL --index=FILE --selection=FILE --binary PATH FILE [--own PATH FILE]… [--architecture=NAME]
                     [--library=SONAME]… [--packages] LAYER
    layering libraries --selection=FILE LAYER

LAYER stands for the options of the layer tool: --where, --blob, --descriptor, --compression and --exclude. `program` chooses the
packages and writes them to the selection; `libraries` writes the layer of that selection. An edit of the program that needs no
other library leaves the selection, and so the layer of libraries, as it was.
"""

from __future__ import annotations

import argparse
import json
import posixpath
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rules.common import worker
from rules.image.tools.arguments import read_arguments, take_pairs
from rules.image.tools.errors import InputError, run, writing
from rules.image.tools.layers import layer
from rules.image.tools.linking import elf
from rules.image.tools.linking.file_system import FileSystem
from rules.image.tools.linking.resolving import Resolution, Search, Sources
from rules.image.tools.oci import oci

__all__ = ["choose", "main"]

_PAIRS = ("--binary", "--own")


def choose(where: str, program: tuple[str, str], own: dict[str, str], index: str, more: Sequence[str], *, packages: bool) -> tuple[str, Resolution]:
    """Finds the libraries of a program.

    Args:
        where: the target to name in errors.
        program: the program's path in the image, and its file.
        own: the other files of the program: path in the image → file.
        index: the file that indexing.py wrote.
        more: sonames that the program loads by itself.
        packages: whether the target has packages to choose from.

    Returns:
        The program's architecture, and its libraries.

    Raises:
        InputError: the program is not one, or lacks a library.
    """
    path, file = program
    read = elf.read(Path(file).read_bytes(), f"{where}: {file}")
    systems = json.loads(Path(index).read_text("utf-8"))
    base = FileSystem.from_json(systems["base"])
    if read.dynamic and not packages and not base.libraries:
        raise InputError(
            f"{where}: {posixpath.basename(file)} is dynamically linked (it needs {', '.join(read.needed) or read.interpreter}), and the base "
            "has no libraries. Build it statically, with CGO_ENABLED=0 for Go, or add @NAME//:debs of a debian_packages repository to packages."
        )
    search = Search(where, Sources(own, FileSystem.from_json(systems["packages"]), base), read.architecture)
    return read.architecture, search.run(path, read, more)


def _program(options: argparse.Namespace, pairs: dict[str, list[tuple[str, str]]], rest: list[str]) -> int:
    own = dict(pairs["--own"])
    architecture, found = choose(options.where, pairs["--binary"][0], own, options.index, options.library, packages=options.packages)
    if options.architecture and options.architecture != architecture:
        raise InputError(
            f"{options.where}: architecture is {options.architecture}, but the program is for {architecture}. Remove architecture, or build the program for it."
        )
    with writing(options.where, options.selection):
        Path(options.selection).write_text(json.dumps({"packages": found.packages}), "utf-8")
    files = [word for path, file in own.items() if path not in found.replaced for word in ("--file", path, file)]
    binary, source = pairs["--binary"][0]
    layer.main([f"--where={options.where}", "--mode=content", *rest, *files, "--program", binary, source])
    return _name_architecture(options.descriptor, options.where, architecture)


def _name_architecture(descriptor: str, where: str, architecture: str) -> int:
    """Adds the program's architecture to a layer's descriptor, from which the image gets it."""
    with writing(where, descriptor):
        text = {**json.loads(Path(descriptor).read_bytes()), "architecture": architecture}
        Path(descriptor).write_bytes(oci.dump(text))
    return 0


def main(argv: Sequence[str]) -> int:
    """Writes one of the two layers as the arguments say (see the module's text)."""
    mode, *arguments = read_arguments(argv)
    pairs, words = take_pairs(arguments, _PAIRS)
    parser = argparse.ArgumentParser(prog="layering", allow_abbrev=False)
    parser.add_argument("--selection", required=True)
    parser.add_argument("--index")
    parser.add_argument("--library", action="append", default=[])
    parser.add_argument("--architecture", default="")
    parser.add_argument("--packages", action="store_true")
    options, rest = parser.parse_known_args(words)
    for name in ("where", "descriptor"):
        value = next(word for word in rest if word.startswith(f"--{name}="))
        setattr(options, name, value.partition("=")[2])
    if mode == "program":
        return _program(options, pairs, [word for word in rest if not word.startswith("--where=")])
    selection = json.loads(Path(options.selection).read_text("utf-8"))
    return layer.main([*rest, *(f"--deb={deb}" for deb in selection["packages"])])


if __name__ == "__main__":
    sys.exit(worker.start(partial(run, main), sys.argv[1:], "image"))
