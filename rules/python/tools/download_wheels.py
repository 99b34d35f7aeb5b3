"""Fills a pip_repository: downloads each wheel of a lock with pip, then writes one BUILD file a package.

Runs as `python download_wheels.py LOCK` in the repository's folder, on an interpreter that may lack pip (then a venv in the same
folder provides it). Labels are written so that they hold under any name of the repository.
"""

import email.parser
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

_ROOT_BUILD = 'exports_files(["requirements.bzl"])\n'

_REQUIREMENTS_BZL = '''"""Labels of the packages in the lock."""

_PACKAGES = {packages}

all_requirements = [str(Label("//" + p)) for p in _PACKAGES]

def requirement(name):
    """The label of a package.

    Args:
      name: the package's name as PyPI spells it; case, dots, dashes and underscores do not matter.
    Returns:
      the label of its py_library.
    """
    normal = name.lower().replace("-", "_").replace(".", "_")
    if normal not in _PACKAGES:
        fail("requirement(%r): not in the lock; add it to requirements.in and run its update command" % name)
    return str(Label("//" + normal))
'''

_PACKAGE_BUILD = """load("//:wheel_library.bzl", "wheel_library")

package(default_visibility = ["//visibility:public"])

exports_files(glob(["*.whl"]))

wheel_library(
    name = "{name}",
    wheel = "{wheel}",
    deps = {deps},
)
"""


class LockError(Exception):
    """The lock cannot be turned into a repository; the text is one sentence for the user."""


def normalize(name: str) -> str:
    """Returns a distribution's name as a Bazel package name: lower case, every run of - _ . as one underscore (PEP 503 with `_`)."""
    return re.sub(r"[-_.]+", "_", name).lower()


def locked_names(lock: str) -> set[str]:
    """Returns the normalized names of all pinned packages in a requirements file's text."""
    return {normalize(m) for m in re.findall(r"^([A-Za-z0-9._-]+)==", lock, re.MULTILINE)}


def requirements_of(wheel: Path) -> list[str]:
    """Returns the Requires-Dist lines of a wheel's METADATA (Core metadata specification)."""
    with zipfile.ZipFile(wheel) as archive:
        names = [n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
        if len(names) != 1:
            raise LockError(f"{wheel.name} has {len(names)} METADATA files instead of one: remove it from the lock")
        metadata = email.parser.BytesParser().parsebytes(archive.read(names[0]))
    return metadata.get_all("Requires-Dist") or []


def dependencies(wheel: Path, available: set[str], requirement_type: type) -> list[str]:
    """Returns the packages of the lock that a wheel needs on this interpreter.

    Args:
        wheel: the .whl file.
        available: normalized names of the lock. A requirement outside it belongs to an extra that was not requested.
        requirement_type: packaging's Requirement class, which evaluates environment markers (PEP 508).

    Returns:
        sorted normalized names.
    """
    found = set()
    for line in requirements_of(wheel):
        requirement = requirement_type(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found.add(normalize(requirement.name))
    return sorted(found & available - {normalize(wheel.name.split("-")[0])})


def _pip_python() -> str:
    """Returns an interpreter that has pip: this one, or the one of a venv that it creates here."""
    if subprocess.run([sys.executable, "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0:
        return sys.executable
    made = subprocess.run([sys.executable, "-m", "venv", ".venv"], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise LockError("this Python has neither pip nor venv: run ./turnup doctor, or apt-get install python3-venv")
    return str(Path(".venv/bin/python").absolute())


def _download(python: str, lock: Path) -> list[Path]:
    wheels = Path("wheels")
    wheels.mkdir(exist_ok=True)
    command = [
        python,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--require-hashes",
        "--only-binary=:all:",
        "--disable-pip-version-check",
        "--dest",
        str(wheels),
        "--requirement",
        str(lock),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or ["pip download failed"]
        raise LockError(f"{lines[-1].removeprefix('ERROR: ')} (is the package index reachable? see pip config list)")
    return sorted(wheels.glob("*.whl"))


def _relaunch(python: str, argv: list[str]) -> int:
    return subprocess.run([python, os.path.abspath(__file__), *argv], check=False).returncode


def main(argv: list[str]) -> int:
    """Writes the repository into the current folder.

    Args:
        argv: the lock's path.

    Returns:
        0, or 1 after one sentence on stderr.
    """
    lock = Path(argv[0])
    try:
        python = _pip_python()
        if python != sys.executable:
            return _relaunch(python, argv)
        # pip brings packaging, so that marker evaluation needs no package of its own at this point.
        from pip._vendor.packaging.requirements import Requirement

        available = locked_names(lock.read_text())
        wheels = {normalize(w.name.split("-")[0]): w for w in _download(python, lock)}
        for name, wheel in wheels.items():
            deps = [f"//{d}" for d in dependencies(wheel, available, Requirement)]
            package = Path(name)
            package.mkdir(exist_ok=True)
            wheel.rename(package / wheel.name)
            package.joinpath("BUILD").write_text(_PACKAGE_BUILD.format(name=name, wheel=wheel.name, deps=repr(deps).replace("'", '"')))
        Path("BUILD").write_text(_ROOT_BUILD)
        Path("requirements.bzl").write_text(_REQUIREMENTS_BZL.format(packages=repr(sorted(wheels)).replace("'", '"')))
    except LockError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
