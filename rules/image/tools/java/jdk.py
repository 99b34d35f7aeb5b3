"""The JDK of Debian packages: a folder in which its programs run, and which module has which package.

    jdk --where=LABEL --deb=FILE… --output=DIR --modules=FILE

The folder has what `java`, `jlink` and an image need of the packages, without links that lead out of it, and two files of
ours: `control`, the control paragraph of the package with the runtime, and `cacerts`, a key store with the packages' CA
certificates. --modules is a JSON object (see Modules).
"""

from __future__ import annotations

import argparse
import json
import posixpath
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import InputError, writing
from rules.image.tools.layers import debs
from rules.image.tools.layers.entries import FILE, SYMLINK, Entry, Tree, content

_HOME = re.compile(r"usr/lib/jvm/java-[^/]+-openjdk-[^/]+\Z")
_RUNTIME = re.compile(r"openjdk-\d+-jre-headless\Z")
# Sources, headers, manuals, symbols for compilers, and what was computed for other sets of modules.
_LEFT_OUT = re.compile(r"(docs|include|man|demo|sample)(/|\Z)|lib/(ct\.sym|src\.zip|server/.*\.jsa)\Z")
CONTROL, CERTIFICATES = "control", "cacerts"
_LINKS = 40  # links that may lead to one file, as in Linux


class Modules(NamedTuple):
    """The modules of a JDK.

    Attributes:
        version: the version of the JDK, such as 17.0.15.
        architecture: the architecture, as OCI names it.
        modules: the packages of each module, in the JVM's form.
    """

    version: str
    architecture: str
    modules: dict[str, list[str]]

    @property
    def major(self) -> int:
        """The Java version, such as 17."""
        return int(self.version.partition(".")[0])


def read_modules(path: str) -> Modules:
    """Returns the modules in a file that write_modules() wrote."""
    return Modules(**json.loads(Path(path).read_bytes()))


def write_modules(modules: Modules, path: str) -> None:
    """Writes what a JDK or a Java runtime has, for read_modules()."""
    Path(path).write_text(json.dumps(modules._asdict(), sort_keys=True), encoding="utf-8")


def real_path(entries: dict[str, Entry], path: str) -> str:
    """Returns a path with the links of a tree followed.

    Args:
        entries: entries by path, as in a Tree.
        path: the path, relative to the root.
    """
    for _ in range(_LINKS):
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            found = entries.get("/".join(parts[:end]))
            if found and found.kind == SYMLINK:
                path = posixpath.normpath(posixpath.join("/", *parts[: end - 1], found.target, *parts[end:])).lstrip("/")
                break
        else:
            return path
    return path


def resolve(entries: dict[str, Entry], path: str) -> Entry | None:
    """Returns the file at a path of a tree, with links followed; None if there is no file."""
    found = entries.get(real_path(entries, path))
    return found if found and found.kind == FILE else None


def home_files(entries: dict[str, Entry], home: str) -> Iterator[tuple[str, Entry]]:
    """Yields the files below a folder of a tree by their paths relative to it; links are the files that they lead to."""
    for path, entry in entries.items():
        if path.startswith(home + "/") and entry.kind in (FILE, SYMLINK):
            file = resolve(entries, path)
            if file:
                yield path[len(home) + 1 :], file


def unpack(paths: Sequence[str], where: str, out: Path) -> Modules:
    """Unpacks the JDK of Debian packages into a folder.

    Args:
        paths: the .deb files: the runtime, its compiler package with jlink, and ca-certificates.
        where: the target, for errors.
        out: the folder.

    Returns:
        What it has.

    Raises:
        InputError: a package is damaged, or the packages have no JDK.
    """
    tree = Tree(where)
    architecture = debs.add_packages(tree, paths) or "amd64"
    homes = sorted(path for path in tree.entries if _HOME.match(path) and tree.entries[path].kind != SYMLINK)
    if not homes:
        homes = sorted({match[0] for path in tree.entries if (match := re.match(_HOME.pattern[:-2] + "(?=/bin/jlink)", path))})
    files = dict(home_files(tree.entries, homes[0])) if homes else {}
    for needed, package in (("bin/java", "jre"), ("bin/jlink", "jdk"), ("jmods/java.base.jmod", "jdk")):
        if needed not in files:
            raise InputError(f"{where}: the packages have no {needed}; add openjdk-17-{package}-headless")
    for path, entry in files.items():
        if not _LEFT_OUT.match(path):
            target = out / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content(entry))
            target.chmod(entry.mode)
    runtime = next((path for path in tree.entries if path.startswith("var/lib/dpkg/status.d/") and _RUNTIME.search(path)), None)
    if runtime is None:
        raise InputError(f"{where}: no package is named openjdk-…-jre-headless; add it")
    (out / CONTROL).write_bytes(content(tree.entries[runtime]))
    certificates = debs.java_store(tree)
    if not certificates:
        raise InputError(f"{where}: the packages have no CA certificates; add ca-certificates")
    (out / CERTIFICATES).write_bytes(certificates)
    version = re.search(rb'^JAVA_VERSION="([^"]+)"', content(files["release"]), re.MULTILINE) if "release" in files else None
    if not version:
        raise InputError(f"{where}: the JDK has no version in its file release; fetch its packages again")
    return Modules(version[1].decode(), architecture, {path.stem: _packages(path) for path in sorted((out / "jmods").glob("*.jmod"))})


def _packages(path: Path) -> list[str]:
    """Returns the packages of a module."""
    with zipfile.ZipFile(path) as module:
        return sorted({posixpath.dirname(name)[len("classes/") :] for name in module.namelist() if name.startswith("classes/") and name.count("/") > 1})


def main(argv: Sequence[str]) -> int:
    """Unpacks the JDK as the arguments say (see the module's text)."""
    parser = argparse.ArgumentParser(prog="jdk", allow_abbrev=False)
    parser.add_argument("--deb", action="append", default=[])
    parser.add_argument("--where", required=True)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--modules", required=True)
    options = parser.parse_args(read_arguments(argv))
    with writing(options.where, options.output):
        write_modules(unpack(options.deb, options.where, options.output), options.modules)
    return 0
