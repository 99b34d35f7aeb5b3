"""The files that the commands check, by kind: those that git tracks or would track."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cluster.common.errors import TurnupError, UsageError
from cluster.common.process import NOT_FOUND, Result, Runner

# The branch that changes are compared with. If it does not exist, they are compared with HEAD.
MAIN_BRANCH = "origin/main"
PYTHON, STARLARK, JSONNET, SHELL, TEMPLATE = "Python", "Starlark", "Jsonnet", "shell", "shell template"
GO, MODULE = "Go", "Go module"
# Path → why no tool checks it.
EXCLUDED: Mapping[str, str] = {
    "rules/jsonnet/examples/errors/syntax.fail.jsonnet": "does not parse, on purpose",
}
# Folder of a Go module → why `go vet` does not check it there.
NOT_VETTED: Mapping[str, str] = {
    "go": "imports packages that Bazel generates; its go_test targets vet it",
    "rules/go/tests": "imports packages that Bazel generates; its go_test target vets it",
}
# Files that decide what a tool reports: if one of them has changed, every file is checked.
_SETTINGS = ("third_party/python/check.lock", "third_party/python/requirements.lock", "cli/check/files.py", "cli/check/tools.py")
_SETTINGS_NAMES = frozenset((
    "pyproject.toml", "ruff.toml", ".ruff.toml", "mypy.ini", ".mypy.ini", ".shellcheckrc", "shellcheckrc", ".buildifier.json",
))  # fmt: skip
# The sources of buildifier and jsonnet-tools.
_TOOL_FOLDERS = ("third_party/go/buildtools/", "third_party/go/jsonnet/")
_BY_NAME = dict.fromkeys(("BUILD", "BUILD.bazel", "WORKSPACE", "WORKSPACE.bazel", "MODULE.bazel"), STARLARK)
_BY_NAME.update({"go.mod": MODULE, "go.sum": MODULE})
_BY_SUFFIX = {
    ".bash": SHELL,
    ".bzl": STARLARK,
    ".go": GO,
    ".jsonnet": JSONNET,
    ".libsonnet": JSONNET,
    ".py": PYTHON,
    ".sh": SHELL,
    ".sh.tpl": TEMPLATE,
}


@dataclass(frozen=True)
class FileSet:
    """Files of the workspace, relative to its root.

    Attributes:
        names: what a tool reports on, sorted.
        tracked: every file of the workspace, for tools that need the whole.
        deleted: files that no longer exist, which others may still need.
        by_path: whether the user named the paths.
    """

    root: Path
    names: tuple[str, ...]
    tracked: tuple[str, ...]
    by_path: bool = False
    deleted: tuple[str, ...] = ()

    def of(self, kind: str) -> list[str]:
        """Returns the names of one kind."""
        return [name for name in self.names if kind_of(name, self.root) == kind]

    def all_of(self, kind: str) -> list[str]:
        """Returns all tracked names of one kind, including those that the user did not choose."""
        return [name for name in self.tracked if kind_of(name, self.root) == kind]

    def deleted_of(self, kind: str) -> list[str]:
        """Returns the deleted names of one kind."""
        return [name for name in self.deleted if kind_of(name, self.root) == kind]

    def go_modules(self) -> list[str]:
        """Returns the folders of the Go modules of the chosen files; leaves out modules without a Go file, and those in NOT_VETTED."""
        folders = {str(PurePosixPath(name).parent) for name in self.tracked if name.endswith("go.mod")}
        with_code = {_nearest(name, folders) for name in self.tracked if name.endswith(".go")}
        names = [name for kind in (GO, MODULE) for name in self.of(kind) + self.deleted_of(kind)]
        return sorted({_nearest(name, folders) for name in names} & with_code - {"", *NOT_VETTED})


def _nearest(name: str, folders: Iterable[str]) -> str:
    """Returns the innermost of the folders that contain a file; "" if none does."""
    return next((str(parent) for parent in PurePosixPath(name).parents if str(parent) in folders), "")


def kind_of(name: str, root: Path) -> str:
    """Returns the kind of a file, by its name or, without a suffix, by its first line; "" for an unknown kind."""
    path = PurePosixPath(name)
    kind = _BY_NAME.get(path.name) or _BY_SUFFIX.get("".join(path.suffixes[-2:])) or _BY_SUFFIX.get(path.suffix)
    if kind or path.suffix:
        return kind or ""
    try:
        with (root / name).open("rb") as stream:
            first = stream.readline(80)
    except OSError:
        return ""
    if not first.startswith(b"#!"):
        return ""
    return PYTHON if b"python" in first else SHELL if first.split()[-1].endswith(b"sh") else ""


def printable(name: str) -> str:
    """Returns a file's name with escapes for the bytes that are not UTF-8."""
    return os.fsencode(name).decode(errors="backslashreplace")


def is_test(name: str) -> bool:
    """Returns whether a Python file is a test or is used only by tests."""
    path = PurePosixPath(name)
    return path.name.endswith("_test.py") or path.name == "conftest.py" or "tests" in path.parts[:-1]


def is_setting(name: str) -> bool:
    """Returns whether a file decides what a tool reports: a setting, or what pins or builds the tool."""
    return name in _SETTINGS or PurePosixPath(name).name in _SETTINGS_NAMES or name.startswith(_TOOL_FOLDERS)


def everything(runner: Runner, root: Path) -> FileSet:
    """Returns all files that git tracks or would track."""
    names = _tracked(runner, root)
    return FileSet(root, names, names)


def changed(runner: Runner, root: Path) -> FileSet:
    """Returns the files that differ from the commit where this branch left `MAIN_BRANCH`, including untracked and deleted files.

    If a setting of a tool differs, returns every file.
    """
    tracked = _tracked(runner, root)
    base = _git(runner, root, "merge-base", "HEAD", MAIN_BRANCH)
    diff = _git(runner, root, "diff", "--name-only", "--no-renames", "-z", base.stdout.strip() if base.code == 0 else "HEAD")
    if diff.code:  # the repository has no commit yet
        return FileSet(root, tracked, tracked)
    untracked = _git(runner, root, "ls-files", "--others", "--exclude-standard", "-z")
    different = {*diff.stdout.split("\0"), *untracked.stdout.split("\0")} - {""}
    deleted = tuple(sorted(name for name in different if not (root / name).is_file() and not (root / name).is_symlink()))
    names = tracked if any(map(is_setting, different)) else tuple(name for name in tracked if name in different)
    return FileSet(root, names, tracked, deleted=deleted)


def below(paths: Sequence[str], runner: Runner, root: Path) -> FileSet:
    """Returns the files at some paths, and those in the folders at these paths.

    Args:
        paths: as typed: relative to the working folder, or absolute.
        runner: runs git.
        root: the workspace.

    Raises:
        UsageError: a path is empty, does not exist or is outside the workspace.
    """
    tracked = _tracked(runner, root)
    prefixes = []
    for path in paths:
        if not path:
            raise UsageError("A path is empty. Name files or folders of the workspace.")
        there = Path(path).absolute()
        if not there.exists():
            raise UsageError(f"{path} does not exist. Name files or folders of the workspace.")
        if not there.resolve().is_relative_to(root.resolve()):
            raise UsageError(f"{path} is outside the workspace {root}. Name files or folders in it.")
        prefixes.append(there.resolve().relative_to(root.resolve()))
    names = [name for name in tracked if any(PurePosixPath(name).is_relative_to(prefix) for prefix in prefixes)]
    return FileSet(root, tuple(names), tracked, by_path=True)


def _git(runner: Runner, root: Path, *words: str) -> Result:
    # safe.directory: in a container the files may belong to another account.
    words = ("git", "-c", "safe.directory=*", "-C", str(root), *words)
    return runner.run(words, check=False, timeout=60.0, errors="surrogateescape")  # a name need not be UTF-8


def _tracked(runner: Runner, root: Path) -> tuple[str, ...]:
    listed = _git(runner, root, "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    if listed.code:
        last = listed.output.rpartition("\n")[2]
        detail = last or ("git is not installed" if listed.code == NOT_FOUND else f"exit code {listed.code}")
        raise TurnupError(f"{root}: git cannot list the files ({detail}). Run turnup in a git checkout.")
    names = (name for name in listed.stdout.split("\0") if name and name not in EXCLUDED)
    return tuple(sorted({name for name in names if (root / name).is_file() and not (root / name).is_symlink()}))
