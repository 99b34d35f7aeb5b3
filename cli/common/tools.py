"""The tools that turnup needs on the machine.

`doctor` prints the table `TOOLS`; `up` and `test` install what is missing from it.
"""

import os
import re
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.common.process import NOT_FOUND, TIMED_OUT, Runner
from cluster.programs.debian import HOST_TOOLS

Version = tuple[int, ...]
# Debian's Bazel prints this instead of a version; the package is 4.2.3.
_DEBIAN_BAZEL = "no_version"
BAZEL_OLDEST: Version = (4, 2)
# Bazel 8 has none of the native rules that the stand-ins of third_party/bazel lead to.
BAZEL_NEWEST: Version = (8,)


@dataclass(frozen=True)
class Tool:
    """Something that must be on the machine.

    Attributes:
        name: what to call it.
        wanted: the supported versions, in words.
        package: the Debian package that has it.
        programs: its names on PATH, one of which is enough; empty if it is not a program.
        paths: its files or folders, one of which is enough, if it is not a program.
        version_words: the arguments that make it print its version; None if any version is supported.
        oldest: the oldest supported version; () for no limit.
        newest: the first version that is too new; () for no limit.
    """

    name: str
    wanted: str
    package: str
    programs: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    version_words: tuple[str, ...] | None = None
    oldest: Version = ()
    newest: Version = ()


@dataclass(frozen=True)
class Found:
    """The result of a search for a tool.

    Attributes:
        tool: the tool.
        fits: whether a supported version was found.
        version: the version found; "" if unknown or not asked for.
        path: where it is; "" if nothing was found.
    """

    tool: Tool
    fits: bool
    version: str
    path: str


def _package_files(name: str, *paths: str) -> Tool:
    return Tool(name, f"Debian's {name}", name, paths=paths)


BAZEL = Tool("bazel", "4.2 to 7", "bazel-bootstrap", ("bazel",), (), ("--version",), BAZEL_OLDEST, BAZEL_NEWEST)
# Runs Bazel's tools; another Python may run this command. These are the names and versions of rules/python/private/host_python.bzl.
_PYTHONS = ("python3.11", "python3.12", "python3.13", "python3")
BUILD_PYTHON = Tool("python", "3.11 to 3.13, for Bazel's tools", "python3.11", _PYTHONS, (), ("--version",), (3, 11), (3, 14))
TOOLS: tuple[Tool, ...] = (
    BUILD_PYTHON,
    Tool("git", "any", "git", ("git",), (), ("--version",)),
    BAZEL,
    _package_files("bazel-platforms", "/usr/share/bazel/tools/platforms"),
    _package_files("bazel-skylib", "/usr/share/bazel/tools/skylib"),
    _package_files("bazel-rules-java", "/usr/share/bazel/rules/java"),
    _package_files("bazel-rules-proto", "/usr/share/bazel/rules/proto"),
    Tool("javac", "11 or newer", "default-jdk-headless", ("javac",), (), ("-version",), (11,)),
    Tool("mvn", "3.6 to 3.9", "maven", ("mvn",), (), ("--version",), (3, 6), (4,)),
    Tool("gcc", "any", "gcc", ("gcc", "cc"), (), ("--version",)),
    *(Tool(program, "any", package, (program,)) for program, package in HOST_TOOLS.items()),
)
# Only the k3d provider needs these; package says how to get them.
OPTIONAL_TOOLS: tuple[Tool, ...] = (
    # A client without an engine answers --version, but not this.
    Tool(
        "docker",
        "client and running engine (provider k3d)",
        "start the Docker engine, or see Docker's own installation guide",
        ("docker",),
        (),
        ("version", "--format", "{{.Server.Version}}"),
        (1,),
    ),
    Tool("k3d", "5 or newer (provider k3d)", "see k3d's own installation guide", ("k3d",), (), ("version",), (5,)),
)


def parse_version(text: str) -> str:
    """Returns the first version in a text, such as `4.2.3` or `17.0.15`; "" if there is none."""
    found = re.search(r"\d+(?:\.\d+)+|(?<=\s)\d+(?=\s|$)", text)
    return found[0] if found else ""


def version_fits(version: str, oldest: Version, newest: Version) -> bool:
    """Returns whether oldest <= version < newest, for a version such as `4.2.3`; () means no limit."""
    parts = tuple(int(part) for part in version.split(".") if part)
    return (not oldest or parts >= oldest) and (not newest or parts < newest)


def _candidates(tool: Tool, path: str) -> list[str]:
    found = [shutil.which(program, path=folder) for folder in path.split(os.pathsep) for program in tool.programs if folder]
    return list(dict.fromkeys(candidate for candidate in found if candidate))


def find(tool: Tool, runner: Runner, environ: Mapping[str, str] = os.environ) -> Found:
    """Returns the first program on PATH with a supported version, otherwise the first one on PATH."""
    if not tool.programs:
        path = next((path for path in tool.paths if Path(path).exists()), "")
        return Found(tool, bool(path), "", path)
    misfit = Found(tool, False, "", "")
    for path in _candidates(tool, environ.get("PATH", os.defpath)):
        version = ""
        if tool.version_words is not None:
            answer = runner.run([path, *tool.version_words], check=False, timeout=10)
            if answer.code in (NOT_FOUND, TIMED_OUT):
                continue
            if answer.code == 0:  # an error message may have a version, too, such as that of an API
                version = "4.2.3 (Debian)" if _DEBIAN_BAZEL in answer.output else parse_version(answer.output)
        number = version.split(" ")[0]
        fits = version_fits(number, tool.oldest, tool.newest) if number else not (tool.oldest or tool.newest)
        found = Found(tool, fits, version, path)
        if fits:
            return found
        misfit = misfit if misfit.path else found
    return misfit


def find_all(runner: Runner, table: Sequence[Tool] | None = None) -> list[Found]:
    """Looks for every tool of a table, in its order; None means TOOLS."""
    return [find(tool, runner) for tool in (TOOLS if table is None else table)]


def python() -> Found:
    """Returns the Python that runs this command; the launcher has checked its version."""
    tool = Tool("python", "3.11 or newer", "python3", ("python3",), (), (), (3, 11))
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Found(tool, sys.version_info >= (3, 11), ".".join(map(str, sys.version_info[:3])), base)
