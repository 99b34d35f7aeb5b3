"""The lock file of a maven_repository: JSON, sorted, the same bytes for the same resolution on every machine."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rules.java.tools.maven.errors import InputError, ResolveError
from rules.java.tools.maven.resolver import Resolution
from rules.java.tools.maven.store import sha256_of

_FORMAT = 1
_NOTE = "Written by the update command of its maven_repository: bazel run @{}//update"


def packages(jar: Path) -> list[str]:
    """Returns the packages that a jar has classes in, sorted.

    Raises:
        ResolveError: it is not a jar.
    """
    try:
        with zipfile.ZipFile(jar) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile as error:
        raise ResolveError(f"{jar.name} is not a jar. Delete it from Maven's local repository, then try again.") from error
    folders = {name.rpartition("/")[0] for name in names if name.endswith(".class") and not name.startswith("META-INF/")}
    return sorted(folder.replace("/", ".") for folder in folders if folder)


def compose(request: Mapping[str, Any], resolution: Resolution) -> dict[str, Any]:
    """Returns a lock.

    Args:
        request: the request that it is the answer to.
        resolution: what Maven answered.
    """
    artifacts: dict[str, Any] = {}
    for key, node in sorted(resolution.nodes.items()):
        one: dict[str, Any] = {"version": node.version}
        if node.deps:
            one["deps"] = sorted(node.deps)
        if node.runtime_deps:
            one["runtime_deps"] = sorted(node.runtime_deps)
        if node.file:
            one["sha256"] = sha256_of(node.file)
            if node.file.suffix == ".jar":
                one["packages"] = packages(node.file)
        if node.sources:
            one["sources_sha256"] = sha256_of(node.sources)
        artifacts[key] = one
    asked = {name: value for name, value in request.items() if name not in ("lock", "repository")}
    return {"//": _NOTE.format(request["repository"]), "version": _FORMAT, "request": asked, "artifacts": artifacts}


def read(path: Path) -> dict[str, Any]:
    """Returns a lock; an empty one if there is no file yet, or an empty file.

    Raises:
        InputError: the file is not a lock.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    try:
        lock = json.loads(text or "{}")
    except ValueError as error:
        raise InputError(f"{path}: the lock is not JSON ({error}). Restore it, or empty the file.") from error
    if not isinstance(lock, dict):
        raise InputError(f"{path}: the lock is not a JSON object. Restore it, or empty the file.")
    return lock


def write(path: Path, lock: Mapping[str, Any]) -> None:
    """Replaces a lock; an interruption leaves the old one."""
    temporary = path.with_name(f"{path.name}.new")
    try:
        temporary.write_text(json.dumps(lock, indent=1, sort_keys=True, ensure_ascii=False) + "\n", "utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Returns a line for each artifact that has another version than before."""
    before = {key: one["version"] for key, one in old.get("artifacts", {}).items()}
    after = {key: one["version"] for key, one in new["artifacts"].items()}
    return [f"  {key}: {before.get(key, 'not there')} -> {after.get(key, 'removed')}" for key in sorted({*before, *after}) if before.get(key) != after.get(key)]


def check_unchanged(where: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Fails if a released file is not what it was.

    Args:
        where: the lock's name, for errors.
        old: the lock before.
        new: the lock to be written.

    Raises:
        ResolveError: a file of the same version has another checksum.
    """
    for key, one in new["artifacts"].items():
        before = old.get("artifacts", {}).get(key, {})
        if before.get("version") == one["version"] and before.get("sha256", one.get("sha256")) != one.get("sha256"):
            raise ResolveError(
                f"{where}: {key}:{one['version']} has SHA-256 {one.get('sha256')}, and the lock has {before['sha256']}: a repository replaced "
                "a released file. If that is intended, delete the artifact from the lock, then run this again."
            )
