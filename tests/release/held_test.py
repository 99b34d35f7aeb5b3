"""Tests of what the archive holds: the files that git has and users need, within a budget for each reason."""

import ast
from collections import Counter

import pytest

from release import contents
from tests.release.released import members
from tests.repo import tree

TRACKED = [str(path) for path in tree.files()]


def test_the_archive_has_the_files_of_the_repository():
    """The archive has each file that the table chooses, and none that git does not know.

    If it lacks a new file, Bazel listed the files before: run bazel shutdown.
    """
    assert sorted(members()) == sorted(path for path in TRACKED if contents.is_released(path))


def test_no_file_of_an_unknown_kind_is_left_out():
    """A file that users need is not lost because the table does not know its kind."""
    unknown = [path for path in TRACKED if contents.part_of(path) and not contents.left_out(path) and not contents.is_known_kind(path)]

    assert unknown == []


def test_every_row_is_of_use():
    """Each part and each row of what is left out names files that exist."""
    named = {path for part in contents.PARTS for path in part.paths if not any(path == file or file.startswith(f"{path}/") for file in TRACKED)}
    rows = {row.reason for row in contents.LEFT_OUT if not any(contents.part_of(file) and contents.left_out(file) == row for file in TRACKED)}

    # What a repository has with Bzlmod; absent files are allowed here.
    assert named <= {"MODULE.bazel", "WORKSPACE.bzlmod", "extensions.bzl"}
    assert rows == set()


@pytest.mark.parametrize("part", contents.PARTS, ids=lambda part: part.paths[0])
def test_budget(part):
    """The files of each reason stay below its budget, and use at least a quarter of it, so that the budget says something."""
    sizes = Counter()
    for path, size in members().items():
        sizes[contents.part_of(path)] += size

    assert part.budget * 1024 / 4 <= sizes[part] <= part.budget * 1024, f"{part.reason} {sizes[part] // 1024} of {part.budget} KiB"


def test_files_that_bzl_files_name():
    """Each file or package that a Label() in a .bzl file of the archive names is in the archive."""
    lacking = []
    for path in (path for path in members() if path.endswith(".bzl")):
        for function in ast.parse(tree.text(tree.Path(path))).body:
            # Only Turnup's own WORKSPACE calls it.
            if isinstance(function, ast.FunctionDef) and function.name == "sample_modules":
                continue
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call) and ast.unparse(node.func) == "Label"):
                label = ast.literal_eval(call.args[0]) if isinstance(call.args[0], ast.Constant) else ""
                package, _, name = label.removeprefix("//").partition(":")
                if name in ("__pkg__", "__subpackages__"):
                    continue  # who may see a target; the package need not be there
                file, build = f"{package}/{name}".lstrip("/"), f"{package}/BUILD".lstrip("/")
                if label.startswith("//") and (build not in members() or (file in TRACKED and file not in members())):
                    lacking.append(f"{path}: {label}")

    assert lacking == []


def test_nothing_of_samples_and_tests():
    """No image, no test program and no benchmark is in the archive."""
    wrong = [path for path in members() if path.split("/")[0] in ("svc", "tests", "python", "java", "go", "cc", "proto", "release")]
    wrong += [path for path in members() if path.endswith(("_test.py", ".svg", ".tar", ".png"))]

    assert wrong == []
