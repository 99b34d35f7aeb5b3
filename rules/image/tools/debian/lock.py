"""Locked Debian packages: reads and writes the lock, and fetches its packages.

The lock is a text file with a line `NAME VERSION ARCHITECTURE SHA256` for each package; lines that begin with '#' are
comments. It names no host: packages come from the sources in the machine's apt configuration. If dependencies were resolved, a comment
for each architecture says from which packages, so that an outdated lock is detected.

As a program, run by the debian_packages repository rule:

    debian_lock fetch NAME LOCK OUT_DIR [--dependencies] [--exclude=PACKAGE]… PACKAGE…
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from rules.common.caches import cache_dir
from rules.image.tools.debian.apt import Apt, Version, architecture, is_older, private_apt
from rules.image.tools.debian.errors import AptError
from rules.image.tools.errors import InputError, run

ALLOW = "--allow-downgrade="
"""The option of the update command that lets one package go down a version."""
UPDATE = "bazel run //rules/image:update_debian_lock -- "
_NAME = re.compile(r"[a-z0-9][a-z0-9+.-]*\Z")
_HEADER = "# Debian packages: name, version, architecture, sha256. Update with: "


class PackageRequest(NamedTuple):
    """What a debian_packages call asks for.

    Attributes:
        packages: package names.
        dependencies: whether to add their dependencies.
        exclude: names of dependencies to leave out, with the dependencies that only they need.
    """

    packages: Sequence[str]
    dependencies: bool = False
    exclude: Sequence[str] = ()

    def check(self, name: str) -> None:
        """Raises InputError if the fields contradict each other.

        Args:
            name: name of the repository.
        """
        if not self.packages:
            raise InputError(f"debian_packages {name}: packages: found none; name at least one Debian package")
        if self.exclude and not self.dependencies:
            raise InputError(
                f"debian_packages {name}: exclude: found {', '.join(self.exclude)}, but only listed packages are fetched. "
                "Remove it, or set dependencies = True."
            )
        if both := sorted(set(self.packages) & set(self.exclude)):
            raise InputError(f"debian_packages {name}: exclude: {', '.join(both)} is also in packages. Remove it from one of them.")

    def note(self, machine: str) -> str:
        """Returns the lock's comment that says from which packages an architecture's dependencies were resolved."""
        left_out = f", without {' '.join(sorted(set(self.exclude)))}" if self.exclude else ""
        return f"# {machine}: {' '.join(sorted(set(self.packages)))} with dependencies{left_out}"


def parse(text: str, where: str) -> list[Version]:
    """Returns the packages of a lock.

    Raises:
        InputError: a line that is not NAME VERSION ARCHITECTURE SHA256, or a package named twice.
    """
    found: dict[tuple[str, str], Version] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if len(words) != 4 or not _NAME.match(words[0]) or not re.fullmatch(r"[0-9a-f]{64}", words[3]):
            raise InputError(f"{where}:{number}: found {line[:120]!r}; write NAME VERSION ARCHITECTURE SHA256, or let the update command write the lock")
        version = Version(*words)
        if (version.name, version.architecture) in found:
            raise InputError(f"{where}:{number}: {version.name} is in the lock twice; remove one line")
        found[version.name, version.architecture] = version
    return list(found.values())


def render(versions: Iterable[Version], name: str, notes: Sequence[str] = ()) -> str:
    """Returns the text of a lock.

    Args:
        versions: its packages.
        name: name of the repository.
        notes: PackageRequest.note() of each architecture whose dependencies were resolved.
    """
    lines = [" ".join(version) for version in sorted(versions, key=lambda v: (v.name, v.architecture))]
    return "\n".join([_HEADER + UPDATE + name, *notes, *lines]) + "\n"


def locked(name: str, wanted: PackageRequest, lock: Path, machine: str) -> list[Version]:
    """Returns the locked version of each package for an architecture.

    Args:
        name: name of the repository, for the update command.
        wanted: the requested packages.
        lock: the lock file.
        machine: Debian architecture.

    Raises:
        InputError: a package is missing from the lock, or a locked one is not requested any more.
    """
    text = lock.read_text("utf-8")
    entries = {v.name: v for v in parse(text, str(lock)) if v.architecture in (machine, "all")}
    if wanted.dependencies and wanted.note(machine) not in text.splitlines():
        raise InputError(f"{lock}: the dependencies of debian_packages {name} are not locked for {machine}, or for other packages; run {UPDATE}{name}")
    if missing := sorted(set(wanted.packages) - set(entries)):
        raise InputError(f"{lock}: {', '.join(missing)} of debian_packages {name} are not locked for {machine}; run {UPDATE}{name}")
    unwanted = set(wanted.exclude) if wanted.dependencies else set(entries) - set(wanted.packages)
    if extra := sorted(unwanted & set(entries)):
        raise InputError(f"{lock}: {', '.join(extra)} are locked, but not among the packages of debian_packages {name}; run {UPDATE}{name}")
    return [entries[package] for package in sorted(entries)]


def sha256_of(path: Path) -> str:
    """Returns the sha256 of a file as hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _store(version: Version) -> Path:
    """Returns the path of a package in the cache."""
    return cache_dir() / "deb" / f"{version.sha256}.deb"


def _download(apt: Apt, versions: Sequence[Version]) -> None:
    """Downloads packages into the cache and checks their sha256.

    Raises:
        AptError: apt failed.
        InputError: a file has another sha256.
    """
    folder = cache_dir() / "deb"
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        apt.download(versions, Path(temporary))
        files = {sha256_of(path): path for path in Path(temporary).glob("*.deb")}
        for version in versions:
            if version.sha256 not in files:
                raise InputError(
                    f"{version.name} {version.version}: what was downloaded does not have sha256 {version.sha256}; check the mirror in /etc/apt/sources.list*"
                )
            os.replace(files[version.sha256], _store(version))


def _cached(version: Version) -> bool:
    """Returns whether the cache has a complete package; removes a damaged one."""
    path = _store(version)
    if not path.exists():
        return False
    if sha256_of(path) == version.sha256:
        return True
    path.unlink()
    return False


def _from(apt: Apt, wanted: Sequence[Version]) -> list[Version]:
    """Fetches those of the wanted versions that apt has into the cache; returns the missing ones.

    Raises:
        InputError: the archive has a locked version with another sha256.
    """
    offered = {(v.name, v.version): v for v in apt.versions([f"{v.name}={v.version}" for v in wanted])}
    for version in wanted:
        other = offered.get((version.name, version.version))
        if other and other.sha256 != version.sha256:
            raise InputError(
                f"{version.name} {version.version}: the lock says sha256 {version.sha256}, the archive {other.sha256}; find out why before you update the lock"
            )
    here = [v for v in wanted if (v.name, v.version) in offered]
    if here:
        _download(apt, here)
    return [v for v in wanted if v not in here]


def _current(apt: Apt, wanted: Sequence[Version], name: str) -> list[Version]:
    """Downloads and returns the archive's current versions of packages whose locked version it dropped."""
    candidates = {v.name: v for v in apt.versions([v.name for v in wanted], candidate=True)}
    if missing := [v.name for v in wanted if v.name not in candidates]:
        raise AptError(f"debian_packages {name}: apt knows no package {', '.join(missing)}; check the spelling, and that apt's sources are Debian 12's")
    current = [candidates[v.name] for v in wanted]
    check_downgrades(name, wanted, current)
    if need := [v for v in current if not _cached(v)]:
        _download(apt, need)
    return current


def check_downgrades(name: str, before: Iterable[Version], after: Iterable[Version], allowed: Iterable[str] = ()) -> None:
    """Checks that no package goes down a version: a mirror can show an old, validly signed state of the archive.

    Args:
        name: name of the repository.
        before: the locked packages.
        after: what the archive offers.
        allowed: names of packages that may.

    Raises:
        AptError: one of them would.
    """
    locked_versions = {v.name: v.version for v in before}
    for new in after:
        old = locked_versions.get(new.name, "")
        if old and old != new.version and new.name not in allowed and is_older(new.version, old):
            raise AptError(
                f"debian_packages {name}: the archive offers {new.name} {new.version}, older than {old} in the lock, as a mirror does that shows an "
                f"old state; check the mirror in /etc/apt/sources.list*. If it is meant: {UPDATE}{name} {ALLOW}{new.name}"
            )


def resolve(name: str, asked: PackageRequest, lock: Path) -> tuple[list[Version], list[str]]:
    """Downloads packages into the cache: the locked version, or the current one if the archive dropped the locked version.

    Args:
        name: name of the repository.
        asked: the requested packages.
        lock: the lock file.

    Returns:
        The versions to use, and one warning for each version that is not the locked one.

    Raises:
        InputError: the lock does not match the packages, or a checksum does not match the lock.
        AptError: apt is missing, or cannot fetch.
    """
    wanted = locked(name, asked, lock, architecture())
    missing = [version for version in wanted if not _cached(version)]
    system = Apt()
    if missing and system.has_lists():
        with contextlib.suppress(AptError):  # these lists may be older than the archive; fresh ones decide
            missing = _from(system, missing)
    missing = [version for version in missing if not _cached(version)]
    if not missing:
        return wanted, []
    with private_apt() as apt:
        missing = _from(apt, missing)
        if missing and apt.problem:
            raise apt.problem  # it is unknown whether the archive has them
        aged = apt.check_age() if missing else []
        replaced = {v.name: v for v in _current(apt, missing, name)} if missing else {}
    warnings = aged + [
        f"the archive no longer has {v.name} {v.version}; {replaced[v.name].version} is used instead, checked against apt's signed "
        f"index, and images differ from what the lock says: run {UPDATE}{name} and commit the lock"
        for v in missing
    ]
    return [replaced.get(version.name, version) for version in wanted], warnings


def latest(name: str, wanted: PackageRequest) -> tuple[list[Version], list[str]]:
    """Returns the archive's current version of each package, after an update of the lists, and warnings about the archive's age.

    Raises:
        AptError: apt can't update, an index is not valid any more, or apt does not know a package or finds no consistent set.
    """
    with private_apt(fresh=True) as apt:
        if apt.problem:
            raise apt.problem
        aged = apt.check_age()
        names = [*wanted.packages, *wanted.exclude]
        found = {v.name: v for v in apt.versions(names, candidate=True)}
        if missing := sorted(set(names) - set(found)):
            raise AptError(f"debian_packages {name}: apt knows no package {', '.join(missing)}; check the spelling, and that apt's sources are Debian 12's")
        if wanted.dependencies:
            try:
                found = {v.name: v for v in apt.solve(wanted.packages, wanted.exclude)}
            except AptError as error:
                raise AptError(f"debian_packages {name}: {error}") from None
    return [found[package] for package in sorted(found)], aged


def main(argv: Sequence[str]) -> int:
    """Fetches the packages of a repository into OUT_DIR as PACKAGE.deb; warnings go to stdout."""
    if len(argv) < 4 or argv[0] != "fetch":
        print("ERROR: usage: debian_lock fetch NAME LOCK OUT_DIR [--dependencies] [--exclude=PACKAGE]… PACKAGE…", file=sys.stderr)
        return 2
    _, name, lock, out, *words = argv
    packages = [word for word in words if not word.startswith("--")]
    wanted = PackageRequest(packages, "--dependencies" in words, [word.removeprefix("--exclude=") for word in words if word.startswith("--exclude=")])
    wanted.check(name)
    versions, warnings = resolve(name, wanted, Path(lock))
    for version in versions:
        shutil.copyfile(_store(version), Path(out, f"{version.name}.deb"))
    for warning in warnings:
        print(f"WARNING: debian_packages {name}: {warning}")
    return 0


if __name__ == "__main__":
    sys.exit(run(main, sys.argv[1:]))
