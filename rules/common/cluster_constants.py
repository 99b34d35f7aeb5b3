"""The constants of cluster_constants.bzl: their names, types and defaults, and which of them a file assigns.

@turnup_env runs this file on the repository's cluster_constants.bzl, and the commands read the file's literals through it.
It imports nothing of this repository, because it runs before any target is built.
"""

from __future__ import annotations

import ast
import difflib
import json
import re
import sys
from pathlib import Path
from typing import Any

__all__ = ["DEFAULTS", "DERIVED", "EXPRESSION", "KINDS", "assigned", "default_developer_env", "main", "problem", "type_name"]

KINDS: dict[str, type] = {
    "ENVS": list,
    "DEVELOPER_ENV": str,
    "NAMESPACES": dict,
    "PROVIDER": str,
    "CLUSTER_NAME": str,
    "SUBNET": str,
    "NODES": int,
    "MACHINE_SHARE": int,
    "HOST_PORTS": list,
    "REGISTRY_PORT": int,
    "REGISTRY": str,
    "CONTEXT": str,
    "KUBERNETES": list,
}
"""The type of each constant. Only ENVS must be there."""

DEFAULTS: dict[str, Any] = {
    "PROVIDER": "embedded",
    "CLUSTER_NAME": "local",
    "SUBNET": "172.19.0.0/26",
    "NODES": 2,
    "MACHINE_SHARE": 75,
    "HOST_PORTS": [],
    "KUBERNETES": ["1.34"],
    "REGISTRY_PORT": 31000,
}
"""The values of constants that are not assigned and do not depend on others."""

DERIVED = ("MYNS", "NODE_1")
"""Names that follow from the constants: the namespace of DEVELOPER_ENV, and the first node's address."""

_TYPE_NAMES = {str: "string", int: "int", list: "list", dict: "dict"}
_CONSTANT = re.compile(r"[A-Z][A-Z0-9_]*")


class _Expression:
    """The value of a name that is assigned an expression, or loaded; only Bazel knows it."""

    def __repr__(self) -> str:
        return "an expression"


EXPRESSION = _Expression()


def type_name(kind: type) -> str:
    """Returns what Starlark calls a type."""
    return _TYPE_NAMES[kind]


def default_developer_env(environments: list[str]) -> str:
    """Returns DEVELOPER_ENV of a file that does not assign it: `myns` if there is one, else the last environment."""
    return "myns" if "myns" in environments or not environments else environments[-1]


def assigned(text: str) -> dict[str, Any]:
    """Returns what a .bzl file assigns or loads at its top level.

    Python's parser reads the file, because Starlark's syntax is a subset of Python's.

    Args:
        text: the file's content.

    Returns:
        the value by name: a literal's value, or EXPRESSION.

    Raises:
        SyntaxError: the file cannot be parsed.
    """
    found: dict[str, Any] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = _literal(node.value)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "load":
            names = [ast.literal_eval(argument) for argument in node.value.args[1:]] + [word.arg for word in node.value.keywords]
            found.update(dict.fromkeys(names, EXPRESSION))
    return found


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError:
        return EXPRESSION


def problem(values: dict[str, Any], place: str) -> str | None:
    """Returns what is wrong with a file's constants and what to write, or None.

    Args:
        values: what `assigned` returned.
        place: what to call the file.
    """
    for name in sorted(values):
        near = difflib.get_close_matches(name, [known for known in KINDS if known not in values], n=1, cutoff=0.8)
        if name not in KINDS and _CONSTANT.fullmatch(name) and near:
            return f"{place}: {name} is not a constant that Turnup reads; write {near[0]}"
    for name, kind in KINDS.items():
        if name not in values:
            continue
        value = values[name]
        if value is not EXPRESSION and (not isinstance(value, kind) or isinstance(value, bool)):
            return f"{place}: {name} is {value!r}; assign it {'an' if kind is int else 'a'} {type_name(kind)}"
    if "ENVS" not in values:
        return f'{place}: ENVS is missing; assign it the list of your environments, such as ENVS = ["prod", "dev", "myns"]'
    return None


def main(path: str, place: str) -> int:
    """Prints what a file assigns, all names, and defaults as JSON; returns 0, or 1 after an error on stderr."""
    try:
        values = assigned(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        print(f"{place}: {error.strerror if isinstance(error, OSError) else 'not UTF-8'}; write it, with ENVS in it", file=sys.stderr)
        return 1
    except SyntaxError as error:
        print(f"{place}, line {error.lineno}: {error.msg}; write NAME = value", file=sys.stderr)
        return 1
    wrong = problem(values, place)
    if wrong:
        print(wrong, file=sys.stderr)
        return 1
    print(json.dumps({"names": [name for name in KINDS if name in values], "all": [*KINDS, *DERIVED], "defaults": DEFAULTS}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
