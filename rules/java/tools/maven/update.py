"""`bazel run @NAME//update`: resolves the list of a maven_repository with the machine's Maven, and writes its lock."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rules.java.tools.maven import lock as maven_lock
from rules.java.tools.maven.errors import InputError, ResolveError, run
from rules.java.tools.maven.resolver import Conflict, full, resolve


def conflict_table(conflicts: Sequence[Conflict]) -> str:
    """Returns a table of the versions that were asked for and not chosen, each with the first that asks for it."""
    grouped: dict[tuple[str, str, str, bool], list[str]] = {}
    for one in sorted(conflicts, key=lambda conflict: (conflict.key, conflict.asked)):
        grouped.setdefault((one.key, one.asked, one.chosen, one.managed), []).append(one.by)
    rows = [("ARTIFACT", "ASKED FOR", "CHOSEN", "ASKED FOR BY")]
    for (key, asked, chosen, managed), by in grouped.items():
        more = f", and {len(by) - 1} more" if len(by) > 1 else ""
        rows.append((key, asked, f"{chosen} (BOM)" if managed else chosen, f"{by[0]}{more}"))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "".join("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) + "\n" for row in rows)


def check_request(request: Mapping[str, Any]) -> None:
    """Raises InputError if a list cannot be locked."""
    where = f"@{request['repository']}"
    seen: dict[tuple[str, ...], str] = {}
    for text in request["artifacts"]:
        *key, version = full(text)
        if version.endswith("-SNAPSHOT") or version in ("LATEST", "RELEASE") or version[:1] in ("[", "("):
            raise InputError(f"{where}: {text} has a version that changes from day to day, which a lock cannot hold. Write a released version.")
        other = seen.setdefault(tuple(key), text)
        if other != text:
            raise InputError(f"{where}: the list has {other} and {text}. Keep one of them.")
    for bom in request["boms"]:
        if bom.count(":") != 2:
            raise InputError(f'{where}: BOM "{bom}" is not group:artifact:version. Correct it.')


def lock_path(request: Mapping[str, Any], workspace: str) -> Path:
    """Returns the path of a request's lock.

    Raises:
        InputError: it is a file of another repository.
    """
    repository, _, label = request["lock"].partition("//")
    if repository.strip("@"):
        raise InputError(f"@{request['repository']}: the lock {request['lock']} belongs to another repository. Update it there.")
    return Path(workspace, label.replace(":", "/").lstrip("/"))


def update(request: Mapping[str, Any], workspace: str) -> str:
    """Writes a request's lock.

    Args:
        request: what maven_repository wrote to request.json.
        workspace: the folder of the workspace.

    Returns:
        what was done, as text for the user.

    Raises:
        ResolveError: versions conflict, and version_conflict_policy is `error`.
    """
    check_request(request)
    path = lock_path(request, workspace)
    old = maven_lock.read(path)
    resolution = resolve(request, lambda name: print(f"  downloaded {name}", file=sys.stderr, flush=True))
    table = conflict_table(resolution.conflicts) if resolution.conflicts else ""
    if table and request["version_conflict_policy"] == "error":
        raise ResolveError(
            f"@{request['repository']}: artifacts are asked for in several versions. Add those that you want to the list, exclude the others, "
            f"or set version_conflict_policy. The lock was not changed.\n{table.rstrip()}"
        )
    new = maven_lock.compose(request, resolution)
    maven_lock.check_unchanged(request["lock"], old, new)
    lines = maven_lock.changes(old, new)
    maven_lock.write(path, new)
    summary = "\n".join([f"{len(lines)} changed", *lines]) if lines else "up to date"
    return f"{table}{request['lock'].lstrip('@')}: {len(new['artifacts'])} artifacts, {summary}\n"


def main(argv: Sequence[str]) -> int:
    """Updates the lock of the repository whose program this is."""
    if argv:
        raise InputError(f"unexpected argument {argv[0]}. The update command takes none.")
    workspace, request = os.environ.get("BUILD_WORKSPACE_DIRECTORY"), os.environ.get("TURNUP_MAVEN_REQUEST")
    if not workspace or not request:
        raise InputError("the workspace is unknown. Start this with bazel run @NAME//update.")
    path = Path(os.environ["RUNFILES_DIR"], request.removeprefix("external/").removeprefix("../"))
    sys.stdout.write(update(json.loads(path.read_text("utf-8")), workspace))
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
