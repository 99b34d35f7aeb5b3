"""Fills a pip_wheels repository: downloads the wheels of some packages of a lock with pip, and writes what each depends on.

Runs as `python -m rules.python.tools.download_wheels SHARE` in the repository's folder, with a file that pip_hub.py wrote, on an
interpreter that has pip.
"""

from __future__ import annotations

import email.parser
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from pathlib import Path

from rules.common.caches import cache_dir
from rules.common.errors import InputError
from rules.python.tools.locked import Package, normalize, required

__all__ = ["explain", "main", "requires"]

_BUILD = """exports_files(
    glob(["*.whl"]) + ["wheels.bzl"],
    visibility = ["//visibility:public"],
)
"""


def requires(wheel: Path, extras: list[str]) -> list[str]:
    """Returns the packages that a wheel needs on this interpreter.

    Args:
        wheel: the .whl file.
        extras: the extras of the wheel that are asked for.

    Returns:
        sorted normalized names.

    Raises:
        InputError: the file is not a wheel with metadata.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n)]
            if len(names) != 1:
                raise InputError(f"{wheel.name} has {len(names)} METADATA files instead of one: remove it from the lock")
            metadata = email.parser.BytesParser().parsebytes(archive.read(names[0]))
    except zipfile.BadZipFile as error:
        raise InputError(f"{wheel.name} is not a readable wheel ({error}): remove it from the lock") from None
    found = required(metadata.get_all("Requires-Dist") or [], extras)
    return sorted(found - {normalize(wheel.name.split("-")[0])})


def explain(package: Package, lock: str, said: str) -> str:
    """Returns why pip has no file for a package, as a sentence.

    Args:
        package: the package.
        lock: the lock's label.
        said: what pip wrote to stderr.
    """
    version = platform.python_version()
    other = f"Compile the lock with Python {sysconfig.get_python_version()}, or choose another Python with TURNUP_PYTHON."
    if wanted := re.search(r"Requires-Python (\S+)", said):
        return f"{lock}: {package.requirement} needs Python {wanted[1].rstrip(';,')}, and this Python is {version}. {other}"
    if "DO NOT MATCH THE HASHES" in said:
        file = re.search(r"/([^/#\s]+\.whl)", said)
        chosen = f"{file[1]}, which is" if file else "the wheel"
        return (
            f"{lock}: {package.requirement} has no hash of {chosen} for Python {version}. {other} If it is that Python's lock, do not trust the package index."
        )
    if "from versions: none" in said or "from versions:" not in said:
        lines = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR")] or ["pip download failed"]
        return f"{lock}: {lines[-1]} (is the package index reachable? see pip config list)"
    return f"{lock}: {package.requirement} has no wheel for Python {version} on {platform.machine()}. {other}"


def _cache() -> Path | None:
    """Returns the folder with wheels that pip chose for this interpreter before; None if the cache must not be used."""
    try:
        folder = cache_dir() / "wheels"
    except InputError:
        return None
    return folder / "-".join((sysconfig.get_config_var("SOABI") or sys.implementation.cache_tag, *platform.libc_ver()))


def _is_intact(wheel: Path, digest: str) -> bool:
    """Returns whether a file has the SHA-256 that its place in the cache says."""
    with wheel.open("rb") as opened:
        found = hashlib.sha256()
        while block := opened.read(1 << 20):
            found.update(block)
    return found.hexdigest() == digest


def _cached(package: Package, cache: Path) -> Path | None:
    """Returns the cached wheel of a package; None if there is none. A file with other bytes than the lock says is not used."""
    for algorithm, _, digest in (each.partition(":") for each in package.hashes):
        for wheel in (cache / digest).glob("*.whl") if algorithm == "sha256" and re.fullmatch("[0-9a-f]{64}", digest) else ():
            if normalize(wheel.name.split("-")[0]) == package.name and _is_intact(wheel, digest):
                return wheel
    return None


def _keep(wheel: Path, cache: Path) -> None:
    """Puts a wheel into the cache; a cache that cannot be written stays as it is."""
    folder = cache / hashlib.sha256(wheel.read_bytes()).hexdigest()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as temporary:
            temporary.write(wheel.read_bytes())
        os.replace(temporary.name, folder / wheel.name)
    except OSError:
        return


def _download(package: Package, lock: str, options: list[str]) -> Path:
    """Returns the wheel of a package that pip downloads into the current folder."""
    before = set(Path().glob("*.whl"))
    line = " ".join([package.requirement, *(f"--hash={each}" for each in package.hashes)])
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--dest", ".", "--requirement", "/dev/stdin"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    text = "\n".join([*options, line]) + "\n"
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=environment)
    made = set(Path().glob("*.whl")) - before
    if done.returncode != 0 or not made:
        raise InputError(explain(package, lock, done.stderr))
    return made.pop()


def main(argv: list[str]) -> int:
    """Writes the repository into the current folder.

    Args:
        argv: the path of the file with the packages.

    Returns:
        0, or 1 after one sentence on stderr.
    """
    share = json.loads(Path(argv[0]).read_text())
    cache = _cache()
    rows = []
    try:
        for package in (Package(**each) for each in share["packages"]):
            if cache and (kept := _cached(package, cache)):
                wheel = Path(shutil.copyfile(kept, kept.name))
            else:
                wheel = _download(package, share["lock"], share["options"])
                if cache:
                    _keep(wheel, cache)
            needed = json.dumps(requires(wheel, package.extras))
            rows.append(f'    "{package.name}": struct(file = "{wheel.name}", requires = {needed}),\n')
    except InputError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    Path("wheels.bzl").write_text('"""Wheels by package, with the names of what each needs."""\n\nWHEELS = {\n' + "".join(rows) + "}\n")
    Path("BUILD").write_text(_BUILD)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
