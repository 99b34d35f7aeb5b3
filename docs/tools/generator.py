"""Writes the reference of the rules, docs/reference/*.md, from the documentation in the public .bzl files.

bazel run //docs:update
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from docs.tools import markdown
from docs.tools.starlark import DocumentationError, Loader
from docs.tools.symbols import Symbol, describe

UPDATE = "bazel run //docs:update"
FOLDER = "docs/reference"
# Each page, with the files whose symbols it describes: all that other packages and repositories load.
PAGES = {
    "image": ["rules/image/defs.bzl", "rules/image/repositories.bzl"],
    "jsonnet": ["rules/jsonnet/defs.bzl", "rules/jsonnet/repositories.bzl"],
    "k8s": ["rules/k8s/defs.bzl", "rules/k8s/environment.bzl", "rules/k8s/repositories.bzl"],
    "proto": ["rules/proto/defs.bzl"],
    "python": ["rules/python/defs.bzl", "rules/python/repositories.bzl"],
}


def symbols(root: Path) -> dict[str, list[Symbol]]:
    """Describes the public symbols of every rule set.

    Args:
        root: the workspace's folder.

    Returns:
        The symbols of each page, sorted by name.

    Raises:
        DocumentationError: Something public is not documented.
    """
    loader = Loader(root, [f"rules/{kind}" for kind in PAGES])
    return {
        kind: sorted((symbol for file in files for symbol in describe(loader, loader.load(file))), key=lambda symbol: symbol.name.lower())
        for kind, files in PAGES.items()
    }


def pages(root: Path) -> dict[str, str]:
    """Generates every page.

    Args:
        root: the workspace's folder.

    Returns:
        Each page's Markdown by its path in the workspace.

    Raises:
        DocumentationError: Something public is not documented.
    """
    described = symbols(root)
    result = {f"{FOLDER}/{kind}.md": markdown.page(kind, found) for kind, found in described.items()}
    return {f"{FOLDER}/README.md": markdown.index(described.items()), **result}


def main(argv: Sequence[str], stdout: TextIO, stderr: TextIO, workspace: str | None = None) -> int:
    """Rewrites the pages that differ.

    Args:
        argv: arguments; there are none.
        stdout: gets a line for each page that changes.
        stderr: gets errors.
        workspace: the workspace's folder. None: `bazel run` did not say it.

    Returns:
        The exit code: 0, 1 for an error in the .bzl files, 2 for wrong usage.
    """
    if argv:
        print(f"ERROR: {argv[0]}: the command takes no arguments. Run {UPDATE}.", file=stderr)
        return 2
    if not workspace:
        print(f"ERROR: BUILD_WORKSPACE_DIRECTORY is not set. Run {UPDATE}.", file=stderr)
        return 2
    root = Path(workspace)
    try:
        generated = pages(root)
    except DocumentationError as error:
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
