"""Formats the Jsonnet files of the workspace: `bazel run //rules/jsonnet:fmt [-- FILE|FOLDER…]`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

# A runfiles tree has the repositories side by side; the working directory is the main one's.
_TOOL = Path("../jsonnet_tools/jsonnet_tools")


def main(argv: Sequence[str], tool: Path = _TOOL) -> int:
    """Runs the formatter.

    Args:
        argv: Files and folders as they were typed; none stands for the whole workspace.
        tool: The program that formats.

    Returns:
        0, 1 when a file could not be read or written, 2 outside of `bazel run`.
    """
    workspace = os.environ.get("BUILD_WORKSPACE_DIRECTORY")
    if not workspace:
        print("ERROR: this formats files of the workspace; start it with bazel run //rules/jsonnet:fmt", file=sys.stderr)
        return 2
    # Names are as they are typed: relative to where bazel was called.
    folder = os.environ.get("BUILD_WORKING_DIRECTORY", workspace) if argv else workspace
    return subprocess.run([tool.resolve(), "fix", *(argv or ["."])], cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
