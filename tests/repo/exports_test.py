"""Tests of Python modules: `__all__` lists the public names, and all programs start in the same way."""

import ast
import re
from pathlib import Path

import pytest

from tests.repo import tree

# Tests, and programs that only tests run, may do otherwise.
PROGRAMS = [path for path in tree.with_suffix(".py") if not path.name.endswith("_test.py") and "tests" not in path.parts]
LOCKED = set(re.findall(r"^([a-z0-9-]+)==", tree.text(Path("third_party/python/requirements.lock")), re.MULTILINE))
BUILDS = [path for path in tree.files() if path.name == "BUILD" and "tests" not in path.parts]


def parsed(path):
    """Returns the syntax tree of a Python file."""
    return ast.parse(tree.text(path))


def assigned(statement):
    """Returns the names that a statement assigns."""
    targets: list[ast.expr]
    if isinstance(statement, ast.AnnAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Assign):
        targets = statement.targets
    else:
        return []
    return [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]


def exported(module):
    """Returns the names in `__all__`, "" for one that is not a string literal; None if a module has no `__all__`."""
    for statement in module.body:
        if "__all__" in assigned(statement):
            return [getattr(node, "value", "") for node in getattr(statement.value, "elts", [None])]
    return None


def is_command(function):
    """Returns whether a decorator adds a function to a click group of the module, so that others reach it through the group."""
    called = [ast.unparse(node.func) for node in function.decorator_list if isinstance(node, ast.Call)]
    return any(words.endswith((".command", ".group")) and not words.startswith("click.") for words in called)


def defined(module):
    """Returns the public names that a module defines, and those that it imports."""
    made, imports = set(), set()
    for statement in module.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            made |= set() if is_command(statement) else {statement.name}
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            imports |= {(alias.asname or alias.name).split(".")[0] for alias in statement.names}
        else:
            made |= set(assigned(statement))
    # Modules that must start fast assign TYPE_CHECKING instead of importing it from typing; type checkers know the name.
    return {name for name in made if not name.startswith("_")} - {"TYPE_CHECKING"}, imports


def guard(module):
    """Returns the body of `if __name__ == "__main__":`; [] if there is none."""
    tests = [statement for statement in module.body if isinstance(statement, ast.If)]
    return next((test.body for test in tests if ast.unparse(test.test) == "__name__ == '__main__'"), [])


EXPORTING = [str(path) for path in tree.with_suffix(".py") if exported(parsed(path)) is not None]
STARTED = [str(path) for path in PROGRAMS if guard(parsed(path))]


def test_there_is_something_to_test():
    """The lists of modules below are not empty."""
    assert len(EXPORTING) > 20
    assert len(STARTED) > 10


@pytest.mark.parametrize("name", EXPORTING)
def test_all_names_what_is_public(name):
    """`__all__` has each public name of the module once, and no private or undefined name.

    ruff checks the order (RUF022).
    """
    module = parsed(Path(name))
    names, (made, imports) = exported(module), defined(module)

    assert sorted(set(names)) == sorted(names)
    assert {name for name in names if name.startswith("_")} == set()
    assert {"not in __all__": sorted(made - set(names)), "not in the module": sorted(set(names) - made - imports)} == {
        "not in __all__": [], "not in the module": [],
    }  # fmt: skip


@pytest.mark.parametrize("name", STARTED)
def test_programs_start_in_main(name):
    """A program calls its function `main` once, so that a test can call it in the same way."""
    module = parsed(Path(name))
    mentions = [node for statement in guard(module) for node in ast.walk(statement) if isinstance(node, ast.Name | ast.Attribute)]
    made, imports = defined(module)
    inner = {alias.name for node in ast.walk(module) if isinstance(node, ast.ImportFrom) for alias in node.names}

    assert "main" in made | imports | inner
    assert sum(getattr(node, "id", "") == "main" or getattr(node, "attr", "") == "main" for node in mentions) in (1, 2)


def test_only_the_guard_exits():
    """Only the `__main__` guard calls sys.exit; functions return an exit code, so that tests and other programs can call them."""
    found = []
    for path in PROGRAMS:
        module = parsed(path)
        allowed = {node for statement in guard(module) for node in ast.walk(statement)}
        calls = [node for node in ast.walk(module) if isinstance(node, ast.Call) and node not in allowed]
        found += [f"{path}:{call.lineno}" for call in calls if ast.unparse(call.func) in ("sys.exit", "exit", "quit")]

    assert found == []


def test_nothing_private_is_imported():
    """No module imports a private name of another."""
    found = []
    for path in PROGRAMS:
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom) and node.module != "__future__":
                found += [f"{path}:{node.lineno} {alias.name}" for alias in node.names if alias.name.startswith("_")]

    assert found == []


def binaries(path):
    """Returns the target and the file of each py_binary in a BUILD file that has them as literals."""
    found = []
    for call in (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call) and ast.unparse(node.func) == "py_binary"):
        words = {word.arg: ast.literal_eval(word.value) for word in call.keywords if is_literal(word.value)}
        sources = words.get("srcs", [])
        if words.get("main_module", "").split(".")[0] in LOCKED:
            continue  # a program in a wheel
        if "main_module" in words:
            file = Path(*words["main_module"].split(".")).with_suffix(".py")
        elif "main" in words or len(sources) == 1:
            file = path.parent / words.get("main", *sources)
        else:
            continue
        found.append((f"//{path.parent}:{words.get('name', '?')}", file))
    return found


def is_literal(node):
    """Returns whether an attribute is a literal, without names and calls."""
    return not any(isinstance(inner, ast.Name | ast.Call) for inner in ast.walk(node))


BINARIES = sorted((label, str(file)) for path in BUILDS for label, file in binaries(path))


@pytest.mark.parametrize(("label", "file"), BINARIES, ids=[label for label, _ in BINARIES])
def test_binaries_run_something(label, file):
    """The module of a py_binary exists and has a `__main__` guard."""
    assert (tree.ROOT / file).is_file(), label
    assert guard(parsed(Path(file))), f'{file} has no `if __name__ == "__main__":`, so {label} does nothing'
