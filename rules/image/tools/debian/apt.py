"""Gets Debian packages with the machine's own apt, without changing the machine.

apt checks the archive's signature and each file's hash. The machine's package lists are used as they are; if they
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rules.common.caches import cache_dir
from rules.image.tools.debian.errors import AptError
from rules.image.tools.debian.release import check_age

SYSTEM_LISTS = Path("/var/lib/apt/lists")
_SOURCES = "check the network and /etc/apt/sources.list*, then run this again"
_PLANNED = re.compile(r"^Inst (\S+) (?:\[\S+\] )?\((\S+) ", re.MULTILINE)
# Whatever the machine's apt.conf allows: no index without a valid signature, with a weak hash, or past its Valid-Until.
_STRICT = [
    "Acquire::AllowInsecureRepositories=false",
    "Acquire::AllowWeakRepositories=false",
    "Acquire::AllowDowngradeToInsecureRepositories=false",
    "Acquire::Check-Date=true",
    "Acquire::Check-Valid-Until=true",
    "APT::Get::AllowUnauthenticated=false",
]
FRESH_SECONDS = 3600  # a private copy of the lists younger than this is not updated again


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


def is_older(one: str, other: str) -> bool:
    """Returns whether a Debian version is older than another, as dpkg orders them.

    Raises:
        AptError: dpkg is missing.
    """
    try:
        return subprocess.run(["dpkg", "--compare-versions", one, "lt", other], env=_environment(), capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        raise AptError("dpkg is not on this machine; Debian packages are fetched by Debian 12's own apt, so build there") from None


def _environment() -> dict[str, str]:
    """Returns the environment for apt: its messages in English, no questions."""
    return {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}


def _run(command: Sequence[str], *, cwd: str | None = None, advice: str = _SOURCES) -> str:
    """Runs a program and returns its stdout.

    Args:
        command: the program and its arguments.
        cwd: the folder to run it in, or None for this one.
        advice: what to do if it fails.

    Raises:
        AptError: it is missing, or it failed; the message has its first error line.
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
    """Returns the verb of an apt command: its first word after the program that is neither an option nor an option's value."""
    words = iter(command[1:])
    for word in words:
        if word == "-o":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def _installed(fields: dict[str, str]) -> str:
    """Returns the entry in dpkg's status of an installed package without dependencies."""
    kept: dict[str, str] = {key: fields[key] for key in ("Package", "Version", "Architecture", "Multi-Arch", "Provides") if key in fields}
    lines = {**kept, "Status": "install ok installed", "Maintainer": "nobody", "Description": "left out"}
    return "".join(f"{key}: {value}\n" for key, value in lines.items()) + "\n"


class Apt:
    """apt with one set of package lists.

    Args:
        lists: folder of private package lists, or None for the machine's own.

    Attributes:
        problem: the error of an update() that left usable lists; None without an error.
    """

    def __init__(self, lists: Path | None = None) -> None:
        # The user _apt may not enter the folder of downloads; apt prints long warnings about it unless it stays root.
        self._options = [word for option in _STRICT for word in ("-o", option)]
        self._options += ["-o", "APT::Sandbox::User=root", "-o", "Debug::NoLocking=true", "-o", "Acquire::Retries=3"]
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
        """Returns whether there are package lists to read."""
        folder = (self._lists / "lists") if self._lists else SYSTEM_LISTS
        return any(folder.glob("*_Packages*"))

    def check_age(self) -> list[str]:
        """Returns a warning for each index that is suspiciously old.

        Raises:
            AptError: an index is not valid any more.
        """
        lists = (self._lists / "lists") if self._lists else SYSTEM_LISTS
        # The lists of sources that are not configured any more stay, and only get older.
        used = _run(["apt-get", *self._options, "indextargets", "--format", "$(FILENAME)", "Created-By: Packages"]).splitlines()
        names = [line.rpartition("/")[2] for line in used]
        return check_age(
            [path for path in lists.glob("*Release") if any(name.startswith(path.name.removesuffix("Release").removesuffix("In")) for name in names)]
        )

    def update(self) -> None:
        """Fetches the private lists again.

        One broken source of several (a vendor's) does not matter if the others have the packages; `problem` keeps
        the error in case it does.

        Raises:
            AptError: there are still no lists.
        """
        if self._lists is None:
            raise AptError("a build does not update the machine's own package lists; run apt-get update yourself")
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
        """Returns the fields of the archive's versions of packages, without those that apt does not know."""
        command = ["apt-cache", *self._options, "show", *(["--no-all-versions"] if candidate else []), *names]
        try:
            text = _run(command)
        except AptError:
            if len(names) <= 1:
                return []
            return [fields for name in names for fields in self._show([name], candidate=candidate)]
        return [dict(re.findall(r"^([A-Z][\w-]*): *(\S.*)$", paragraph, re.MULTILINE)) for paragraph in text.split("\n\n")]

    def versions(self, names: Sequence[str], *, candidate: bool = False) -> list[Version]:
        """Returns the archive's versions of packages, without those that apt does not know.

        Args:
            names: package names, or NAME=VERSION.
            candidate: only the version that apt would install.
        """
        return [
            Version(fields["Package"], fields["Version"], fields["Architecture"], fields["SHA256"].lower())
            for fields in self._show(names, candidate=candidate)
            if {"Package", "Version", "Architecture", "SHA256"} <= fields.keys()
        ]

    def solve(self, packages: Sequence[str], exclude: Sequence[str] = ()) -> list[Version]:
        """Returns packages and their dependencies, as apt would install them on an empty system.

        apt is told that excluded packages are installed already, so that they satisfy dependencies and their own
        dependencies are not needed. apt only plans, with a state of this call; nothing is installed.

        Args:
            packages: package names.
            exclude: names of packages to leave out.

        Raises:
            AptError: apt finds no consistent set of packages.
        """
        left_out = [fields for fields in self._show(exclude, candidate=True) if "Version" in fields] if exclude else []
        with tempfile.TemporaryDirectory() as state:
            status = Path(state, "status")
            status.write_text("".join(map(_installed, left_out)), "utf-8")
            options = ["-o", f"Dir::State::status={status}", "-o", f"Dir::State::extended_states={state}/extended_states", "-o", f"Dir::Log={state}"]
            # A plan does not need an order of installation.
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
            AptError: one of them can't be downloaded.
        """
        _run(["apt-get", *self._options, "-q", "download", *(f"{v.name}={v.version}" for v in versions)], cwd=str(folder))


@contextmanager
def private_apt(*, fresh: bool = False) -> Iterator[Apt]:
    """Yields an Apt on the private lists, updated if they are older than an hour.

    Args:
        fresh: whether to update them at any age.

    Raises:
        AptError: the lists cannot be fetched.
    """
    if shutil.which("apt-get") is None:
        raise AptError("apt-get is not on this machine; Debian packages are fetched by Debian 12's own apt, so build there")
    lists = cache_dir() / "apt"
    lists.mkdir(parents=True, exist_ok=True)
    with open(lists / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Bazel fetches repositories in parallel
        apt = Apt(lists)
        stamp = lists / "updated"
        if fresh or not apt.has_lists() or not stamp.exists() or time.time() - stamp.stat().st_mtime > FRESH_SECONDS:
            apt.update()
        yield apt
