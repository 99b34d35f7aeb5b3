"""`bazel run //docs:update`: rewrites everything in docs/ that is generated."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from docs.tools import folders, generator, picture
from docs.tools.generator import UPDATE
from docs.tools.starlark import DocumentationError


def generated_files(root: Path) -> dict[str, str]:
    """Returns path -> text of each generated file.

    Args:
        root: the workspace.

    Raises:
        DocumentationError: a public symbol of a .bzl file has no documentation.
        ValueError: the recorded run has nothing to draw.
    """
    files = generator.pages(root)
    record = root / picture.RECORD
    if record.exists():
        files[picture.PICTURE] = picture.draw(record.read_text(encoding="utf-8"))
    page = root / folders.PAGE
    if page.exists():
        files[folders.PAGE] = folders.update(root, page.read_text(encoding="utf-8"))
    return files


def main(argv: Sequence[str], stdout: TextIO, stderr: TextIO, workspace: str | None = None) -> int:
    """Rewrites the generated files that differ.

    Args:
        argv: arguments; there are none.
        stdout: gets a line for each file that changes.
        stderr: gets errors.
        workspace: the workspace's folder. None: `bazel run` did not say it.

    Returns:
        The exit code: 0, 1 for an error in what they are made from, 2 for wrong usage.
    """
    if argv:
        print(f"ERROR: {argv[0]}: the command takes no arguments. Run {UPDATE}.", file=stderr)
        return 2
    if not workspace:
        print(f"ERROR: BUILD_WORKSPACE_DIRECTORY is not set. Run {UPDATE}.", file=stderr)
        return 2
    root = Path(workspace)
    try:
        generated = generated_files(root)
    except (DocumentationError, ValueError) as error:
        print(f"ERROR: {error}", file=stderr)
        return 1
    for name, text in generated.items():
        path = root / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {name}", file=stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], sys.stdout, sys.stderr, os.environ.get("BUILD_WORKSPACE_DIRECTORY")))
