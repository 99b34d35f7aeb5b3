"""A Java runtime with only some modules, made with jlink.

    runtime --where=LABEL --jdk=DIR --modules=FILE --output=DIR

The output has the runtime at /usr/lib/jvm/java, a link to it in /usr/bin, and its package's data for scanners: a runtime that
jlink made has the faults of the package that it is made from.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from rules.image.tools.arguments import read_arguments
from rules.image.tools.errors import InputError, writing
from rules.image.tools.java import jdk

HOME = "usr/lib/jvm/java"
# Libraries for graphics, printing, sound and smart cards: what they link to is not in a server's image.
_NO_LIBRARIES = ("libfontmanager.so", "libj2pcsc.so", "libjavajpeg.so", "libjsound.so", "liblcms.so")
_OPTIONS = (
    "--strip-java-debug-attributes",
    "--no-header-files",
    "--no-man-pages",
    "--compress=0",
    # It generates classes for method handles by iterating over sets, which have one of two orders in each run of a JVM.
    "--disable-plugin",
    "generate-jli-classes",
)
_TIMEOUT = 600  # seconds; it takes 3


def environment() -> dict[str, str]:
    """Returns the environment of the JDK's programs: nothing of the machine changes what they do."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def link(home: Path, modules: Sequence[str], where: str, out: Path) -> None:
    """Makes a runtime.

    Args:
        home: the JDK, as jdk.unpack writes it.
        modules: the modules; those that they require come with them.
        where: the target, for errors.
        out: an empty or missing folder, the root of an image.

    Raises:
        InputError: the JDK has no such module, or jlink failed.
    """
    shutil.rmtree(out, ignore_errors=True)
    target = out / HOME
    target.parent.mkdir(parents=True)
    command: list[str | Path] = [home / "bin/jlink", "--module-path", home / "jmods", "--add-modules", ",".join(modules), *_OPTIONS, "--output", target]
    try:
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{where}: jlink of the locked JDK did not run ({error}); it needs Linux with the C library of Debian 12 or newer") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip().partition("\n")[0].removeprefix("Error: ")
        raise InputError(f"{where}: jlink failed ({said}); correct modules")
    for path in (target / "bin").iterdir():
        if path.name != "java":
            path.unlink()
    for name in _NO_LIBRARIES:
        (target / "lib" / name).unlink(missing_ok=True)
    shutil.copyfile(home / jdk.CERTIFICATES, target / "lib/security/cacerts")
    for path in sorted(target.rglob("*")):
        if path.is_symlink():
            source = path.resolve()
            path.unlink()
            shutil.copyfile(source, path)
    _describe(home, out)


def _describe(home: Path, out: Path) -> None:
    """Writes the status of the package that the runtime comes from, as dpkg does, with the files that are left of it."""
    control = (home / jdk.CONTROL).read_text("utf-8")
    name = re.search(r"^Package: *(\S+)", control, re.MULTILINE)
    folder = out / "var/lib/dpkg/status.d"
    folder.mkdir(parents=True)
    package = name[1] if name else "openjdk"
    (folder / package).write_text(control, encoding="utf-8")
    sums = [
        f"{hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()}  {path.relative_to(out)}\n"
        for path in sorted((out / HOME).rglob("*"))
        if path.is_file()
    ]
    (folder / f"{package}.md5sums").write_text("".join(sums), encoding="utf-8")


def main(argv: Sequence[str]) -> int:
    """Makes the runtime as the arguments say (see the module's text)."""
    parser = argparse.ArgumentParser(prog="runtime", allow_abbrev=False)
    parser.add_argument("--where", required=True)
    parser.add_argument("--jdk", required=True, type=Path)
    parser.add_argument("--modules", required=True, type=Path)
    parser.add_argument("--output", required=True, type=Path)
    options = parser.parse_args(read_arguments(argv))
    modules = options.modules.read_text("utf-8").split()
    with writing(options.where, options.output):
        # jlink follows the JDK to its real place, where an action's sandbox does not reach.
        link(Path(os.path.abspath(options.jdk)), modules, options.where, options.output)
    return 0
