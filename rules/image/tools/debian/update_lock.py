"""`bazel run //rules/image:update_debian_lock -- [NAME…] [--allow-downgrade=PACKAGE]…`: updates the locks of debian_packages repositories.

Without names it updates all locks of the workspace; locks of other repositories stay as they are. No package goes down a version unless it
is allowed by name. Bazel says which packages and lock a repository has, so nothing is configured twice.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from rules.common.errors import UsageError
from rules.image.tools.debian import lock as debian_lock
from rules.image.tools.debian.apt import architecture
from rules.image.tools.debian.lock import PackageRequest
from rules.image.tools.errors import ImageError, InputError, run


class Repository(NamedTuple):
    """A debian_packages call.

    Attributes:
        name: its name.
        wanted: the requested packages.
        lock: the lock's path in its repository.
        owner: the repository that has the lock; empty for the workspace itself.
    """

    name: str
    wanted: PackageRequest
    lock: str
    owner: str = ""


def read_query(text: str) -> list[Repository]:
    """Returns the repositories in the XML that `bazel query --output=xml` prints."""
    found = []
    for rule in ElementTree.fromstring(text).iter("rule"):  # noqa: S314  # the text is the output of the user's own Bazel
        lists = {name: [item.get("value", "") for item in rule.findall(f"list[@name='{name}']/string")] for name in ("packages", "exclude", "without")}
        dependencies = rule.find("boolean[@name='dependencies'][@value='true']") is not None
        lock = rule.find("label[@name='lock']")
        name = rule.get("name", "").rpartition(":")[2]
        if lock is not None:
            owner, _, label = lock.get("value", "").lstrip("@").partition("//")
            wanted = PackageRequest(lists["packages"], dependencies, lists["exclude"] or lists["without"])
            found.append(Repository(name, wanted, label.replace(":", "/").lstrip("/"), owner))
    return found


def query(workspace: str) -> list[Repository]:
    """Asks Bazel for every debian_packages repository of a workspace.

    Raises:
        ImageError: Bazel fails.
    """
    command = ["bazel", "query", "--output=xml", "--noshow_progress", "kind('debian_packages rule', //external:*)"]
    done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["no message"]
        raise ImageError(f"bazel query did not list the debian_packages repositories ({reason[0].removeprefix('ERROR: ')}); correct WORKSPACE first")
    return read_query(done.stdout)


def update(repository: Repository, workspace: str, allowed: Sequence[str] = ()) -> list[str]:
    """Updates a repository's lock, and keeps the lines of other architectures.

    Args:
        repository: the repository.
        workspace: the folder of WORKSPACE.
        allowed: names of packages that may go down a version.

    Returns:
        One line per change, after one per warning.

    Raises:
        AptError: the archive cannot be used, or offers an older version than the lock has.
    """
    path, wanted = Path(workspace, repository.lock), repository.wanted
    wanted.check(repository.name)
    text = path.read_text("utf-8") if path.exists() else ""
    old = debian_lock.parse(text, repository.lock)
    new, warnings = debian_lock.latest(repository.name, wanted)
    machine = architecture()
    debian_lock.check_downgrades(repository.name, (v for v in old if v.architecture in (machine, "all")), new, allowed)
    kept = [v for v in old if v.architecture not in (machine, "all") and v.name in wanted.packages]
    notes = []
    if wanted.dependencies:
        # What another machine resolved stays if the request is the same.
        others = {v.architecture for v in old if v.architecture not in (machine, "all") and wanted.note(v.architecture) in text.splitlines()}
        kept = [v for v in old if v.architecture in others]
        notes = [wanted.note(architecture) for architecture in sorted({machine, *others})]
    temporary = path.with_name(path.name + ".new")
    temporary.write_text(debian_lock.render([*new, *kept], repository.name, notes), "utf-8")
    os.replace(temporary, path)
    before = {v.name: v.version for v in old if v.architecture in (machine, "all")}
    after = {v.name: v.version for v in new}
    return [f"  WARNING: {warning}" for warning in warnings] + [
        f"  {name}: {before.get(name, 'not there')} -> {after.get(name, 'removed')}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]


def main(argv: Sequence[str]) -> int:
    """Updates the locks of the named repositories, or of all."""
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        raise InputError("the workspace is unknown; start this with bazel run //rules/image:update_debian_lock")
    repositories = {repository.name: repository for repository in query(workspace)}
    own = [name for name, repository in repositories.items() if not repository.owner]
    names = [word for word in argv if not word.startswith("-")]
    allowed = [word.removeprefix(debian_lock.ALLOW) for word in argv if word.startswith(debian_lock.ALLOW)]
    if unknown := [word for word in argv if word.startswith("-") and not word.startswith(debian_lock.ALLOW)]:
        raise UsageError(f"{unknown[0]}: not an option; the only one is {debian_lock.ALLOW}PACKAGE")
    for name in names:
        if name not in repositories:
            raise InputError(f"{name}: WORKSPACE has no debian_packages of that name; it has {', '.join(sorted(own)) or 'none'}")
        if name not in own:
            owner = repositories[name].owner
            raise InputError(f"{name}: its lock is in the repository @{owner}; update it there, or declare a debian_packages of your own")
    for name in names or sorted(own):
        lines = update(repositories[name], workspace, allowed)
        changed = sum(not line.startswith("  WARNING") for line in lines)
        print("\n".join([f"{repositories[name].lock}: {f'{changed} changed' if changed else 'up to date'}", *lines]))
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
