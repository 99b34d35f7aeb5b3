"""The libraries and links of an image, as the dynamic linker would find them."""

from __future__ import annotations

import dataclasses
import posixpath
from collections.abc import Mapping
from typing import Any, NamedTuple

from rules.image.tools.layers.debs import merged
from rules.image.tools.linking.elf import Elf

__all__ = ["FileSystem", "Library"]

_MOST_LINKS = 40  # as Linux has it (path_resolution(7))


class Library(NamedTuple):
    """A library of an image.

    Attributes:
        elf: what the dynamic linker reads of it.
        sha256: sha256 of the file; "" for one of the base, which is never compared.
        package: the .deb file that has it; "" for one of the base.
    """

    elf: Elf
    sha256: str
    package: str


@dataclasses.dataclass
class FileSystem:
    """Libraries and links by path, relative to the root and usr-merged.

    Attributes:
        libraries: path → library.
        links: path → where the symbolic link there points.
        owners: path of a link → the .deb file that has it.
    """

    libraries: dict[str, Library] = dataclasses.field(default_factory=dict)
    links: dict[str, str] = dataclasses.field(default_factory=dict)
    owners: dict[str, str] = dataclasses.field(default_factory=dict)

    def remove(self, path: str) -> None:
        """Removes what an upper layer deletes or replaces."""
        self.libraries.pop(path, None)
        self.links.pop(path, None)

    def find(self, path: str) -> tuple[Library, set[str]] | None:
        """Returns the library at a path, and the packages with the links on the way to it; None if there is none.

        Args:
            path: an absolute path, which may lead over links to files.
        """
        owners: set[str] = set()
        place = merged(posixpath.normpath(path).lstrip("/"))
        for _ in range(_MOST_LINKS):
            if place in self.libraries:
                return self.libraries[place], owners - {""}
            target = self.links.get(place)
            if target is None:
                return None
            owners.add(self.owners.get(place, ""))
            place = merged(posixpath.normpath(posixpath.join("/", posixpath.dirname(place), target)).lstrip("/"))
        return None

    def to_json(self) -> dict[str, Any]:
        """Returns the file system as JSON values."""
        return {
            "libraries": {path: [list(library.elf), library.sha256, library.package] for path, library in sorted(self.libraries.items())},
            "links": dict(sorted(self.links.items())),
            "owners": dict(sorted(self.owners.items())),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> FileSystem:
        """Returns the file system that to_json wrote."""
        libraries = {}
        for path, (elf, sha256, package) in values["libraries"].items():
            architecture, interpreter, soname, needed, rpath, runpath = elf
            libraries[path] = Library(Elf(architecture, interpreter, soname, tuple(needed), rpath, runpath), sha256, package)
        return cls(libraries, dict(values["links"]), dict(values["owners"]))
