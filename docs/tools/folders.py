"""Writes the table of the folders, each with its sentence, and the levels that their imports make.

A folder's sentence is the first paragraph of its BUILD file. Its level is one above the highest level that it imports from,
so the page cannot differ from the code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

PAGE = "docs/architecture.md"

# The folders of the plan: each of these, and the folders with modules below it.
_ROOTS = (
    "rules/common",
    "rules/image/tools",
    "rules/jsonnet/tools",
    "rules/k8s/tools",
    "rules/proto/tools",
    "rules/python/tools",
    "cluster",
    "cli",
    "docs/tools",
    "prod",
)
_LEFT_OUT = ("tests", "testing")
_BEGIN, _END = "<!-- {name}: written by bazel run //docs:update -->\n", "<!-- end of {name} -->\n"


def folders(root: Path) -> list[str]:
    """Returns the folders of the plan, as paths.

    Args:
        root: the workspace.
    """
    found = {path.parent.relative_to(root).as_posix() for top in _ROOTS for path in (root / top).rglob("*.py")}
    return sorted(folder for folder in found if (root / folder / "BUILD").exists() and not set(folder.split("/")) & set(_LEFT_OUT))


def sentence(root: Path, folder: str) -> str:
    """Returns what a folder says it is: the first paragraph of its BUILD file's docstring."""
    text = ast.get_docstring(ast.parse((root / folder / "BUILD").read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())


def imports(root: Path, folder: str, known: Iterable[str]) -> set[str]:
    """Returns the folders of `known` that a folder's modules import, tests aside."""
    found = set()
    for path in (root / folder).glob("*.py"):
        if path.name.endswith("_test.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                for name in (f"{node.module}.{alias.name}" for alias in node.names):
                    found.add(_folder_of(root, name))
    return (found & set(known)) - {folder}


def _folder_of(root: Path, name: str) -> str:
    """Returns the folder of what an import names: `from a.b import c` may name the module a/b/c.py or something in a/b.py."""
    words = name.split(".")
    return "/".join(words[:-1] if (root / f"{'/'.join(words)}.py").exists() else words[:-2])


def levels(root: Path) -> list[list[str]]:
    """Returns the folders by level, the lowest first."""
    known = folders(root)
    below = {folder: imports(root, folder, known) for folder in known}
    level: dict[str, int] = {}

    def level_of(folder: str) -> int:
        if folder not in level:
            level[folder] = -1  # A circle would come back here; //tests/repo refuses circles.
            level[folder] = 1 + max((level_of(other) for other in below[folder]), default=-1)
        return level[folder]

    for folder in known:
        level_of(folder)
    return [[folder for folder in known if level[folder] == number] for number in range(max(level.values()) + 1)]


def _table(root: Path) -> str:
    known = folders(root)
    rows = [
        f"| `{folder}` | {sentence(root, folder)} | {len([p for p in (root / folder).glob('*.py') if not p.name.endswith('_test.py')])} |" for folder in known
    ]
    return "| folder | what it is | modules |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _drawing(root: Path) -> str:
    lines = [f"{number:>3}  {'   '.join(_short(folder) for folder in found)}" for number, found in reversed(list(enumerate(levels(root))))]
    return "```\n" + "\n".join(lines) + "\n```\n"


def _short(folder: str) -> str:
    """Returns a folder's name as the drawing has it, without `tools`: `rules/k8s/write` for rules/k8s/tools/write."""
    return folder.replace("/tools", "") if folder.startswith("rules/") else folder


def update(root: Path, text: str) -> str:
    """Returns the page with its generated parts as the code has them now.

    Args:
        root: the workspace.
        text: the page.

    Raises:
        ValueError: the page lacks the marks of a generated part.
    """
    for name, made in (("folders", _table(root)), ("levels", _drawing(root))):
        begin, end = _BEGIN.format(name=name), _END.format(name=name)
        if begin not in text or end not in text:
            raise ValueError(f"{PAGE}: the marks of {name} are missing. Add {begin.strip()} and {end.strip()} around the place for it.")
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{made}\n{end}{rest.split(end, 1)[1]}"
    return text
