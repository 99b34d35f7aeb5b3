"""Writes the software bill of materials of an image: CycloneDX 1.5, JSON.

    sbom --image NAME MANIFEST CONFIG [--layer FILE]… --output OUT

The layers themselves are read, so it works for images from other tools, too. It lists Debian packages from dpkg's status,
Python packages from their metadata, Maven artifacts from the image's history and their jars, and every other file with its
sha256. It has no time, host or path of the build, so equal images have equal bills.
"""

from __future__ import annotations

import argparse
import csv
import email.parser
import hashlib
import posixpath
import re
import sys
import tarfile
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from rules.common import unpacking
from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import InputError, run, writing
from rules.image.tools.images import maven
from rules.image.tools.layers.entries import clean_path
from rules.image.tools.oci import image_files, layer_tars, oci

_STATUS = re.compile(r"var/lib/dpkg/(status|status\.d/(?!.*\.md5sums\Z)[^/]+)\Z")
_METADATA = re.compile(r"(.*)/([^/]+)\.(dist-info/METADATA|egg-info/PKG-INFO)\Z")
_RELEASE = "usr/lib/os-release"
_TELLING = re.compile(
    rf"{_STATUS.pattern}|{_METADATA.pattern}|usr/share/doc/[^/]+/copyright\Z|{_RELEASE}\Z|var/lib/dpkg/.*\.(list|md5sums)\Z|.*\.dist-info/RECORD\Z"
)
_LARGEST_JAR = 256 << 20  # bytes; a larger one is listed as a file
_LIMIT = 16 << 20  # bytes of a metadata file; larger files are not metadata
_METADATA_TOTAL = 1 << 30  # bytes of all of them, which are kept in memory; the largest images have 30 MB
_WHITEOUT = ".wh."


class Contents:
    """The files of an image after all its layers are unpacked in order.

    Attributes:
        digests: sha256 of each regular file, by path.
        jars: the Maven artifacts in each jar, by path.
        metadata: content of the files that describe packages, by path.
    """

    def __init__(self) -> None:
        self._left = _METADATA_TOTAL
        self.digests: dict[str, str] = {}
        self.jars: dict[str, list[maven.Artifact]] = {}
        self.metadata: dict[str, bytes] = {}

    def _remove(self, gone: set[str], emptied: set[str]) -> None:
        """Removes the paths in gone, and everything below those in emptied."""
        folders: set[str] = set()
        for path in self.digests:
            for folder in _above(path):
                if folder in folders:
                    break
                folders.add(folder)
        emptied = emptied & folders  # few, or none: then not every path has to be looked at
        for known in (self.digests, self.jars, self.metadata):
            for path in [path for path in (known if emptied else gone & known.keys()) if path in gone or not emptied.isdisjoint(_above(path))]:
                del known[path]

    def add_layer(self, stream: IO[bytes] | unpacking.LimitedStream, where: str, artifact: maven.Artifact | None = None) -> None:
        """Adds one layer's tar on top of the layers before it.

        Args:
            stream: the tar, uncompressed.
            where: the image, for errors.
            artifact: what the jars of the layer are; None if only they know.

        Raises:
            InputError: the tar is damaged, or a path in it contains '..'.
        """
        new = Contents()
        new._left = self._left
        gone: set[str] = set()
        emptied: set[str] = set()
        try:
            with tarfile.open(fileobj=stream, mode="r:") as tar:
                for member in tar:
                    path = clean_path(member.name, where)
                    folder, name = posixpath.split(path)
                    if name == _WHITEOUT * 2 + ".opq":
                        emptied.add(folder)
                        continue
                    if name.startswith(_WHITEOUT):
                        path = posixpath.join(folder, name.removeprefix(_WHITEOUT))
                    # A path of an upper layer replaces the lower one; only a folder keeps the content of a folder.
                    gone.add(path)
                    if not member.isdir():
                        emptied.add(path)
                    if name.startswith(_WHITEOUT):
                        continue
                    if member.issparse():
                        raise InputError(f"{where}: {path!r:.200} in a layer is a sparse file, which no image has; build it again")
                    if member.isreg():
                        new._read(path, tar.extractfile(member), member.size, where)
                    elif member.islnk():
                        new._link(path, clean_path(member.linkname, where), self)
        except (tarfile.TarError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise InputError(f"{where}: a layer is not a readable tar ({reason}); build it again") from None
        self._left = new._left
        self._remove(gone, emptied)
        self.digests.update(new.digests)
        self.jars.update((path, [artifact] if artifact else found) for path, found in new.jars.items())
        self.metadata.update(new.metadata)

    def _read(self, path: str, file: IO[bytes] | None, size: int, where: str) -> None:
        """Adds a regular file."""
        if file is None:
            return
        if size <= _LIMIT and _TELLING.match(path):
            self._left -= size
            if self._left < 0:
                raise InputError(
                    f"{where}: the files that describe packages have more than {_METADATA_TOTAL} bytes together; build it again without most of them"
                )
            data = file.read()
            self.metadata[path] = data
            self.digests[path] = hashlib.sha256(data).hexdigest()
        elif size <= _LARGEST_JAR and path.endswith(".jar"):
            data = file.read()
            self.digests[path] = hashlib.sha256(data).hexdigest()
            self.jars[path] = maven.in_jar(data)
        else:
            self.digests[path] = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # tarfile gives a BufferedReader

    def _link(self, path: str, target: str, below: Contents) -> None:
        """Adds a hard link to a file of the same layer or a lower one."""
        for known in (self.digests, below.digests):
            if target in known:
                self.digests[path] = known[target]
                return


def _above(path: str) -> Iterator[str]:
    """Yields the parent folders of a path; the root, '', is the last."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _component(kind: str, name: str, version: str, purl: str, licenses: Iterable[str], **more: Any) -> dict[str, Any]:
    """Returns a component of the bill of materials."""
    found: dict[str, Any] = {"type": kind, "bom-ref": purl, "name": name, "version": version, "purl": purl, **more}
    names = sorted(set(filter(None, licenses)))
    if names:
        found["licenses"] = [{"license": {"name": name}} for name in names]
    return found


def _quote(text: str) -> str:
    """Returns text escaped for a package URL."""
    return urllib.parse.quote(text, safe=".-_~")


def _debian(contents: Contents) -> tuple[list[dict[str, Any]], set[str]]:
    """Returns the Debian packages and their paths."""
    components: list[dict[str, Any]] = []
    owned: set[str] = set()
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)', contents.metadata.get(_RELEASE, b"").decode("utf-8", "replace"), re.MULTILINE))
    distribution = f"&distro={_quote(release['ID'] + '-' + release.get('VERSION_ID', ''))}" if "ID" in release else ""
    for path in sorted(contents.metadata):
        if path.endswith(".md5sums") and path.startswith("var/lib/dpkg/"):
            owned.update(line.partition("  ")[2] for line in contents.metadata[path].decode("utf-8", "replace").splitlines())
            owned.add(path)
        elif path.endswith(".list") and path.startswith("var/lib/dpkg/info/"):
            owned.update(line.lstrip("/") for line in contents.metadata[path].decode("utf-8", "replace").splitlines())
        elif _STATUS.match(path):
            owned.add(path)
            for paragraph in contents.metadata[path].decode("utf-8", "replace").split("\n\n"):
                fields = dict(re.findall(r"^(Package|Version|Architecture|Maintainer|Status): *(.+)$", paragraph, re.MULTILINE))
                if not {"Package", "Version"} <= fields.keys() or not fields.get("Status", "installed").endswith("installed"):
                    continue
                name, version = fields["Package"], fields["Version"]
                purl = f"pkg:deb/debian/{_quote(name)}@{_quote(version)}?arch={_quote(fields.get('Architecture', 'all'))}{distribution}"
                copyright_file = contents.metadata.get(f"usr/share/doc/{name}/copyright", b"").decode("utf-8", "replace")
                licenses = re.findall(r"^License: *([^\n]{1,100}?) *$", copyright_file, re.MULTILINE)
                more = {"supplier": {"name": fields["Maintainer"]}} if "Maintainer" in fields else {}
                components.append(_component("library", name, version, purl, licenses, **more))
                owned.add(f"usr/share/doc/{name}/copyright")
    return components, owned


def _python(contents: Contents, taken: set[str]) -> tuple[list[dict[str, Any]], set[str]]:
    """Returns the Python packages that are not Debian packages, and their paths."""
    components: list[dict[str, Any]] = []
    owned: set[str] = set()
    for path in sorted(contents.metadata):
        match = _METADATA.match(path)
        if not match or path in taken:
            continue
        fields = email.parser.Parser().parsestr(contents.metadata[path].decode("utf-8", "replace"), headersonly=True)
        name, version = fields.get("Name", ""), fields.get("Version", "")
        if not name or not version:
            continue
        licenses = [fields.get("License-Expression") or ""]
        if not licenses[0]:
            licenses = [value.rpartition(" :: ")[2] for value in fields.get_all("Classifier", []) if value.startswith("License :: ")]
        if not licenses and fields.get("License") and len(fields["License"]) < 100:
            licenses = [fields["License"]]
        purl = f"pkg:pypi/{_quote(re.sub(r'[-_.]+', '-', name).lower())}@{_quote(version)}"
        components.append(_component("library", name, version, purl, licenses))
        top, info = match[1], posixpath.dirname(path)
        owned.update(known for known in contents.digests if known.startswith(info + "/"))
        record = contents.metadata.get(f"{info}/RECORD", b"").decode("utf-8", "replace")
        for recorded in _recorded(record):
            file = posixpath.normpath(f"{top}/{recorded}")
            owned.add(file)
            folder, _, stem = file.rpartition("/")
            if stem.endswith(".py"):
                owned.add(f"{folder}/__pycache__/{stem[:-3]}.{sys.implementation.cache_tag}.pyc")
    return components, owned


def _recorded(record: str) -> Iterator[str]:
    """Yields the paths of a RECORD up to its first malformed line; the other files are listed one by one."""
    try:
        for row in csv.reader(record.splitlines()):
            if row:
                yield row[0]
    except csv.Error:
        return


def bill(image: image_files.ImageFiles, name: str) -> dict[str, Any]:
    """Returns the bill of materials of an image.

    Args:
        image: its files.
        name: its name in the bill of materials.

    Raises:
        InputError: a layer is damaged.
    """
    contents = Contents()
    config = oci.load(image.blobs[image.parts[0]["digest"]][1].read_bytes(), name)
    layers = image.parts[1:]
    for part, artifact in zip(layers, maven.of_layers(config, len(layers)), strict=True):
        with layer_tars.open_layer(image.blobs[part["digest"]][1], oci.layer_descriptor(part)["mediaType"], name) as stream:
            contents.add_layer(stream, name, artifact)
    debian, by_debian = _debian(contents)
    python, by_python = _python(contents, by_debian)
    java = [_component("library", found.name, found.version, found.purl, [], group=found.group) for jar in contents.jars.values() for found in jar]
    files = [
        {"type": "file", "bom-ref": f"file:/{path}", "name": f"/{path}", "hashes": [{"alg": "SHA-256", "content": digest}]}
        for path, digest in sorted(contents.digests.items())
        if path not in by_debian and path not in by_python and not contents.jars.get(path)
    ]
    unique = {component["bom-ref"]: component for component in [*debian, *python, *java, *files]}
    subject = f"pkg:oci/{_quote(name.rpartition('/')[2].partition(':')[0])}@{_quote(image.digest)}"
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "bom-ref": subject, "name": name, "version": image.digest, "purl": subject}},
        "components": [unique[reference] for reference in sorted(unique)],
        "dependencies": [{"ref": subject, "dependsOn": sorted(unique)}],
    }


def main(argv: Sequence[str]) -> int:
    """Writes the bill as the arguments say (see the module's text)."""
    parser = argparse.ArgumentParser(prog="sbom", allow_abbrev=False)
    parser.add_argument("--image", nargs=3, required=True)
    parser.add_argument("--layer", action="append", default=[])
    parser.add_argument("--output", required=True)
    options = parser.parse_args(read_arguments(argv))
    name, manifest, config = options.image
    data = oci.dump(bill(image_files.read(manifest, config, options.layer), name))
    with writing("", options.output):
        Path(options.output).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
