"""Fills a pip_hub repository: one BUILD file for each package of a lock, which loads the repository that has its wheel.

Runs as `python -m rules.python.tools.pip_hub LOCK LABEL NAME REPOSITORIES` in the repository's folder, on an interpreter that may
lack pip; then a virtual environment in the same folder provides it.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

from rules.common.errors import InputError

__all__ = ["assign", "main"]

_ROOT_BUILD = 'exports_files(["packages.bzl", "python.txt", "requirements.bzl"])\n'

_PACKAGES_BZL = '''"""The packages of the lock that this Python installs."""

PACKAGES = {packages}
'''

_REQUIREMENTS_BZL = '''"""Labels of the packages in the lock."""

load("//:packages.bzl", "PACKAGES")

all_requirements = [str(Label("//" + name)) for name in PACKAGES]

def requirement(name):
    """The label of a package.

    Args:
      name: the package's name as PyPI spells it; case, dots, dashes and underscores do not matter.
    Returns:
      the label of its py_library.
    """
    normal = name.lower().replace("-", "_").replace(".", "_")
    if normal not in PACKAGES:
        fail("requirement(%r): not in the lock; add it to requirements.in and run its update command" % name)
    return str(Label("//" + normal))
'''

_PACKAGE_BUILD = """load("@{wheels}//:wheels.bzl", "WHEELS")
load("//:packages.bzl", "PACKAGES")
load("//:wheel_library.bzl", "wheel_library")

package(default_visibility = ["//visibility:public"])

wheel_library(
    name = "{name}",
    wheel = "@{wheels}//:" + WHEELS["{name}"].file,
    # A requirement outside the lock belongs to an extra that was not requested.
    deps = ["//" + name for name in WHEELS["{name}"].requires if name in PACKAGES],
)

alias(
    name = "whl",
    actual = "@{wheels}//:" + WHEELS["{name}"].file,
)
"""


def assign(names: list[str], repositories: int) -> dict[str, int]:
    """Returns the number of the repository that gets each package's wheel.

    The number follows from the name, so that a package that is added or removed moves few others. Packages share a repository
    only if there are more of them than repositories.

    Args:
        names: the packages' names.
        repositories: how many repositories there are.
    """
    found: dict[str, int] = {}
    taken: set[int] = set()
    for name in sorted(names):
        if len(taken) == repositories:
            taken.clear()
        number = zlib.crc32(name.encode()) % repositories
        while number in taken:
            number = (number + 1) % repositories
        taken.add(number)
        found[name] = number
    return found


def _pip_python() -> str:
    """Returns an interpreter that has pip: this one, or the one of a virtual environment that it creates here."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        return sys.executable
    made = subprocess.run([sys.executable, "-m", "venv", ".venv"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise InputError("this Python has neither pip nor venv: run ./turnup doctor, or apt-get install python3-venv")
    return str(Path(".venv/bin/python").absolute())


def _write(lock: Path, label: str, name: str, repositories: int) -> None:
    """Writes the repository's files."""
    # Only an interpreter with pip can import it.
    from rules.python.tools.locked import parse

    options, packages = parse(lock.read_text(), label)
    numbers = assign([each.name for each in packages], repositories)
    shares: dict[int, list[dict[str, object]]] = {}
    for package in packages:
        number = numbers[package.name]
        shares.setdefault(number, []).append(dataclasses.asdict(package))
        folder = Path(package.name)
        folder.mkdir()
        (folder / "BUILD").write_text(_PACKAGE_BUILD.format(name=package.name, wheels=f"{name}_{number}"))
    locks = Path("locks")
    locks.mkdir()
    (locks / "BUILD").write_text("")
    for number, share in shares.items():
        (locks / f"{number}.json").write_text(json.dumps({"lock": label, "options": options, "packages": share}, indent=1) + "\n")
    Path("BUILD").write_text(_ROOT_BUILD)
    Path("packages.bzl").write_text(_PACKAGES_BZL.format(packages=json.dumps(dict.fromkeys(sorted(numbers))).replace("null", "None")))
    Path("requirements.bzl").write_text(_REQUIREMENTS_BZL)


def main(argv: list[str]) -> int:
    """Writes the repository into the current folder.

    Args:
        argv: the lock's path and label, the repository's name, and how many repositories with wheels there are.

    Returns:
        0, or 1 after one sentence on stderr.
    """
    lock, label, name, repositories = argv
    try:
        python = _pip_python()
        if python != sys.executable:
            return subprocess.run([python, "-B", "-m", "rules.python.tools.pip_hub", *argv], check=False).returncode
        Path("python.txt").write_text(os.path.abspath(python))
        _write(Path(lock), label, name, int(repositories))
    except InputError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
