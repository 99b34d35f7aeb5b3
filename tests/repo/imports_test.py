"""Tests of the layers of the repository: which folder imports which, how large a folder may be, and what its BUILD file says.

Bazel's visibility rejects a dependency on a higher layer. These tests check that every import is a declared dependency.
"""

import ast
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from tests.repo import tree

# A folder with more modules is hard to survey.
MOST_MODULES = 16

# Top-level folder → the folders that its Python may import. Bazel's visibility is stricter for some folders below.
# Tests may import everything.
MAY_IMPORT = {
    "rules": {"rules"},
    "docs": {"docs", "rules"},
    "lib": {"lib", "rules"},
    "cluster": {"cluster", "rules"},
    "cli": {"cli", "cluster", "rules"},
    "release": {"release", "cli"},
    "prod": {"prod", "rules"},
    "proto": {"proto", "rules"},
    "python": {"python", "proto", "rules"},
    "go": {"go"},
    "svc": {"svc", "rules"},
}


@cache
def modules():
    """Returns the modules except tests: dotted name → path."""
    paths = [path for path in tree.with_suffix(".py") if path.parts[0] in MAY_IMPORT and not path.name.endswith("_test.py")]
    return {".".join(path.with_suffix("").parts): path for path in paths}


def imports_of(path, known):
    """Returns the modules among `known` that a file imports, at the top or in a function."""
    found = set()
    for node in ast.walk(ast.parse(tree.text(path))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name in known}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & known or {node.module} & known
    return found


@cache
def import_graph():
    """Returns module → the modules that it imports."""
    return {name: imports_of(path, set(modules())) for name, path in modules().items()}


def circles(graph):
    """Returns the strongly connected components of more than one node (Tarjan, 1972), each sorted.

    Args:
        graph: node → the nodes that it points to.
    """
    number, low, stack, found = {}, {}, [], []

    def visit(node):
        number[node] = low[node] = len(number)
        stack.append(node)
        for target in graph.get(node, ()):
            if target not in number:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], number[target])
        if low[node] == number[node]:
            cut = stack.index(node)
            part, stack[cut:] = stack[cut:], []
            if len(part) > 1:
                found.append(sorted(part))

    for node in graph:
        if node not in number:
            visit(node)
    return found


def folder_of(name):
    """Returns the folder of a module, as a path."""
    return name.rpartition(".")[0].replace(".", "/")


def folder_graph():
    """Returns folder → imported folder → the imports, as pairs of module names."""
    graph = defaultdict(lambda: defaultdict(list))
    for name, imported in import_graph().items():
        for other in imported:
            if folder_of(other) != folder_of(name):
                graph[folder_of(name)][folder_of(other)].append((name, other))
    return graph


def test_circles_are_found():
    """A cycle of three nodes is found; a diamond is not a cycle."""
    assert circles({"a": ["b"], "b": ["c"], "c": ["a", "d"], "d": []}) == [["a", "b", "c"]]
    assert circles({"a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []}) == []


def test_no_modules_import_each_other_in_a_circle():
    """The imports between modules have no cycle."""
    assert len(modules()) > 100
    assert circles(import_graph()) == []


def test_no_folders_import_each_other_in_a_circle():
    """The imports between folders have no cycle, so folders form layers."""
    graph = folder_graph()

    assert {part: graph[part] for circle in circles(graph) for part in circle} == {}


@pytest.mark.parametrize("folder", sorted(MAY_IMPORT))
def test_top_level_folders_import_what_stands_below_them(folder):
    """A top-level folder imports only the folders that MAY_IMPORT lists: rules/, for example, imports neither clusters nor samples."""
    wrong = [
        (name, other)
        for name, imported in import_graph().items()
        if name.split(".")[0] == folder
        for other in imported
        if other.split(".")[0] not in MAY_IMPORT[folder]
    ]

    assert wrong == []


def test_cluster_imports_only_what_rule_sets_share():
    """cluster/ imports only rules/common of rules/, so it does not depend on a rule."""
    wrong = [
        (name, other)
        for name, imported in import_graph().items()
        if name.startswith("cluster.")
        for other in imported
        if other.startswith("rules.") and not other.startswith("rules.common.")
    ]

    assert wrong == []


def packages(folder):
    """Returns the folder of the package that a folder belongs to, as a path."""
    path = Path(folder) / "x"
    return next(str(parent) for parent in path.parents if parent / "BUILD" in tree.files())


def labels(package):
    """Returns the packages that the labels in a BUILD file name, and the package itself."""
    text = tree.text(Path(package) / "BUILD")
    words = {node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {package} | {match[1] for word in words if (match := re.match(r"//([\w./-]*)", word))}


def test_every_import_is_a_declared_dependency():
    """A folder's BUILD file names the package of each import, so that Bazel checks its visibility."""
    missing = []
    for folder, imported in folder_graph().items():
        declared = labels(packages(folder))
        missing += [f"{packages(folder)}/BUILD does not name //{other}: {pairs[0]}" for other, pairs in imported.items()
                    if packages(other) not in declared]  # fmt: skip

    assert missing == []


def test_libraries_of_tools_are_not_public():
    """The library of a folder of tools is visible only to higher layers; programs and test libraries may be public."""
    public = []
    for path in (path for path in tree.files() if path.name == "BUILD" and re.match(r"rules/(k8s|image)/tools(/|$)|cluster/", str(path.parent))):
        for node in ast.walk(ast.parse(tree.text(path))):
            if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "py_library"):
                continue
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            # A library without its own sources, and user_namespace, are labels for rules and programs.
            shared = "srcs" not in given or ast.literal_eval(given["name"]) == "user_namespace"
            if "visibility:public" in given.get("visibility", "") and "testonly" not in given and not shared:
                public.append(f"{path}:{node.lineno}")

    assert public == []


def test_folders_are_small():
    """No folder has more than 16 modules, not counting tests."""
    count = defaultdict(int)
    for path in tree.with_suffix(".py", ".go", ".java"):
        if not re.search(r"_test\.\w+$", path.name):
            count[str(path.parent)] += 1

    assert {folder: number for folder, number in count.items() if number > MOST_MODULES} == {}


def test_every_folder_says_what_it_is():
    """The BUILD file of each package with Python modules starts with a sentence that says what the folder is."""
    folders = {packages(folder_of(name)) for name in modules()}
    bare = [folder for folder in sorted(folders) if not tree.text(Path(folder) / "BUILD").startswith('"""')]

    assert bare == []
