"""The folders and links of the layers below a new one, so that it replaces none of them by accident.

A layer's entry for a folder replaces what the layers below have at its path: the folder's mode and owner, or a link. That is
meant for folders that someone asks for, but not for the parents of a file or the folders that a tar happens to have.

    lower --where=LABEL --output=FILE [--base=FILE | --image NAME MANIFEST CONFIG [--layer FILE]…] [--upper BLOB DESCRIPTOR]…
          [--own BLOB DESCRIPTOR]…

writes the folders and links of a base, which this program listed before, or of an image, then of the upper layers and of the
image's own, lowest first. It fails if an upper layer replaces a folder or link; own layers were made to fit, or may replace them.
"""

from __future__ import annotations

import argparse
import posixpath
import sys
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

from rules.common import worker
from rules.common.unpacking import LimitedStream
from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import InputError, run, writing
from rules.image.tools.layers.entries import DIRECTORY, OPAQUE, WHITEOUT, Entry, Tree, clean_path, is_whiteout, read_xattrs
from rules.image.tools.oci import image_files, layer_tars, oci

__all__ = ["LowerLayers", "fit", "main"]

_LINKS = 40  # as Linux follows, before it reports a loop


class LowerLayers:
    """The folders and links of an image.

    Attributes:
        folders: each folder, by path relative to the root.
        links: the target of each symbolic link, by path.

    Args:
        folders: as the attribute.
        links: as the attribute.
    """

    def __init__(self, folders: Mapping[str, Entry] | None = None, links: Mapping[str, str] | None = None) -> None:
        self.folders = dict(folders or {})
        self.links = dict(links or {})

    @classmethod
    def read(cls, path: str) -> LowerLayers:
        """Returns what write() wrote to a file."""
        data = oci.load(Path(path).read_bytes(), path)
        folders = {}
        for name, (mode, uid, gid, xattrs) in data["folders"].items():
            folders[name] = Entry(DIRECTORY, mode, uid, gid, xattrs=tuple((key, value.encode("latin-1")) for key, value in xattrs.items()))
        return cls(folders, data["links"])

    def write(self, where: str, path: str) -> None:
        """Writes the folders and links to a file, as JSON."""
        folders = {}
        for name, entry in self.folders.items():
            folders[name] = [entry.mode, entry.uid, entry.gid, {key: value.decode("latin-1") for key, value in entry.xattrs}]
        with writing(where, path):
            Path(path).write_bytes(oci.dump({"folders": folders, "links": self.links}))

    def remove(self, path: str) -> None:
        """Removes what is at a path and below it."""
        self.links.pop(path, None)
        if self.folders.pop(path, None):
            self.clear(path)

    def clear(self, path: str) -> None:
        """Removes what is below a folder."""
        inside = f"{path}/" if path else ""
        for known in (self.folders, self.links):
            for name in [name for name in known if name.startswith(inside)]:
                del known[name]

    def add(self, stream: IO[bytes] | LimitedStream, where: str, *, upper: Collection[str] | None = None) -> None:
        """Adds a layer's tar.

        Args:
            stream: the tar, uncompressed.
            where: the layer, for errors.
            upper: the folders that the layer may replace. None: it may replace everything.

        Raises:
            InputError: the tar is damaged, or replaces a folder or link that it may not.
        """
        try:
            with tarfile.open(fileobj=stream, mode="r:") as tar:
                members = list(tar)
        except (tarfile.TarError, ValueError) as error:
            raise InputError(f"{where}: a layer is not a readable tar ({str(error).partition(chr(10))[0]}); build it again") from None
        named = [(clean_path(member.name, where), member) for member in members]
        for path, _ in named:  # a layer's whiteouts act on the layers below it, wherever they stand in the tar
            self.delete(path)
        if upper is not None:
            for path, member in named:
                self._check(path, member, upper, where)
        for path, member in named:
            if path and not posixpath.basename(path).startswith(WHITEOUT):
                self._put(path, member)

    def _put(self, path: str, member: tarfile.TarInfo) -> None:
        """Adds one entry, and its parents as container runtimes create them if no entry has them."""
        for parent in _parents(path):
            if parent not in self.links:
                self.folders.setdefault(parent, Entry(DIRECTORY, 0o755))
        if member.isdir():
            self.links.pop(path, None)
            self.folders[path] = _folder(member)
            return
        linked = self.links.get(posixpath.normpath(member.linkname).lstrip("/")) if member.islnk() else None
        self.remove(path)
        if member.issym() or linked is not None:
            self.links[path] = member.linkname if linked is None else linked

    def delete(self, path: str) -> None:
        """Applies an entry that deletes something."""
        folder, name = posixpath.split(path)
        if name == OPAQUE:
            self.clear(folder)
        elif name.startswith(WHITEOUT):
            self.remove(posixpath.join(folder, name.removeprefix(WHITEOUT)))

    def _check(self, path: str, member: tarfile.TarInfo, upper: Collection[str], where: str) -> None:
        """Raises InputError if an entry replaces a folder or link."""
        for folder in [*_parents(path), *([path] if member.isdir() else [])]:
            if folder in self.links:
                raise InputError(
                    f"{where}: the folder /{folder} would replace a link to {self.links[folder]} in the layers below. "
                    f"Use the path /{self.resolve(path, follow=member.isdir(), where=where)}."
                )
        new, old = _folder(member), self.folders.get(path)
        if member.isdir() and old is not None and old != new and path not in upper:
            raise InputError(
                f"{where}: the folder /{path} would get {_rights(new)}, but the layers below have it with {_rights(old)}. "
                "Add the content to the container_image itself, which keeps them, or name the folder in empty_dirs."
            )

    def resolve(self, path: str, *, follow: bool, where: str, own: Mapping[str, Entry] | None = None) -> str:
        """Returns the path where an entry ends up if links among its parents are followed.

        Args:
            path: relative to the root.
            follow: whether to follow a link at the path itself.
            where: the layer, for errors.
            own: the entries of the layer; its files and links are not followed.

        Raises:
            InputError: the links are a loop.
        """
        todo, place, count = path.split("/")[::-1], "", 0
        while todo:
            part = todo.pop()
            if part in ("", "."):
                continue
            if part == "..":
                place = posixpath.dirname(place)
                continue
            here = posixpath.join(place, part)
            link = self.links.get(here)
            mine = (own or {}).get(here)
            if link is None or not (todo or follow) or (mine and mine.kind != DIRECTORY):
                place = here
                continue
            count += 1
            if count > _LINKS:
                raise InputError(f"{where}: /{path} is below a loop of links in the layers below, at /{here}. Choose another path.")
            todo += link.split("/")[::-1]
            place = "" if link.startswith("/") else place
        return place


def _folder(member: tarfile.TarInfo) -> Entry:
    """Returns the entry of a folder."""
    return Entry(DIRECTORY, member.mode & 0o7777, member.uid, member.gid, xattrs=read_xattrs(member.pax_headers))


def _rights(folder: Entry) -> str:
    """Returns a folder's mode, owner and extended attributes, for errors."""
    return ", ".join([f"mode {folder.mode:04o}", *(name for name, _ in folder.xattrs)]) + f" and owner {folder.uid}:{folder.gid}"


def _parents(path: str) -> Iterator[str]:
    """Yields the folders above a path, the nearest first, without the root."""
    while path := posixpath.dirname(path):
        yield path


def fit(tree: Tree, lower: LowerLayers, beside: Iterable[str] = ()) -> Tree:
    """Returns a tree's entries as they must be in a layer on top of others.

    Entries below a link of the lower layers go where the link leads. Folders that the lower layers have keep their mode, owner
    and extended attributes, unless the tree asks for another; they are repeated, because not every container runtime copies them from the layers below.

    Args:
        tree: the tree.
        lower: the layers below it; whiteouts of the tree are applied to it.
        beside: folders of layers between these and the tree, which many images share and which therefore have no base to fit. The
            tree repeats what the lower layers have at, above and below these folders.

    Raises:
        InputError: two entries end up at one path, or a folder of `beside` would replace a link.
    """
    kept = [folder for path in beside for folder in _at(clean_path(path, tree.where), lower, tree.where)]
    for path in sorted(filter(is_whiteout, tree.entries), key=lambda path: path.count("/")):
        lower.delete(lower.resolve(path, follow=False, where=tree.where, own=tree.entries))
    fitted = Tree(tree.where)
    fitted.store = tree.store
    fitted.explicit = {lower.resolve(path, follow=True, where=tree.where, own=tree.entries) for path in tree.explicit}
    for path, entry in sorted(tree.entries.items(), key=lambda item: item[0] in tree.explicit):
        place = lower.resolve(path, follow=entry.kind == DIRECTORY, where=tree.where, own=tree.entries)
        if is_whiteout(place) and posixpath.dirname(place) not in ("", *lower.folders):
            continue  # there is nothing to delete, and some runtimes would show a name without a file
        keep = entry.kind == DIRECTORY and place in lower.folders and path not in tree.explicit
        fitted.add(place, lower.folders[place] if keep else entry, whiteouts=True)
    for path in list(fitted.entries):
        for parent in _parents(path):
            if parent in lower.folders and parent not in fitted.entries:
                fitted.entries[parent] = lower.folders[parent]
    for folder in kept:
        fitted.entries.setdefault(folder, lower.folders[folder])
    return fitted


def _at(path: str, lower: LowerLayers, where: str) -> list[str]:
    """Returns the folders of lower layers at, above and below a folder of another layer; raises InputError if a link is among them."""
    line = {path, *_parents(path)}
    for link, target in lower.links.items():
        if link in line or link.startswith(f"{path}/"):
            raise InputError(
                f"{where}: the base has a link from /{link} to {target}, and third-party packages have a layer with the folder /{path}, which would "
                "replace it. Use a base without this link."
            )
    return [folder for folder in lower.folders if folder in line or folder.startswith(f"{path}/")]


def _read_image(lower: LowerLayers, image: image_files.ImageFiles, where: str) -> None:
    """Adds the layers of an image."""
    for part in image.parts[1:]:
        with layer_tars.open_layer(image.blobs[part["digest"]][1], oci.layer_descriptor(part)["mediaType"], where) as stream:
            lower.add(stream, where)


def _read_layers(lower: LowerLayers, layers: Iterable[Sequence[str]], *, checked: bool) -> None:
    """Adds layers on top of an image; if they are checked, they may only replace the folders that their descriptors name."""
    for blob, file in layers:
        descriptor: dict[str, Any] = oci.check_descriptor(oci.load(Path(file).read_bytes(), file), oci.LAYERS, file)
        where = str(descriptor.get("created_by"))
        with layer_tars.open_layer(Path(blob), descriptor["mediaType"], where) as stream:
            lower.add(stream, where, upper=frozenset(descriptor.get("folders") or ()) if checked else None)


def main(argv: Sequence[str]) -> int:
    """Writes the folders and links as the arguments say (see the module's text)."""
    parser = argparse.ArgumentParser(prog="lower", allow_abbrev=False)
    parser.add_argument("--where", required=True)
    parser.add_argument("--output", required=True)
    parser.add_argument("--base")
    parser.add_argument("--image", nargs=3)
    parser.add_argument("--layer", action="append", default=[])
    parser.add_argument("--upper", nargs=2, action="append", default=[])
    parser.add_argument("--own", nargs=2, action="append", default=[])
    options = parser.parse_args(read_arguments(argv))
    lower = LowerLayers.read(options.base) if options.base else LowerLayers()
    if options.image:
        _, manifest, config = options.image
        _read_image(lower, image_files.read(manifest, config, options.layer), options.where)
    _read_layers(lower, options.upper, checked=True)
    _read_layers(lower, options.own, checked=False)
    lower.write(options.where, options.output)
    return 0


if __name__ == "__main__":
    sys.exit(worker.start(partial(run, main), sys.argv[1:], "image"))
