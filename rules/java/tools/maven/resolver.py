"""Resolves lists of artifacts with the machine's Maven, as a library in a Java program of its own (Resolve.java)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rules.java.tools.maven import java_program
from rules.java.tools.maven.coordinates import short_key
from rules.java.tools.maven.errors import ResolveError


@dataclass
class Node:
    """An artifact of the resolved graph.

    Attributes:
        version: the chosen version.
        file: the downloaded file; None for a POM without one.
        sources: the downloaded sources; None if they were not asked for or are not published.
        deps: keys of what it needs to compile against it.
        runtime_deps: keys of what it needs only to run.
    """

    version: str
    file: Path | None = None
    sources: Path | None = None
    deps: set[str] = field(default_factory=set)
    runtime_deps: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Conflict:
    """A version that was asked for and not chosen.

    Attributes:
        key: the artifact.
        chosen: the chosen version.
        asked: the other version.
        by: the way from the list to what asks for it, with ` > ` between.
        managed: whether a BOM decided.
    """

    key: str
    chosen: str
    asked: str
    by: str
    managed: bool


@dataclass
class Resolution:
    """What Maven answered: artifacts by key, and the versions that were asked for and not chosen."""

    nodes: dict[str, Node]
    conflicts: list[Conflict]


def resolve(request: Mapping[str, Any], progress: Callable[[str], None], environ: Mapping[str, str] = os.environ) -> Resolution:
    """Resolves a request.

    Args:
        request: what maven_repository writes to request.json.
        progress: called with the name of each downloaded file.
        environ: the environment variables.

    Raises:
        InputError: the machine lacks Maven or a JDK.
        ResolveError: an artifact does not exist, or the versions do not go together.
        MavenError: Maven failed otherwise.
    """
    return read_answer(java_program.run("Resolve", request_lines(request), environ, progress))


def request_lines(request: Mapping[str, Any]) -> str:
    """Returns a request as Resolve.java reads it."""
    lines = [f"policy\t{request['version_conflict_policy']}"]
    lines += [f"bom\t{bom}" for bom in request["boms"]]
    lines += [f"exclude\t{one}" for one in request["excluded_artifacts"]]
    lines += ["sources"] if request["fetch_sources"] else []
    for text in request["artifacts"]:
        lines.append(f"artifact\t{':'.join(full(text))}\t{','.join(request['exclusions'].get(text, []))}")
    return "".join(f"{line}\n" for line in lines)


def full(text: str) -> tuple[str, str, str, str, str]:
    """Returns group, artifact, extension, classifier and version of coordinates in any of the forms of a list."""
    parts = text.split(":")
    version = parts.pop() if len(parts) > 2 else ""
    return parts[0], parts[1], parts[2] if len(parts) > 2 else "jar", parts[3] if len(parts) > 3 else "", version


def _short(key: str) -> str:
    return short_key(*key.split(":"))


def read_answer(answer: Sequence[str]) -> Resolution:
    """Returns what Resolve.java wrote.

    Args:
        answer: its lines.

    Raises:
        ResolveError: it reports errors.
    """
    lines = [line.split("\t") for line in answer]
    errors = [line for line in lines if line[0] == "error"]
    if errors:
        raise ResolveError("\nERROR: ".join(dict.fromkeys(_sentence(*line[1:4]) for line in errors)))
    nodes = {_short(line[1]): Node(line[2]) for line in lines if line[0] == "node"}
    conflicts: dict[Conflict, None] = {}
    for kind, *words in lines:
        if kind == "file":
            nodes[_short(words[0])].file = Path(words[1])
        elif kind == "source":
            group, artifact, *_ = words[0].split(":")
            nodes[f"{group}:{artifact}"].sources = Path(words[1])
        elif kind == "edge":
            node = nodes[_short(words[0])]
            (node.runtime_deps if words[2] == "runtime" else node.deps).add(_short(words[1]))
        elif kind in ("conflict", "managed"):
            conflicts[Conflict(_short(words[0]), words[1], words[2], words[3], kind == "managed")] = None
    for key, node in nodes.items():
        node.deps = {one for one in node.deps if one in nodes and one != key}
        node.runtime_deps = {one for one in node.runtime_deps if one in nodes and one != key} - node.deps
    return Resolution(nodes, list(conflicts))


def _sentence(kind: str, artifact: str, text: str) -> str:
    if kind == "version":
        return f"{artifact.replace(':jar::', '').rstrip(':')} has no version, and no BOM of boms has one. Write group:artifact:version."
    if kind == "missing":
        return f"{artifact} is in none of the machine's repositories. Choose a version that exists, or add the repository that has it to ~/.m2/settings.xml."
    if kind == "unchecked":
        return f"{artifact} has no checksum in its repository, so nobody can tell whether it is complete. Publish its .sha1 file, too."
    if kind == "checksum":
        return f"{artifact} differs from the checksum that its repository publishes ({text}). Try again; if it stays so, the repository or a proxy is damaged."
    if kind == "conflict":
        return f"no version of {artifact} fits everything that asks for it ({text}). Exclude one of them, or name a version in the list."
    name = f"{artifact} could not be downloaded" if artifact else "the list could not be resolved"
    return f"{name} ({text}). Check the network, and mirrors, servers and proxies in ~/.m2/settings.xml."
