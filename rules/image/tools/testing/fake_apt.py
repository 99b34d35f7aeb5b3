"""A fake of apt-get, apt-cache and dpkg for tests: an archive in a folder, with faults on request.

install() puts the three programs into a folder for PATH; they are this file. Their state is a JSON object in
$FAKE_APT/state.json: `system` and `fresh` (package lists: name -> list of versions, newest first), `pool` (list of
NAME=VERSION that can be downloaded), `offline` (true: nothing can be fetched), `depends` and `provides`
(name -> names), `release` (the text of the Release file, "" for none).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def content(name: str, version: str) -> bytes:
    """Returns the content of a package in the archive."""
    return f"package {name} {version}".encode()


def checksum(name: str, version: str) -> str:
    """Returns the sha256 of content(name, version)."""
    return hashlib.sha256(content(name, version)).hexdigest()


class FakeApt:
    """The archive and a log of its commands.

    Args:
        folder: an empty folder; `bin` in it is for PATH.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        for name in ("apt-get", "apt-cache", "dpkg"):
            program = self.bin / name
            program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S -B "{__file__}" "{folder}" {name} "$@"\n')
            program.chmod(0o755)
        self.set()

    def set(
        self,
        *,
        system: dict[str, list[str]] | None = None,
        fresh: dict[str, list[str]] | None = None,
        pool: list[str] | None = None,
        offline: bool = False,
        wrong: bool = False,
        depends: dict[str, list[str]] | None = None,
        provides: dict[str, list[str]] | None = None,
        release: str = "",
    ) -> None:
        """Sets the content of the archive and of the machine's lists. Without a pool, everything in fresh can be downloaded."""
        fresh = fresh if fresh is not None else system or {}
        pool = pool if pool is not None else [f"{name}={version}" for name, versions in fresh.items() for version in versions]
        state = {"system": system or {}, "fresh": fresh, "pool": pool, "offline": offline, "wrong": wrong, "depends": depends or {}, "provides": provides or {}}
        state["release"] = release
        (self.folder / "state.json").write_text(json.dumps(state))
        (self.folder / "log").write_text("")

    def log(self) -> list[str]:
        """Returns the commands since set(), without options."""
        return (self.folder / "log").read_text().splitlines()


def _plan(names: list[str], lists: dict[str, list[str]], state: dict[str, Any], status: str) -> int:
    """Prints what would be installed in addition to the packages in a dpkg status."""
    installed = {name for line in status.splitlines() if line.startswith(("Package: ", "Provides: ")) for name in line.partition(": ")[2].split(", ")}
    planned: list[str] = []
    while names:
        name, *names = names
        if name in installed or name in planned:
            continue
        if name not in lists:
            return _fail("Unable to correct problems, you have held broken packages.")
        planned.append(name)
        names += state["depends"].get(name, [])
    print("Reading package lists...", *(f"Inst {name} ({lists[name][0]} Fake:12/stable, Fake-Security:12 [amd64]) []" for name in planned), sep="\n")
    return 0


def _fail(message: str) -> int:
    print(f"E: {message}", file=sys.stderr)
    return 100


def main(argv: list[str]) -> int:
    """Runs the program argv[1], with its arguments, on the archive in argv[0]."""
    folder, program, *arguments = argv
    state = json.loads(Path(folder, "state.json").read_text())
    options = [arguments[i + 1] for i, word in enumerate(arguments) if word == "-o"]
    words = [word for i, word in enumerate(arguments) if not word.startswith("-") and (i == 0 or arguments[i - 1] != "-o")]
    private = next((option.partition("=")[2] for option in options if option.startswith("Dir::State::lists=")), "")
    with open(Path(folder, "log"), "a", encoding="utf-8") as log:
        log.write(" ".join([program, *words, *(["(private)"] if private else [])]) + "\n")
    if program == "dpkg" and "--compare-versions" in arguments:
        return subprocess.run(["/usr/bin/dpkg", *arguments], check=False).returncode
    if program == "dpkg":
        print("amd64")
        return 0
    verb, names = words[0], words[1:]
    if verb == "update":
        if state["offline"]:
            return _fail("Failed to fetch the index  Temporary failure resolving the archive")
        Path(private, "main_Packages").write_text("")
        if state["release"]:
            Path(private, "main_InRelease").write_text(state["release"])
        return 0
    if verb == "indextargets":
        print("/lists/main_Packages")
        return 0
    lists = state["fresh" if private else "system"]
    if verb == "install":
        status = next(option.partition("=")[2] for option in options if option.startswith("Dir::State::status="))
        assert "--simulate" in arguments, "apt must not change the machine"
        return _plan(names, lists, state, Path(status).read_text())
    found = 0
    for name in names:
        package, _, version = name.partition("=")
        for candidate in [v for v in lists.get(package, []) if v == version or not version]:
            found += 1
            if verb == "show":
                provided = f"Provides: {', '.join(state['provides'][package])}\n" if package in state["provides"] else ""
                print(f"Package: {package}\nVersion: {candidate}\nArchitecture: amd64\n{provided}SHA256: {checksum(package, candidate)}\n")
            elif state["offline"] or f"{package}={candidate}" not in state["pool"]:
                return _fail(f"Failed to fetch {package}  404  Not Found")
            else:
                data = content(package, candidate) + b"?" * state["wrong"]
                Path(os.getcwd(), f"{package}_{candidate.replace(':', '%3a')}_amd64.deb").write_bytes(data)
            if "--no-all-versions" in arguments:
                break
    return 0 if found else _fail("No packages found")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
