"""The Java runtime of a base image: checks that it is there, and takes it out for the archive of shared classes.

    base --where=LABEL --java=PATH --output=DIR --modules=FILE --image NAME MANIFEST CONFIG [--layer FILE]…

The output has the runtime where runtime.py puts one; --modules says which version it is (see jdk.Modules), without modules.
"""

from __future__ import annotations

import argparse
import json
import posixpath
import re
import shutil
import tarfile
from collections.abc import Sequence
from pathlib import Path

from rules.common.unpacking import ContentStore
from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import InputError, writing
from rules.image.tools.java import jdk, runtime
from rules.image.tools.layers.entries import DIRECTORY, Entry, content, read_tar
from rules.image.tools.oci import image_files, layer_tars, oci

_WHITEOUT = ".wh."


def read_image(image: image_files.ImageFiles, where: str) -> dict[str, Entry]:
    """Returns the files and links of an image by path, after all of its layers.

    Args:
        image: its files.
        where: the target, for errors.

    Raises:
        InputError: a layer is damaged.
    """
    entries: dict[str, Entry] = {}
    store = ContentStore()
    for part in image.parts[1:]:
        with layer_tars.open_layer(image.blobs[part["digest"]][1], oci.layer_descriptor(part)["mediaType"], where) as stream:
            try:
                with tarfile.open(fileobj=stream, mode="r:") as tar:
                    _add(entries, list(read_tar(tar, where, store)))
            except (tarfile.TarError, ValueError) as error:
                raise InputError(f"{where}: a layer of base is not a readable tar ({str(error).partition(chr(10))[0]}); build it again") from None
    return entries


def _add(entries: dict[str, Entry], layer: Sequence[tuple[str, Entry]]) -> None:
    """Puts a layer's entries on top of those below; whiteouts delete."""
    for path, _ in layer:
        folder, name = posixpath.split(path)
        if name.startswith(_WHITEOUT):
            gone = folder if name == f"{_WHITEOUT}{_WHITEOUT}.opq" else posixpath.join(folder, name.removeprefix(_WHITEOUT))
            for known in [known for known in entries if (known == gone and gone != folder) or known.startswith(gone + "/")]:
                del entries[known]
    entries.update((path, entry) for path, entry in layer if entry.kind != DIRECTORY and not posixpath.basename(path).startswith(_WHITEOUT))


def take_out(entries: dict[str, Entry], java: str, architecture: str, where: str, out: Path) -> jdk.Modules:
    """Writes the runtime of an image into a folder.

    Args:
        entries: the image's files.
        java: the path of java in the image.
        architecture: the image's architecture, as OCI names it.
        where: the target, for errors.
        out: the folder.

    Returns:
        The runtime's version and architecture.

    Raises:
        InputError: the image has no Java at the path.
    """
    path = jdk.real_path(entries, java.lstrip("/"))
    home = posixpath.dirname(posixpath.dirname(path))
    files = dict(jdk.home_files(entries, home)) if jdk.resolve(entries, path) else {}
    if "release" not in files or "bin/java" not in files:
        near = sorted(found for found in entries if found.endswith("/bin/java") and jdk.resolve(entries, found))
        advice = f"set java to /{near[0]}" if near else "remove java to add a Java runtime to the image, or use a base with one"
        raise InputError(f"{where}: java: base has no Java at {java}; {advice}")
    version = re.search(rb'^JAVA_VERSION="([^"]+)"', content(files["release"]), re.MULTILINE)
    if not version:
        raise InputError(f"{where}: java: the file release of the base's Java names no version; use another base")
    shutil.rmtree(out / runtime.HOME, ignore_errors=True)
    for name, entry in files.items():
        target = out / runtime.HOME / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content(entry))
        target.chmod(entry.mode | 0o400)
    return jdk.Modules(version[1].decode(), architecture, {})


def main(argv: Sequence[str]) -> int:
    """Takes the runtime out of the base as the arguments say (see the module's text)."""
    parser = argparse.ArgumentParser(prog="base", allow_abbrev=False)
    for option in ("where", "java", "modules"):
        parser.add_argument(f"--{option}", required=True)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--image", nargs=3, required=True)
    parser.add_argument("--layer", action="append", default=[])
    options = parser.parse_args(read_arguments(argv))
    _, manifest, config = options.image
    architecture = json.loads(Path(config).read_bytes()).get("architecture", "amd64")
    entries = read_image(image_files.read(manifest, config, options.layer), options.where)
    with writing(options.where, options.output):
        jdk.write_modules(take_out(entries, options.java, architecture, options.where, options.output), options.modules)
    return 0
