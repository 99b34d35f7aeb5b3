"""Unpacks Debian packages with libraries into a repository, and writes its BUILD file.

    unpack_libraries NAME [--deb=FILE]… [--library=TARGET=libX.so]… [--program=PROGRAM]…

The packages go to the folder root. A library's target has every library of the packages that it needs, directly or through
another: the linker looks each of them up, and the built program finds them beside itself. binutils, which the compiler needs
too, reads what a library needs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["LibraryError", "build_file", "closure", "main", "needed", "read_dynamic"]

_ROOT = Path("root")
_RULES = """load("@rules_cc//cc:defs.bzl", "cc_library")

package(default_visibility = ["//visibility:public"])

cc_library(
    name = "headers",
    hdrs = glob(["root/usr/include/**"]),
    includes = ["root/usr/include"],
)
"""
_LIBRARY = """
cc_library(
    name = {name},
    srcs = {files},
    deps = [":headers"],
)
"""
_PROGRAM = """
filegroup(
    name = {name},
    srcs = ["root/usr/bin/{program}"],
)
"""
_LIBRARIES = """
filegroup(
    name = "program_libraries",
    srcs = {files},
)
"""


class LibraryError(Exception):
    """The packages lack something that was asked for; the text says what."""


def read_dynamic(text: str) -> tuple[str, list[str]]:
    """Returns the soname and the needed libraries in the output of `objdump -p`."""
    soname = re.search(r"^\s+SONAME\s+(\S+)", text, re.MULTILINE)
    return (soname[1] if soname else ""), re.findall(r"^\s+NEEDED\s+(\S+)", text, re.MULTILINE)


def needed(path: Path) -> tuple[str, list[str]]:
    """Returns the soname and the needed libraries of a file.

    Raises:
        LibraryError: binutils is missing, or the file is not a library.
    """
    try:
        done = subprocess.run(["objdump", "-p", str(path)], capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})
    except FileNotFoundError:
        raise LibraryError("objdump is not on PATH. Install binutils, which the compiler needs too.") from None
    if done.returncode:
        raise LibraryError(f"{path} is not a library ({done.stderr.strip()}). Fetch the package again.")
    return read_dynamic(done.stdout)


def closure(start: str, libraries: Mapping[str, tuple[Path, list[str]]]) -> list[Path]:
    """Returns a library and those that it needs, as far as the packages have them, sorted.

    Args:
        start: a soname.
        libraries: soname → file and the needed sonames.
    """
    found: set[str] = set()
    waiting = [start]
    while waiting:
        soname = waiting.pop()
        if soname in libraries and soname not in found:
            found.add(soname)
            waiting += libraries[soname][1]
    return sorted(libraries[soname][0] for soname in found)


def _libraries() -> dict[str, tuple[Path, list[str]]]:
    """Returns the libraries of the packages: soname → file with that name, and the needed sonames."""
    found = {}
    for path in sorted(_ROOT.glob("usr/lib/*/*.so.*")) + sorted(_ROOT.glob("lib/*/*.so.*")):
        if path.is_symlink() or not path.is_file():
            continue
        soname, wanted = needed(path)
        named = path.with_name(soname) if soname else path
        if soname and named.exists():
            found[soname] = (named, wanted)
    return found


def _link(name: str, libraries: Mapping[str, tuple[Path, list[str]]]) -> list[Path]:
    """Returns the files to link for libX.so or libX.a.

    Raises:
        LibraryError: the packages do not have it.
    """
    # A link without its library counts: the error names what it links to.
    links = sorted(folder / name for folder in _ROOT.glob("usr/lib/*") if os.path.lexists(folder / name))
    if not links:
        raise LibraryError(f"libraries: the packages have no {name}. Add the development package that has it to a debian_packages repository in packages.")
    if name.endswith(".a"):
        return links
    if not links[0].exists():
        raise LibraryError(f"libraries: {name} links to {os.readlink(links[0])}, which no package has. Add the package with that library.")
    soname, _ = needed(links[0])
    return closure(soname, libraries)


def build_file(targets: Mapping[str, Sequence[Path]], programs: Sequence[str], all_libraries: Sequence[Path]) -> str:
    """Returns the text of the BUILD file.

    Args:
        targets: the files to link, by target.
        programs: names of programs.
        all_libraries: every library of the packages.
    """

    def listed(files: Sequence[Path]) -> str:
        return "[" + ", ".join(f'"{file}"' for file in files) + "]"

    parts = [_RULES]
    parts += [_LIBRARY.format(name=f'"{name}"', files=listed(files)) for name, files in sorted(targets.items())]
    parts += [_PROGRAM.format(name=f'"{program}"', program=program) for program in sorted(programs)]
    if programs:
        parts.append(_LIBRARIES.format(files=listed(sorted(all_libraries))))
    return "".join(parts)


def _unpack(debs: Sequence[str]) -> None:
    _ROOT.mkdir()
    for deb in debs:
        try:
            done = subprocess.run(["dpkg-deb", "--extract", deb, str(_ROOT)], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise LibraryError("dpkg-deb is not on PATH. Debian packages are unpacked by Debian's own dpkg, so build there.") from None
        if done.returncode:
            raise LibraryError(f"{deb} cannot be unpacked ({done.stderr.strip()}). Fetch it again.")


def main(argv: Sequence[str]) -> int:
    """Unpacks and writes BUILD, as the arguments say (see the module's text), in the current folder."""
    name, *words = argv
    options: dict[str, list[str]] = {"--deb": [], "--library": [], "--program": []}
    for word in words:
        option, _, value = word.partition("=")
        options[option].append(value)
    try:
        _unpack(options["--deb"])
        libraries = _libraries()
        targets: dict[str, list[Path]] = {}
        for word in options["--library"]:
            target, _, library = word.partition("=")
            files = targets.setdefault(target, [])
            files += [file for file in _link(library, libraries) if file not in files]
        for program in options["--program"]:
            if not (_ROOT / "usr/bin" / program).exists():
                raise LibraryError(
                    f"programs: the packages have no /usr/bin/{program}. Add the package that has it to a debian_packages repository in packages."
                )
    except LibraryError as error:
        print(f"ERROR: debian_cc_libraries {name}: {error}", file=sys.stderr)
        return 1
    Path("BUILD").write_text(build_file(targets, options["--program"], [file for file, _ in libraries.values()]), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
