"""Resolves lists of artifacts with the machine's Maven, as a library in a Java program of its own (Resolve.java)."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rules.java.tools.maven import installation as maven_installation
from rules.java.tools.maven.coordinates import short_key
from rules.java.tools.maven.errors import InputError, MavenError, ResolveError
from rules.java.tools.maven.settings import user_settings

_SOURCES = ("MavenSession.java", "Resolve.java", "VersionPolicy.java")


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


def resolve(request: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> Resolution:
    """Resolves a request.

    Args:
        request: what maven_repository writes to request.json.
        environ: the environment variables.

    Raises:
        InputError: the machine lacks Maven or a JDK.
        ResolveError: an artifact does not exist, or the versions do not go together.
        MavenError: Maven failed otherwise.
    """
    home = maven_installation.find(environ)
    if home is None:
        raise InputError("Maven is not installed, which resolves artifacts. Run ./turnup doctor, or apt-get install maven.")
    with tempfile.TemporaryDirectory(prefix="turnup-maven-") as folder:
        class_path = f"{home}/lib/*:{home}/boot/*"
        _run([_jdk("javac", environ), "-proc:none", "-nowarn", "-Xlint:none", "-d", folder, "-cp", class_path, *(str(Path(__file__).parent / one) for one in _SOURCES)], "")
        options = shlex.split(environ.get("MAVEN_OPTS", ""))
        command = [_jdk("java", environ), *options, "-cp", f"{folder}:{class_path}", "Resolve", str(home), str(user_settings(environ))]
        return read_answer(request, _run(command, request_lines(request)))


def _jdk(program: str, environ: Mapping[str, str]) -> str:
    home = environ.get("JAVA_HOME", "")
    found = shutil.which(program, path=f"{home}/bin" if home else environ.get("PATH", os.defpath))
    if not found:
        where = f"JAVA_HOME ({home}) has no {program}" if home else f"{program} is not on PATH"
        raise InputError(f"{where}. Run ./turnup doctor, or apt-get install default-jdk-headless.")
    return found


def _run(command: list[str], text: str) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("\t")] or ["no message"]
        raise MavenError(f"Maven could not be started as a resolver ({lines[0].strip()}). It must be Maven 3.6 to 3.9 with a JDK of 11 or newer; ./turnup doctor says what there is.")
    return done.stdout


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


def read_answer(request: Mapping[str, Any], text: str) -> Resolution:
    """Returns what Resolve.java wrote.

    Args:
        request: the request, for errors.
        text: its standard output.

    Raises:
        ResolveError: it reports errors.
    """
    lines = [line.split("\t") for line in text.splitlines()]
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
        return f"{artifact.replace(':jar::', '')} has no version, and no BOM of boms has one. Write group:artifact:version."
    if kind == "missing":
        return f"{artifact} is in none of the machine's repositories. Choose a version that exists, or add the repository that has it to ~/.m2/settings.xml."
    if kind == "checksum":
        return f"{artifact} differs from the checksum that its repository publishes ({text}). Try again; if it stays so, the repository or a proxy is damaged."
    if kind == "conflict":
        return f"no version of {artifact} fits everything that asks for it ({text}). Exclude one of them, or name a version in the list."
    name = f"{artifact} could not be downloaded" if artifact else "the list could not be resolved"
    return f"{name} ({text}). Check the network, and mirrors, servers and proxies in ~/.m2/settings.xml."
