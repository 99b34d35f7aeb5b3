"""Formats the Jsonnet files of the workspace: `bazel run //rules/jsonnet:fmt [-- FILE|FOLDER…]`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from rules.jsonnet.tools.engines.paths import runfile

# In a runfiles tree, repositories are side by side, and the working directory is the main repository.
_TOOL = runfile(Path(".."), "jsonnet_tools", "jsonnet_tools")


def main(argv: Sequence[str], tool: Path = _TOOL) -> int:
    """Runs the formatter.

    Args:
        argv: files and folders from the command line; none means the whole workspace.
        tool: path of the formatter.

    Returns:
        Exit code: 0, or 1 if a file can't be read or written or a named file can't be formatted, or 2 outside of `bazel run`.
    """
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        print("ERROR: BUILD_WORKSPACE_DIRECTORY is not set; run this program with bazel run //rules/jsonnet:fmt", file=sys.stderr)
        return 2
    # File names on the command line are relative to the folder in which the user called bazel.
    folder = os.environ.get("BUILD_WORKING_DIRECTORY", workspace) if argv else workspace
    return subprocess.run([tool.resolve(), "fix", *(argv or ["."])], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
