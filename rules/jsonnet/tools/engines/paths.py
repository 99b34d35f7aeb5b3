"""Workspace paths: one tree of names for source files and generated files.

`bazel-out/<configuration>/bin/svc/service.json` is imported as `svc/service.json`, and `../repository/a.libsonnet` of a
runfiles folder as `external/repository/a.libsonnet`.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

_REPOSITORY = re.compile(r"external/[^/]+")
_OUTPUT_ROOT = re.compile(r"^bazel-out/[^/]+/(?:bin|genfiles)/")


def workspace_path(path: str) -> str:
    """Converts a path in the execution root or the runfiles to a workspace path.

    Args:
        path: relative path with `/`.

    Returns:
        The file's path from the workspace root.
    """
    path = _OUTPUT_ROOT.sub("", posixpath.normpath(path))
    return "external/" + path[3:] if path.startswith("../") else path


def repository_root(path: str) -> str:
    """Returns the root of the repository that has a file: `external/NAME`, or `.` for the main repository.

    Args:
        path: a workspace path.
    """
    match = _REPOSITORY.match(path)
    return match[0] if match else "."


def is_repository_root(path: str) -> bool:
    """Returns whether a workspace path is the root of another repository."""
    return _REPOSITORY.fullmatch(path) is not None


def apparent_name(root: str) -> str:
    """Returns the name that a BUILD file has for a repository.

    With Bzlmod, folders have canonical names: `turnup~0.2.0` or `turnup+` for a module, and `module~~extension~name` or
    `module++extension+name` for what an extension made.

    Args:
        root: `external/NAME`.
    """
    name = root.partition("/")[2]
    parts = re.split("[~+]", name)
    return parts[-1] if len(parts) > 2 and parts[-1] else parts[0]


def runfile(runfiles: Path, repository: str, name: str) -> Path:
    """Returns the path of a file in a runfiles tree.

    With Bzlmod the folder of a repository has the names of a module and of an extension before its own: `turnup~~turnup~jsonnet_tools`.

    Args:
        runfiles: the tree's root.
        repository: the repository's name in BUILD files.
        name: the file's path in the repository. It need not exist.
    """
    folders = [path for path in runfiles.glob(f"*{repository}") if re.split("[~+]", path.name)[-1] == repository]
    return (folders[0] if folders else runfiles / repository) / name
