"""What a release holds: which files of the repository users need, and why.

The repository rule in source.bzl runs this module as a program: `contents.py ROOT FOLDER` links the files of a release into FOLDER.
"""

from __future__ import annotations

import fnmatch
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath


@dataclass(frozen=True)
class Part:
    """Files that a release holds for one reason.

    Attributes:
        reason: what users need them for.
        paths: files, and folders with everything below them; each path belongs to the first part that names it.
        budget: the most KiB that they may take, so that a release grows only on purpose.
    """

    reason: str
    paths: tuple[str, ...]
    budget: int


@dataclass(frozen=True)
class LeftOut:
    """Files below the parts' paths that a release does not hold.

    Attributes:
        reason: why users do not need them.
        patterns: of paths, as fnmatch reads them.
    """

    reason: str
    patterns: tuple[str, ...]


PARTS = (
    Part("The license, and where to read on.", ("LICENSE", "README.md", "CHANGELOG.md"), 60),
    Part(
        "What WORKSPACE and MODULE.bazel of another repository load.",
        ("BUILD", "MODULE.bazel", "WORKSPACE", "WORKSPACE.bzlmod", "extensions.bzl", "repositories.bzl", "setup.bzl", ".bazelignore"),
        12,
    ),
    # cluster_constants.bzl has the defaults; pyproject.toml the settings of `check`.
    Part("The command, which the launcher of another repository runs.", ("turnup", "cli", "cluster_constants.bzl", "pyproject.toml"), 260),
    Part("The clusters that the command creates.", ("cluster",), 520),
    Part("The rules.", ("rules",), 2800),
    Part("The Jsonnet library.", ("lib",), 140),
    Part("What //prod:setup of another repository applies.", ("prod",), 160),
    Part("Locked packages that the rules and the command use.", ("third_party",), 340),
    Part("Documentation to read without network.", ("docs",), 300),
)

LEFT_OUT = (
    LeftOut(
        "Tests, and what only tests use.",
        ("*_test.py", "*_test.go", "*_test.jsonnet", "*Test.java", "*/conftest.py", "*/tests/*", "*/testing/*", "*/testdata/*", "*/fake_*.py", "lib/fail/*"),
    ),
    LeftOut("Samples.", ("*/examples/*", "third_party/java/maven.*")),
    LeftOut("Benchmarks, and the pictures of the pages.", ("third_party/python/bench.*", "docs/benchmarks.*", "docs/pictures/*")),
    LeftOut("Programs that only Turnup's own tests run.", tuple(f"third_party/go/{name}/*" for name in ("crane", "distribution", "kube_score", "operator"))),
    LeftOut("What generates the documentation.", ("docs/tools/*", "docs/BUILD")),
)

_NAMES = frozenset(("BUILD", "BUILD.bazel", "LICENSE", "MODULE.bazel", "WORKSPACE", "WORKSPACE.bzlmod", "turnup", ".bazelignore"))
_KINDS = frozenset(
    (
        *(".bzl", ".cc", ".go", ".h", ".java", ".jsonnet", ".libsonnet", ".patch", ".proto", ".py", ".sh", ".tpl"),
        *(".in", ".json", ".lock", ".md", ".mod", ".sum", ".toml", ".txt", ".yaml", ".yml"),
    )
)
# What editors, Python and Bazel leave in a checkout. They are not files of the repository, so a release is the same with and without them.
_LEFTOVERS = ("__pycache__", "node_modules")

VERSION_FILE = "cli/common/workspace.py"


def part_of(path: str) -> Part | None:
    """Returns the part that names a path or a folder of it, whether or not a release holds the file; None: users need none like it."""
    parents = {path, *map(str, PurePosixPath(path).parents)}
    return next((part for part in PARTS if parents.intersection(part.paths)), None)


def left_out(path: str) -> LeftOut | None:
    """Returns why a release does not hold a file below the parts' paths; None if it does."""
    return next((row for row in LEFT_OUT if any(fnmatch.fnmatchcase(path, pattern) for pattern in row.patterns)), None)


def is_known_kind(path: str) -> bool:
    """Returns whether a file has a name or suffix that files of the repository have, and not one of an editor or a cache."""
    name = PurePosixPath(path)
    return name.name in _NAMES or name.suffix in _KINDS


def is_released(path: str) -> bool:
    """Returns whether a release holds a file.

    Args:
        path: relative to the root.
    """
    return part_of(path) is not None and left_out(path) is None and is_known_kind(path)


def released(root: Path) -> list[str]:
    """Returns the files of a checkout that a release holds, sorted, relative to its root."""
    return sorted(path for path in _walk(root) if is_released(path))


def _walk(root: Path) -> Iterator[str]:
    for named in (path for part in PARTS for path in part.paths):
        if (root / named).is_file():
            yield named
        for folder, folders, files in os.walk(root / named):
            folders[:] = [name for name in folders if name not in _LEFTOVERS]
            for name in files:
                yield (Path(folder) / name).relative_to(root).as_posix()


def version(root: Path) -> str:
    """Returns Turnup's version, which one file has."""
    found = re.search(r'^VERSION = "([\w.+-]+)"$', (root / VERSION_FILE).read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        raise SystemExit(f'{VERSION_FILE} has no line VERSION = "…"; write the version there')
    return found[1]


def link(root: Path, folder: Path) -> None:
    """Links the files of a release into a folder, each with `.file` behind its name: Bazel would take a BUILD file for a package."""
    for path in released(root):
        place = folder / f"{path}.file"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(root / path)


def main(argv: Sequence[str] = ()) -> int:
    """Links the files of a checkout into a folder, and prints the version.

    Args:
        argv: the checkout's root and the folder; empty: those of the process.
    """
    root, folder = map(Path, argv or sys.argv[1:])
    link(root, folder)
    print(version(root))
    return 0


if __name__ == "__main__":
    sys.exit(main())
