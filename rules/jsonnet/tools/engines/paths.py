"""Workspace paths: one tree of names for source files and generated files.

`bazel-out/<configuration>/bin/svc/service.json` is imported as `svc/service.json`, and `../repository/a.libsonnet` of a
runfiles folder as `external/repository/a.libsonnet`.
"""

from __future__ import annotations

import posixpath
import re

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
