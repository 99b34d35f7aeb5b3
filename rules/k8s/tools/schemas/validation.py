"""Checks objects against the schemas of the Kubernetes versions that a repository names, before they leave the build."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import Object, identity
from rules.k8s.tools.schemas.mistakes import MOST_MISTAKES, Checker, Mistake
from rules.k8s.tools.schemas.published import Published, Variant, spell

_LOADED: dict[tuple[tuple[str, int, int], ...], Validation] = {}


class Validation:
    """The compiled schemas of some versions; compiling is done once for each kind."""

    def __init__(self, published: Published) -> None:
        """Args: published: the schemas."""
        self._published = published
        self._checkers: dict[int, Checker] = {}

    @classmethod
    def read(cls, paths: Sequence[str]) -> Validation:
        """Returns the schemas in files of schemas_tool.py; a worker that is asked again for the same files has them already."""
        key = tuple((path, (stat := Path(path).stat()).st_mtime_ns, stat.st_size) for path in paths)
        if key not in _LOADED:
            _LOADED.clear()
            _LOADED[key] = cls(Published.read(paths))
        return _LOADED[key]

    def check(self, objects: Iterable[Object], where: str, sources: Mapping[str, str]) -> list[str]:
        """Checks objects of kinds that Kubernetes itself serves.

        Args:
            objects: as the manifests have them.
            where: the target and its file, for errors.
            sources: {path: text} of the files that people wrote, to name the line of a wrong field.

        Returns:
            notes, about deprecated APIs.

        Raises:
            TurnupError: a version does not serve a kind, or an object does not have the form that it should have.
        """
        notes: dict[str, None] = {}
        wrong: list[str] = []
        for obj in objects:
            wrong += self._wrong(obj, sources)
            deprecated = self._published.deprecated(obj["apiVersion"], obj["kind"])
            if deprecated:
                notes[f"NOTE: {where}: {identity(obj)}: {deprecated}."] = None
        if wrong:
            more = len(wrong) - MOST_MISTAKES
            lines = [*wrong[:MOST_MISTAKES], *([f"{more} more mistakes like these"] if more > 0 else [])]
            raise TurnupError(f"{where}: {lines[0]}." if len(lines) == 1 else "\n  ".join([f"{where}: the schemas refuse it:", *lines]))
        return list(notes)

    def _wrong(self, obj: Object, sources: Mapping[str, str]) -> list[str]:
        """Returns what is wrong in one object."""
        api_version, kind = obj["apiVersion"], obj["kind"]
        if not self._published.is_built_in(api_version):
            return []
        absent = self._published.not_served(api_version, kind)
        if absent:
            return [f"{identity(obj)}: {absent}"]
        found: dict[Mistake, list[str]] = {}
        for variant in self._published.variants(api_version, kind):
            for mistake in self._checker(variant).mistakes(obj, secret=kind == "Secret"):
                found.setdefault(mistake, []).extend(variant.versions)
        return [f"{identity(obj)}: {mistake.path}: {self._sentence(mistake, seen)}{_line(mistake, sources)}" for mistake, seen in found.items()]

    def _sentence(self, mistake: Mistake, versions: list[str]) -> str:
        """Returns what is wrong, with the versions that say so unless all do."""
        if mistake.unknown:
            return f"unknown field in Kubernetes {spell(versions)}; {mistake.text}"
        return mistake.text if versions == self._published.versions else f"in Kubernetes {spell(versions)}: {mistake.text}"

    def _checker(self, variant: Variant) -> Checker:
        key = id(variant)
        if key not in self._checkers:
            self._checkers[key] = Checker(variant.schema)
        return self._checkers[key]


def _line(mistake: Mistake, sources: Mapping[str, str]) -> str:
    """Returns the place in a source where a field is written, if there is one place; empty otherwise."""
    name = re.escape(mistake.field)
    pattern = re.compile(rf"""^[^#\n]*?(?<![\w.-])["']?{name}["']?\s*\+?:""", re.MULTILINE)
    places = [f"{path}:{text.count(chr(10), 0, match.start()) + 1}" for path, text in sources.items() for match in pattern.finditer(text)] if name else []
    return f" ({places[0]})" if len(places) == 1 else ""


def check_definition(obj: Object, where: str) -> None:
    """Checks that a CustomResourceDefinition says what its objects look like.

    Raises:
        TurnupError: a version of it has no schema.
    """
    for version in (obj.get("spec") or {}).get("versions") or []:
        if not (version.get("schema") or {}).get("openAPIV3Schema"):
            raise TurnupError(
                f"{where}: {identity(obj)}: version {version.get('name')} has no schema.openAPIV3Schema; write what its objects have, or "
                "{type: object, x-kubernetes-preserve-unknown-fields: true}"
            )
