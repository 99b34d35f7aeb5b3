"""Debian packages through the machine's own apt, without changing anything of the machine.

apt checks the archive's signature and each file's hash. The machine's package lists are used as they are; where they
are missing or too old, a private copy in the user's cache is updated and used instead.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, NamedTuple, Sequence

from rules.common.caches import cache_dir
from rules.image.tools.errors import ImageError

SYSTEM_LISTS = Path("/var/lib/apt/lists")
_SOURCES = "check the network and /etc/apt/sources.list*, then run this again"
_PLANNED = re.compile(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", re.M)
FRESH_SECONDS = 3600  # a private copy of the lists younger than this is not updated again


class AptError(ImageError):
    """apt is missing, or could not do what was asked."""


class Version(NamedTuple):
    """One version of a package in the archive.

    Attributes:
        name: package name.
        version: Debian version.
        architecture: Debian architecture or `all`.
        sha256: 64 hex digits.
    """

    name: str
    version: str
    architecture: str
    sha256: str


def architecture() -> str:
    """Returns Debian's name of this machine's architecture."""
    return _run(["dpkg", "--print-architecture"]).strip()


def _environment() -> dict[str, str]:
    """Returns the environment for apt: its messages in English, no questions."""
    return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def _run(command: Sequence[str], *, cwd: str | None = None, advice: str = _SOURCES) -> str:
    """Runs a program and returns its stdout.

    Args:
        command: the program and its arguments.
        cwd: the folder to run it in, or None for this one.
        advice: what to do where it fails.

    Raises:
        AptError: it is missing, or failed; then with its first error line.
    """
    try:
        done = subprocess.run(command, cwd=cwd, env=_environment(), capture_output=True, text=True, errors="replace", check=False)
    except FileNotFoundError:
        raise AptError(f"{command[0]} is not on this machine; Debian packages are fetched by Debian 12's own apt, so build there") from None
    if done.returncode:
        errors = [line.strip() for line in done.stdout.splitlines() if " : Depends: " in line or " : PreDepends: " in line]
        errors += [line[2:].strip() for line in done.stderr.splitlines() if line.startswith("E:")]
        reason = errors[0] if errors else (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise AptError(f"{command[0]} {_verb(command)} failed ({reason}); {advice}")
    return done.stdout


def _verb(command: Sequence[str]) -> str:
    """Returns the first word of a command that is neither the program nor an option or its value."""
    words = iter(command[1:])
    for word in words:
        if word == "-o":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def _installed(fields: dict[str, str]) -> str:
    """Returns what dpkg's status says of a package that is installed and needs nothing."""
    kept = {key: fields[key] for key in ("Package", "Version", "Architecture", "Multi-Arch", "Provides") if key in fields}
    lines = {**kept, "Status": "install ok installed", "Maintainer": "nobody", "Description": "left out"}
    return "".join(f"{key}: {value}\n" for key, value in lines.items()) + "\n"


class Apt:
    """apt with one set of package lists.

    Args:
        lists: folder of private package lists, or None for the machine's own.

    Attributes:
        problem: what went wrong in update() although lists were left to use, else None.
    """

    def __init__(self, lists: Path | None = None) -> None:
        # Downloads happen in a folder that the user _apt may not enter; apt says so at length unless told to stay root.
        self._options = ["-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=true", "-o", "Acquire::Retries=3"]
        self._lists = lists
        self.problem: AptError | None = None
        if lists is not None:
            self._options += [
                "-o", f"Dir::State::lists={lists}/lists/",
                "-o", f"Dir::Cache={lists}/cache/",
                "-o", "Dir::Cache::pkgcache=",
                "-o", "Dir::Cache::srcpkgcache=",
            ]  # fmt: skip

    def has_lists(self) -> bool:
        """Says whether there are package lists to read."""
        folder = (self._lists / "lists") if self._lists else SYSTEM_LISTS
        return any(folder.glob("*_Packages*"))

    def update(self) -> None:
        """Fetches the private lists again.

        A broken source among several (a vendor's) does not matter where what is wanted stands in the others; the
        error is kept in `problem` for the case that it does.

        Raises:
            AptError: there are no lists after it.
        """
        if self._lists is None:
            raise AptError("the machine's own package lists are not updated by a build; run apt-get update yourself")
        for name in ("lists/partial", "cache/archives/partial"):
            Path(self._lists, name).mkdir(parents=True, exist_ok=True)
        try:
            _run(["apt-get", *self._options, "-o", "APT::Get::List-Cleanup=false", "-q", "update"])
        except AptError as error:
            if not self.has_lists():
                raise
            self.problem = error
            return
        Path(self._lists, "updated").touch()

    def _show(self, names: Sequence[str], *, candidate: bool = False) -> list[dict[str, str]]:
        """Returns the fields of the archive's versions of packages; those that apt does not know are left out."""
        command = ["apt-cache", *self._options, "show", *(["--no-all-versions"] if candidate else []), *names]
        try:
            text = _run(command)
        except AptError:
            if len(names) <= 1:
                return []
            return [fields for name in names for fields in self._show([name], candidate=candidate)]
        return [dict(re.findall(r"^([A-Z][\w-]*): *(\S.*)$", paragraph, re.M)) for paragraph in text.split("\n\n")]

    def versions(self, names: Sequence[str], *, candidate: bool = False) -> list[Version]:
        """Returns the archive's versions of packages; those that apt does not know are left out.

        Args:
            names: package names, or NAME=VERSION.
            candidate: only the version that apt would install.
        """
        found = []
        for fields in self._show(names, candidate=candidate):
            if {"Package", "Version", "Architecture", "SHA256"} <= fields.keys():
                found.append(Version(fields["Package"], fields["Version"], fields["Architecture"], fields["SHA256"].lower()))
        return found

    def solve(self, packages: Sequence[str], exclude: Sequence[str] = ()) -> list[Version]:
        """Returns packages and what they depend on, as apt would install them where nothing is installed yet.

        apt is told that what is to be left out is installed already, so that it counts for those who need it, and what
        only it would need is not asked for. Nothing is installed: apt plans, with a state that is this call's own.

        Args:
            packages: package names.
            exclude: names of packages to leave out.

        Raises:
            AptError: apt finds no set that fits together.
        """
        left_out = [fields for fields in self._show(exclude, candidate=True) if "Version" in fields] if exclude else []
        with tempfile.TemporaryDirectory() as state:
            status = Path(state, "status")
            status.write_text("".join(map(_installed, left_out)), "utf-8")
            options = ["-o", f"Dir::State::status={status}", "-o", f"Dir::State::extended_states={state}/extended_states", "-o", f"Dir::Log={state}"]
            # A plan needs no order in which a system that has nothing could be set up.
            options += ["-o", "APT::Immediate-Configure=false", "-o", "APT::Get::Show-User-Simulation-Note=false"]
            command = ["apt-get", *self._options, *options, "-q", "--simulate", "--no-install-recommends", "install", *packages]
            planned = _PLANNED.findall(_run(command, advice="check the packages, what is left out, and that apt's sources are Debian 12's"))
        offered = {(v.name, v.version): v for v in self.versions([f"{name}={version}" for name, version in planned])}
        if lost := [f"{name} {version}" for name, version in planned if (name, version) not in offered]:
            raise AptError(f"apt plans {', '.join(lost)} and does not have it; run this again")
        return [offered[plan] for plan in planned]

    def download(self, versions: Sequence[Version], folder: Path) -> None:
        """Downloads packages into a folder, each as NAME_VERSION_ARCHITECTURE.deb in apt's spelling.

        Raises:
            AptError: one of them could not be had.
        """
        _run(["apt-get", *self._options, "-q", "download", *(f"{v.name}={v.version}" for v in versions)], cwd=str(folder))


@contextmanager
def private_apt(*, fresh: bool = False) -> Iterator[Apt]:
    """Yields an Apt on the private lists, updated if they are older than an hour.

    Args:
        fresh: update them whatever their age.

    Raises:
        AptError: the lists cannot be fetched.
    """
    if shutil.which("apt-get") is None:
        raise AptError("apt-get is not on this machine; Debian packages are fetched by Debian 12's own apt, so build there")
    lists = cache_dir() / "apt"
    lists.mkdir(parents=True, exist_ok=True)
    with open(lists / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # repositories are fetched side by side
        apt = Apt(lists)
        stamp = lists / "updated"
        if fresh or not apt.has_lists() or not stamp.exists() or time.time() - stamp.stat().st_mtime > FRESH_SECONDS:
            apt.update()
        yield apt
