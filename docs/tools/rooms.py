"""Writes the plan of the house: each folder with its sentence, and the floors that its imports make.

A folder's sentence is the first line of its BUILD file. Its floor is one above the highest floor that it imports from, so
the picture cannot differ from the code.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path

PAGE = "docs/architecture.md"

# The folders of the plan: each of these, and the folders with modules below it.
_ROOTS = ("rules/common", "rules/jsonnet/tools", "rules/image/tools", "rules/k8s/tools", "cluster", "cli")
_LEFT_OUT = ("tests", "testing")
_BEGIN, _END = "<!-- {name}: written by bazel run //docs:update -->\n", "<!-- end of {name} -->\n"


def rooms(root: Path) -> list[str]:
    """Returns the folders of the plan, as paths.

    Args:
        root: the workspace.
    """
    found = {path.parent.relative_to(root).as_posix() for top in _ROOTS for path in (root / top).rglob("*.py")}
    return sorted(room for room in found if (root / room / "BUILD").exists() and not set(room.split("/")) & set(_LEFT_OUT))


def sentence(root: Path, room: str) -> str:
    """Returns what a folder says it is: the first paragraph of its BUILD file's docstring."""
    text = ast.get_docstring(ast.parse((root / room / "BUILD").read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())


def imports(root: Path, room: str, known: Iterable[str]) -> set[str]:
    """Returns the folders of `known` that a folder's modules import, tests aside."""
    places = set(known)
    found: set[str] = set()
    for path in (root / room).glob("*.py"):
        if path.name.endswith("_test.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                place = node.module.replace(".", "/")
                # `from a.b import c` reads folder a/b if there is one, and not folder a; otherwise b is a module of folder a.
                found.add(place if place in places else place.rpartition("/")[0])
    return (found & places) - {room}


def floors(root: Path) -> list[list[str]]:
    """Returns the folders by floor, the lowest first."""
    known = rooms(root)
    below = {room: imports(root, room, known) for room in known}
    level: dict[str, int] = {}

    def level_of(room: str) -> int:
        if room not in level:
            level[room] = -1  # A circle would come back here; //tests/repo refuses circles.
            level[room] = 1 + max((level_of(other) for other in below[room]), default=-1)
        return level[room]

    for room in known:
        level_of(room)
    return [[room for room in known if level[room] == number] for number in range(max(level.values()) + 1)]


def _table(root: Path) -> str:
    known = rooms(root)
    rows = [f"| `{room}` | {sentence(root, room)} | {len([p for p in (root / room).glob('*.py') if not p.name.endswith('_test.py')])} |" for room in known]
    return "| folder | what it is | modules |\n|---|---|---|\n" + "\n".join(rows) + "\n"


def _drawing(root: Path) -> str:
    lines = [f"{number:>3}  {'   '.join(_short(room) for room in found)}" for number, found in reversed(list(enumerate(floors(root))))]
    return "```\n" + "\n".join(lines) + "\n```\n"


def _short(room: str) -> str:
    """Returns a folder's name as the drawing has it: `k8s/write` for rules/k8s/tools/write."""
    return room.removeprefix("rules/").replace("/tools", "")


def update(root: Path, text: str) -> str:
    """Returns the page with its generated parts as the code has them now.

    Args:
        root: the workspace.
        text: the page.

    Raises:
        ValueError: the page lacks the marks of a generated part.
    """
    for name, made in (("rooms", _table(root)), ("floors", _drawing(root))):
        begin, end = _BEGIN.format(name=name), _END.format(name=name)
        if begin not in text or end not in text:
            raise ValueError(f"{PAGE}: the marks of {name} are missing. Add {begin.strip()} and {end.strip()} around the place for it.")
        before, rest = text.split(begin, 1)
        text = f"{before}{begin}\n{made}\n{end}{rest.split(end, 1)[1]}"
    return text
