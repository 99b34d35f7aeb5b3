"""Tests of docs/architecture.md: its stations exist, and its generated parts are what the code says."""

import ast
import re

import pytest

from docs.tools import folders
from tests.repo import tree

PAGE = tree.text(tree.Path(folders.PAGE))
STATIONS = re.findall(r"`([\w./-]+\.(?:py|bzl)):([\w.]+)`", PAGE)
CHANGES = [
    "the registry's port",
    "a new environment",
    "a new verb",
    "when a StatefulSet counts as ready",
    "retries of a push",
    "a new attribute of py_image",
    "a package in the base image",
    "the cluster's subnet",
    "a new form of a masked Secret",
    "the Kubernetes version",
]


def defined(path):
    """Returns the names that a file defines at its top level, and those of its classes as CLASS.NAME."""
    names = set()
    for node in ast.parse(tree.text(tree.Path(path))).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
            names |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(node, ast.ClassDef) and isinstance(inner, ast.FunctionDef)}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize(("path", "name"), STATIONS)
def test_station_exists(path, name):
    """Each station of the two ways is a function or class of that file."""
    assert name in defined(path)


def test_both_ways_have_stations():
    """The page follows a manifest and a layer through more than twenty stations."""
    assert len(STATIONS) > 20


def test_the_ten_changes_are_there():
    """The page says where each of the ten changes is decided."""
    assert re.findall(r"^\| ([^|`]+) \| `", PAGE.split("## Ten changes")[1], re.MULTILINE) == CHANGES


def test_plan_is_current():
    """The table and the drawing of the folders are what the code says; otherwise run bazel run //docs:update."""
    assert folders.update(tree.ROOT, PAGE) == PAGE


def test_every_folder_has_a_sentence():
    """Each folder of the plan says what it is, in one sentence that fits a line of the table."""
    said = {folder: folders.sentence(tree.ROOT, folder) for folder in folders.folders(tree.ROOT)}

    assert {folder: text for folder, text in said.items() if not text.endswith(".") or len(text) > 150} == {}
