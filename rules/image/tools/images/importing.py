"""Reads prebuilt images, OCI layouts (folder or tar) and `docker save` tars, and writes them in the form of the image rules.

As a program, run by container_load and by rules whose image attribute has files:

    importing --where NAME [--architecture A] [--os O] --manifest OUT --config OUT --digest OUT --layers OUT_DIR FILE…

FILE is a tar, a folder, or the files of one folder. Nothing is unpacked to a path that the archive names: files are
found by a digest in verified data, read up to the size there, and used only if both match.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import tarfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from rules.common import unpacking
from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import InputError, check_written, run, writing
from rules.image.tools.oci import oci
from rules.image.tools.oci.image_files import PLATFORMS, blob_path

_BLOCK = 1 << 20
_LINKS = 8  # docker's archives link equal layers to each other; a longer chain is a loop
_MAGIC = {b"\x1f\x8b": oci.LAYER_GZIP, b"\x28\xb5\x2f\xfd": oci.LAYER_ZSTD}


class ImportedImage(NamedTuple):
    """One image, read and checked, without the content of its layers.

    Attributes:
        manifest: the manifest's bytes.
        config: the config's bytes.
        layers: descriptors with diff_id, base first.
    """

    manifest: bytes
    config: bytes
    layers: list[dict[str, Any]]


class Source(Protocol):
    """The files of an image, by their path in a layout."""

    name: str

    def open(self, path: str) -> IO[bytes] | None:
        """Returns a file opened for reading bytes; None if it does not exist."""


class FolderSource:
    """A layout in a folder, or in the files of one folder.

    Args:
        name: its name in errors.
        paths: the folder, or its files.
    """

    def __init__(self, name: str, paths: Sequence[Path]) -> None:
        self.name = name
        if len(paths) == 1 and paths[0].is_dir():
            self._files = {os.path.relpath(path, paths[0]): path for path in paths[0].rglob("*")}
        else:
            tops = [path.parent for path in paths if path.name == "index.json"]
            if len(tops) != 1:
                raise InputError(f"{name}: found {len(paths)} files, {len(tops)} of them named index.json; give one OCI layout, its folder or its tar")
            self._files = {os.path.relpath(path, tops[0]): path for path in paths}

    def open(self, path: str) -> IO[bytes] | None:
        """Returns a file opened for reading bytes; None if it does not exist."""
        found = self._files.get(path)
        return open(found, "rb") if found is not None and found.is_file() else None


class TarSource:
    """A layout or docker archive in a tar, compressed or not.

    Args:
        name: its name in errors.
        path: the tar.

    Raises:
        InputError: it is not a readable tar.
    """

    def __init__(self, name: str, path: Path) -> None:
        self.name = name
        with _readable(name):
            file = open(path, "rb")  # noqa: SIM115  # stays open while the tar is read, which is until the process ends
            self._tar = tarfile.open(fileobj=unpacking.open_decompressed(file, name), mode="r:")  # noqa: SIM115  # stays open, too
            self._members = {os.path.normpath(member.name): member for member in self._tar}

    def open(self, path: str) -> IO[bytes] | None:
        """Returns a file opened for reading bytes, None if it does not exist; follows links inside the tar."""
        with _readable(self.name):
            for _ in range(_LINKS):
                member = self._members.get(path)
                if member is not None and member.issparse():
                    raise InputError(f"{self.name}: {path!r:.200} is a sparse file, which no image has; build or fetch it again")
                if member is None or member.isreg():
                    return self._tar.extractfile(member) if member else None
                if not member.issym() and not member.islnk():
                    return None
                near = os.path.dirname(path) if member.issym() else ""
                path = os.path.normpath(os.path.join(near, member.linkname))
        return None


class _readable:  # noqa: N801  # used as a function is, like contextlib.suppress
    """Context manager that turns errors of tar and decompression into one that names the archive."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        broken = isinstance(error, (tarfile.TarError, EOFError, ValueError)) or type(error).__name__ in ("LZMAError", "BadGzipFile", "error")
        if broken or (isinstance(error, OSError) and error.errno is None):
            reason = str(error).partition(":")[0].partition("\n")[0] or "cut short"
            raise InputError(f"{self._name} is not a readable tar ({reason}); fetch or build it again") from None


def open_source(name: str, paths: Sequence[Path]) -> Source:
    """Returns the source for paths: one tar, one folder, or the files of a folder."""
    if len(paths) == 1 and paths[0].is_file():
        return TarSource(name, paths[0])
    return FolderSource(name, paths)


def read_small(source: Source, path: str, limit: int = oci.MAX_JSON) -> bytes | None:
    """Returns a small file's bytes, None if it does not exist; raises InputError if it is larger than limit."""
    file = source.open(path)
    if file is None:
        return None
    with file, _readable(source.name):
        data = file.read(limit + 1)
    if len(data) > limit:
        raise InputError(f"{source.name}: {path} has more than {limit} bytes, too many for an image's metadata; build it again")
    return data


def metadata(source: Source, descriptor: Mapping[str, Any]) -> bytes:
    """Returns the verified metadata blob of a descriptor."""
    digest = oci.check_digest(descriptor.get("digest"), f"{source.name}: digest")
    data = read_small(source, blob_path(digest))
    if data is None:
        raise InputError(f"{source.name}: {blob_path(digest)} is referenced but missing; build or fetch it again")
    if oci.sha256(data) != digest:
        raise InputError(f"{source.name}: {blob_path(digest)} has the digest {oci.sha256(data)}; it is damaged, build or fetch it again")
    return data


def choose(index: Mapping[str, Any], architecture: str, system: str, where: str, variant: str = "") -> dict[str, Any]:
    """Returns an index's descriptor for a platform.

    Args:
        index: image index or docker manifest list.
        architecture: in OCI's words; empty takes the only image, or amd64's of several, because the result must not
            depend on the building machine.
        system: operating system; empty: linux.
        where: the index, for errors.
        variant: of the architecture, such as v7; empty: any, the newest of several.

    Raises:
        InputError: there is none, or the index is malformed.
    """
    known = images_of(index, where)
    if len(known) == 1 and (not architecture or not known[0][0]):
        return known[0][1]
    wanted = [system or "linux", architecture or "amd64"] + [variant] * bool(variant)
    fitting = [(name, entry) for name, entry in known if name.split("/")[: len(wanted)] == wanted]
    if not fitting:
        known_platforms = ", ".join(sorted({name or "one without platform" for name, _ in known})) or "nothing"
        raise InputError(f"{where} has no image for {'/'.join(wanted)}, only for {known_platforms:.500}; set architecture and os to one of them")
    check_distinct(fitting, where)
    return max(fitting, key=lambda item: item[0])[1]


def images_of(index: Mapping[str, Any], where: str) -> list[tuple[str, dict[str, Any]]]:
    """Returns (platform, descriptor) of each image of an index, once; a platform is `OS/ARCHITECTURE[/VARIANT][/VERSION]`, or empty.

    Raises:
        InputError: the index is malformed.
    """
    entries = index.get("manifests")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(f"{where}: an index without a list of manifests; build or fetch it again")
    known: dict[str, tuple[str, dict[str, Any]]] = {}
    for entry in entries:
        platform = entry.get("platform") or {}
        if not isinstance(platform, dict) or platform.get("architecture") == "unknown":
            continue  # attestations are listed beside their images
        names = [str(platform.get(key) or "") for key in ("os", "architecture", "variant", "os.version")]
        known.setdefault(str(entry.get("digest")), ("/".join(filter(None, names)), entry))  # an image may have several names
    return list(known.values())


def check_distinct(known: Sequence[tuple[str, Mapping[str, Any]]], where: str) -> None:
    """Raises InputError if two images of images_of are for one platform."""
    first: dict[str, object] = {}
    for name, entry in known:
        if name in first:
            raise InputError(
                f"{where}: two images for {name or 'no platform'}, {first[name]!s:.80} and {entry.get('digest')!s:.80}; "
                "take one by its digest, or give a layout with one of them"
            )
        first[name] = entry.get("digest")


def resolve(
    get: Callable[[Mapping[str, Any]], bytes], data: bytes, architecture: str, system: str, where: str, variant: str = "", passed: list[str] | None = None
) -> tuple[bytes, dict[str, Any]]:
    """Follows indexes down to an image manifest.

    Args:
        get: returns the verified bytes for a descriptor.
        data: a manifest's or index's bytes.
        architecture: see choose, as system and variant.
        system: operating system.
        where: the image, for errors.
        variant: of the architecture.
        passed: a list for the platforms of a multi-platform index.

    Returns:
        The manifest's bytes, and the parsed manifest.
    """
    for _ in range(4):
        parsed = oci.load(data, where)
        if "manifests" not in parsed and parsed.get("mediaType") not in oci.INDEXES:
            return data, oci.check_manifest(data, where)
        if passed is not None and len(known := images_of(parsed, where)) > 1:
            passed += [name for name, _ in known]
        data = get(choose(parsed, architecture, system, where, variant))
    raise InputError(f"{where}: indexes are nested more than four deep; name an image in it by its digest")


def describe(manifest: Mapping[str, Any], config: bytes, where: str) -> list[dict[str, Any]]:
    """Returns the layers' descriptors with their diff_ids, as the layer tool writes them.

    Raises:
        InputError: manifest and config do not match.
    """
    diff_ids = oci.check_config(config, where)["rootfs"]["diff_ids"]
    if len(diff_ids) != len(manifest["layers"]):
        raise InputError(f"{where}: {len(manifest['layers'])} layers in its manifest and {len(diff_ids)} in its config; build it again")
    return [{**oci.layer_descriptor(layer), "diff_id": diff_id, "created_by": where} for layer, diff_id in zip(manifest["layers"], diff_ids, strict=False)]


def copy_blob(file: IO[bytes], size: int, digest: str, out: Path, where: str) -> None:
    """Copies and verifies a blob; removes the copy of a wrong one.

    Raises:
        InputError: the blob has another size or digest.
    """
    hasher, count = hashlib.sha256(), 0
    try:
        with writing(where, out), open(out, "wb") as target, _readable(where):
            while data := file.read(_BLOCK):
                count += len(data)
                if count > size:
                    break
                hasher.update(data)
                target.write(data)
        found = "sha256:" + hasher.hexdigest()
        if count != size:
            raise InputError(
                f"{where}: {digest} has {'more than ' * (count > size)}{min(count, size)} bytes, {size} are expected; it is damaged, build or fetch it again"
            )
        if found != digest:
            raise InputError(f"{where}: {digest} has the digest {found}; it is damaged, build or fetch it again")
        check_written(out, size)
    except BaseException:
        out.unlink(missing_ok=True)
        raise


def _import_layout(source: Source, architecture: str, system: str, layers: Path) -> ImportedImage:
    """Reads an OCI layout and copies its layers."""
    from rules.image.tools.oci import layer_tars

    where = source.name
    data = read_small(source, "index.json") or b""
    several: list[str] = []
    manifest, parsed = resolve(lambda descriptor: metadata(source, descriptor), data, architecture, system, where, passed=several)
    config = metadata(source, parsed["config"])
    stored = ImportedImage(manifest, config, describe(parsed, config, where))
    for number, layer in enumerate(stored.layers):
        file = source.open(blob_path(layer["digest"]))
        if file is None:
            raise InputError(f"{where}: {blob_path(layer['digest'])} is referenced but missing; build or fetch it again")
        with file:
            copy_blob(file, layer["size"], layer["digest"], layers / str(number), where)
        plain = layer_tars.diff_id(layers / str(number), layer["mediaType"], where)
        if plain != layer["diff_id"]:
            raise InputError(
                f"{where}: the layer {layer['digest']} unpacks to {plain}, but its config says {layer['diff_id']}; it is damaged, build or fetch it again"
            )
    if several and not architecture:
        Path(layers, PLATFORMS).write_bytes(oci.dump({"manifest": oci.sha256(manifest), "platforms": several}))
    return stored


def _import_docker(source: Source, listed: bytes, layers: Path) -> ImportedImage:
    """Reads a `docker save` archive, which names layers by path; returns the manifest that it lacks."""
    from rules.image.tools.oci import layer_tars

    where = source.name
    images = oci.load(b'{"images":' + listed + b"}", f"{where}: manifest.json")["images"]
    if not isinstance(images, list) or len(images) != 1 or not isinstance(images[0], dict):
        count = len(images) if isinstance(images, list) else 0
        raise InputError(f"{where}: manifest.json lists {count} images; save one image alone, docker save NAME")
    config = read_small(source, os.path.normpath(str(images[0].get("Config"))))
    paths = images[0].get("Layers")
    if config is None or not isinstance(paths, list):
        raise InputError(f"{where}: manifest.json names no config, or layers that are missing; save the image again")
    diff_ids = oci.check_config(config, where)["rootfs"]["diff_ids"]
    if len(diff_ids) != len(paths):
        raise InputError(f"{where}: {len(paths)} layers in manifest.json and {len(diff_ids)} in the config; save the image again")
    descriptors, left = [], unpacking.TOTAL
    for number, (path, diff_id) in enumerate(zip(paths, diff_ids, strict=False)):
        file = source.open(os.path.normpath(str(path)))
        if file is None:
            raise InputError(f"{where}: the layer {str(path)!r:.200} is referenced but missing; save the image again")
        out = layers / str(number)
        with file, writing(where, out), open(out, "wb") as target, _readable(where):
            while data := file.read(_BLOCK):
                left -= len(data)
                if left < 0:  # not limited by the archive's size: many layers may name one file
                    raise InputError(f"{where}: layers of more than {unpacking.TOTAL} bytes together; save the image again")
                target.write(data)
        with open(out, "rb") as blob:
            digest = "sha256:" + hashlib.file_digest(blob, "sha256").hexdigest()
            blob.seek(0)
            start = blob.read(4)
        kind = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), oci.LAYER_TAR)
        plain = digest if kind == oci.LAYER_TAR else layer_tars.diff_id(out, kind, where)
        if plain != diff_id:
            raise InputError(f"{where}: the layer {str(path)!r:.200} is {plain}, but its config says {diff_id}; it is damaged, save the image again")
        descriptors.append({"mediaType": kind, "digest": digest, "size": out.stat().st_size, "diff_id": diff_id, "created_by": where})
    return ImportedImage(oci.dump(oci.build_manifest(config, descriptors)), config, descriptors)


def read(source: Source, layers: Path, *, architecture: str = "", system: str = "") -> ImportedImage:
    """Reads one image and writes its layers.

    Args:
        source: the archive or folder.
        layers: folder to write `N` and `N.json` for each layer to, numbered from 0.
        architecture: see choose, as system.
        system: operating system.

    Returns:
        The image, with the archive's own manifest and digest if it has a manifest.

    Raises:
        InputError: it is not an image, is damaged, or is for another platform.
    """
    if source.open("index.json") is not None:
        stored = _import_layout(source, architecture, system, layers)
    elif (listed := read_small(source, "manifest.json")) is not None:
        stored = _import_docker(source, listed, layers)
    else:
        raise InputError(f"{source.name}: neither index.json nor manifest.json in it, so it is not an image; give an OCI layout or what docker save wrote")
    oci.check_platform(stored.config, architecture, system, source.name)
    for number, layer in enumerate(stored.layers):
        Path(layers, f"{number}.json").write_bytes(oci.dump(layer))
    return stored


def main(argv: Sequence[str]) -> int:
    """Writes the image's files as the arguments say (see the module's text)."""
    parser = argparse.ArgumentParser(prog="importing", allow_abbrev=False)
    for option in ("where", "manifest", "config", "digest", "layers"):
        parser.add_argument(f"--{option}", required=True)
    for option in ("architecture", "os"):
        parser.add_argument(f"--{option}", default="")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    options = parser.parse_args(read_arguments(argv))
    layers = Path(options.layers)
    layers.mkdir(parents=True, exist_ok=True)
    source = open_source(options.where, options.files)
    stored = read(source, layers, architecture=options.architecture, system=options.os)
    for path, data in ((options.manifest, stored.manifest), (options.config, stored.config), (options.digest, oci.sha256(stored.manifest).encode())):
        with writing(options.where, path):
            Path(path).write_bytes(data)
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
