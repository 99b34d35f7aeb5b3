"""The schemas of several minor versions of Kubernetes, and what they know of kinds: served, gone, or not yet there."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rules.k8s.tools.schemas.schemas_tool import minor

Schema = dict[str, Any]

_REF = "#/$defs/"


class Variant:
    """The schema of a kind in those versions in which it is the same.

    Attributes:
        versions: the minor versions.
        schema: a JSON schema (2020-12) with all that it refers to in `$defs`.
    """

    def __init__(self, versions: list[str], root: str, definitions: Mapping[str, Schema]) -> None:
        """Args: versions; root: the name of the kind's definition; definitions: all that root reaches."""
        self.versions = versions
        self.schema: Schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": _REF + root, "$defs": dict(definitions)}


class Published:
    """What Kubernetes' own schemas say, in several minor versions."""

    def __init__(self, documents: Sequence[Mapping[str, Any]]) -> None:
        """Keeps the documents that schemas_tool.py wrote.

        Args:
            documents: one for each minor version, oldest first.
        """
        self._documents = documents
        self.versions: list[str] = [document["version"] for document in documents]
        self._lifecycles: Mapping[str, Mapping[str, str]] = documents[-1]["lifecycles"] if documents else {}
        self._variants: dict[str, list[Variant]] = {}
        self._groups = {_group(key) for document in documents for key in document["kinds"]} | {_group(key) for key in self._lifecycles}

    @classmethod
    def read(cls, paths: Iterable[str]) -> Published:
        """Returns the schemas in files of schemas_tool.py."""
        documents = [json.loads(Path(path).read_text(encoding="utf-8")) for path in paths]
        return cls(sorted(documents, key=lambda document: minor(document["version"])))

    def is_built_in(self, api_version: str) -> bool:
        """Returns whether Kubernetes itself serves, or served, the group of an apiVersion."""
        return _group(f"{api_version}/") in self._groups

    def variants(self, api_version: str, kind: str) -> list[Variant]:
        """Returns the schemas of a kind: one for each group of versions that agree; empty when no version serves it."""
        key = f"{api_version}/{kind}"
        if key not in self._variants:
            found: list[tuple[str, dict[str, Schema], list[str]]] = []
            for document in self._documents:
                root = document["kinds"].get(key)
                if root is None:
                    continue
                reached = _reached(root, document["definitions"])
                same = next((versions for name, other, versions in found if name == root and other == reached), None)
                if same is None:
                    found.append((root, reached, [document["version"]]))
                else:
                    same.append(document["version"])
            self._variants[key] = [Variant(versions, root, reached) for root, reached, versions in found]
        return self._variants[key]

    def not_served(self, api_version: str, kind: str) -> str | None:
        """Returns what to say of a kind that one of the versions does not serve; None if all do.

        Args:
            api_version: the apiVersion of a manifest, of a group for which is_built_in() holds.
            kind: the kind.
        """
        key = f"{api_version}/{kind}"
        missing = [document["version"] for document in self._documents if key not in document["kinds"]]
        if not missing:
            return None
        lifecycle = self._lifecycles.get(key, {})
        removed = lifecycle.get("removed")
        if removed and minor(removed) <= minor(missing[-1]):
            return f"{kind} of {api_version} is not served by Kubernetes {removed} and later; {self._instead(lifecycle)}"
        if len(missing) < len(self.versions):
            return (
                f"{kind} of {api_version} is not served by Kubernetes {spell(missing)}; use another apiVersion, or take {spell(missing)} out of "
                "KUBERNETES in cluster_constants.bzl"
            )
        return f"{kind} of {api_version} is not served by Kubernetes; {self._nearest(api_version, kind)}"

    def deprecated(self, api_version: str, kind: str) -> str | None:
        """Returns what to say of a kind that all versions serve although one of them deprecates it; None if none does."""
        lifecycle = self._lifecycles.get(f"{api_version}/{kind}", {})
        since = lifecycle.get("deprecated")
        # Every beta API has a date; one without a replacement has nowhere to go yet.
        if not since or "instead" not in lifecycle or minor(since) > minor(self.versions[-1]):
            return None
        end = f" and {lifecycle['removed']} no longer serves it" if "removed" in lifecycle else ""
        return f"Kubernetes {since} deprecates {kind} of {api_version}{end}; {self._instead(lifecycle)}"

    def _instead(self, lifecycle: Mapping[str, str]) -> str:
        version, _, kind = lifecycle.get("instead", "").rpartition("/")
        return f"use {kind} of {version}" if kind else "it has no successor, so remove the object"

    def _nearest(self, api_version: str, kind: str) -> str:
        """Returns advice for a kind that no version has: the kind's own versions, or the kind with the nearest name."""
        known = {tuple(key.rpartition("/")[::2]) for document in self._documents for key in document["kinds"]}
        same = sorted(version for version, name in known if name == kind)
        if same:
            return f"{kind} has apiVersion {' or '.join(same)}"
        served = {name for version, name in known if version == api_version and not name.endswith("List")}
        near = difflib.get_close_matches(kind, served, n=1)
        if near:
            return f"write {near[0]}?"
        if not served:
            versions = sorted({version for version, _ in known if _group(f"{version}/") == _group(f"{api_version}/")})
            return f"its group has {' and '.join(versions)}"
        return f"{api_version} has {', '.join(sorted(served)[:12])}"


def spell(versions: Sequence[str]) -> str:
    """Returns versions as a text: `1.32`, `1.32 to 1.34`, `1.32 and 1.35`."""
    runs: list[list[str]] = []
    for version in versions:
        if runs and minor(version) == minor(runs[-1][-1]) + 1:
            runs[-1].append(version)
        else:
            runs.append([version])
    return " and ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def _group(key: str) -> str:
    """Returns the API group of apiVersion/kind."""
    api_version = key.rpartition("/")[0]
    return api_version.rpartition("/")[0]


def _reached(root: str, definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """Returns a definition and all that it refers to."""
    found: dict[str, Schema] = {}
    waiting = [root]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = definitions[name]
            waiting.extend(_references(definitions[name]))
    return found


def _references(schema: Schema) -> Iterator[str]:
    """Yields the names of definitions in a schema."""
    stack: list[Any] = [schema]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str):
                yield reference[len(_REF) :]
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
