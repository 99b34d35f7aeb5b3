"""Writes the reference of the rules, docs/reference/*.md, from the documentation in the public .bzl files.

bazel run //docs:update
"""

from pathlib import Path

from docs.tools import markdown
from docs.tools.starlark import Loader
from docs.tools.symbols import Symbol, describe

UPDATE = "bazel run //docs:update"
FOLDER = "docs/reference"
# Each page, with the files whose symbols it describes: all that other packages and repositories load.
PAGES = {
    "image": ["rules/image/defs.bzl", "rules/image/repositories.bzl"],
    "java": ["rules/java/defs.bzl", "rules/java/repositories.bzl"],
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
        DocumentationError: something public is not documented.
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
        DocumentationError: something public is not documented.
    """
    described = symbols(root)
    result = {f"{FOLDER}/{kind}.md": markdown.page(kind, found) for kind, found in described.items()}
    return {f"{FOLDER}/README.md": markdown.index(described.items()), **result}
