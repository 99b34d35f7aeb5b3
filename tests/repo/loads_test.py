"""Tests that every rule and provider of a language is loaded: Bazel 8 and 9 have none of them as globals or in `native`."""

import ast
import json
import re
import subprocess
import sys
from functools import cache

import pytest

from cli.check.toolbox import BUILDIFIER, Toolbox
from cli.common.session import Session
from cluster.common.process import ProcessRunner
from tests.repo import tree

_NAMES = ("BUILD", "BUILD.bazel", "WORKSPACE", "MODULE.bazel")
# The stand-ins for Bazel's rule sets, whose native rules are what other files load.
_STAND_INS = ("third_party", "bazel")
# A line of a template that is replaced.
_PLACEHOLDER = re.compile(r"^%\{\w+\}$", re.MULTILINE)
# buildifier has no warning for these.
_PYTHON_PROVIDERS = {"PyInfo", "PyRuntimeInfo"}
# A rule of each language, with what its use without a load is called.
_RULES = {
    "cc_library": "native-cc-library",
    "java_library": "native-java-library",
    "proto_library": "native-proto",
    "py_library": "native-py",
    "sh_test": "native-sh-test",
}


def _is_starlark(path):
    """Returns whether a file has Starlark: also a template of one."""
    name = path.name.removesuffix(".tpl")
    return (name in _NAMES or name.endswith((".bzl", ".WORKSPACE"))) and path.parts[:2] != _STAND_INS


def _sources():
    """Returns the text of each Starlark file, by path."""
    return {str(path): _PLACEHOLDER.sub("", tree.text(path)) for path in tree.files() if _is_starlark(path)}


@cache
def _buildifier():
    """Returns the program that `turnup check` runs; the first call on a machine builds it."""
    return Toolbox(Session(ProcessRunner(), sys.stdout, sys.stderr, root=tree.ROOT)).go_program(BUILDIFIER)


def _findings(folder, sources):
    """Returns `path: warning` of each rule or provider that a file uses without a load."""
    found = []
    for number, text in enumerate(sources.values()):
        path = folder / str(number) / ("BUILD" if not list(sources)[number].removesuffix(".tpl").endswith(".bzl") else "file.bzl")
        path.parent.mkdir()
        path.write_text(text)
    words = [_buildifier(), "-mode=check", "-lint=warn", "-warnings=all", "-format=json", "-r", str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    for file in json.loads(done.stdout)["files"]:
        name = list(sources)[int(file["filename"].split("/")[-2])]
        assert file["valid"], name
        found += [f"{name}:{each['start']['line']}: {each['category']}" for each in file.get("warnings", []) if each["category"].startswith("native-")]
    return found


def _python_providers(text):
    """Returns the Python providers that a text uses without a load."""
    module = ast.parse(text)
    loads = [node for node in ast.walk(module) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "load"]
    loaded = {word.value for load in loads for word in load.args[1:] if isinstance(word, ast.Constant)}
    return {node.id for node in ast.walk(module) if isinstance(node, ast.Name)} & _PYTHON_PROVIDERS - loaded


def test_every_rule_is_loaded(tmp_path):
    """No BUILD or .bzl file, and no template of one, uses a rule or provider of a language that it does not load."""
    sources = _sources()

    assert len(sources) > 300
    assert _findings(tmp_path, sources) == []


def test_python_providers_are_loaded():
    """No file uses PyInfo without a load."""
    without = {path: _python_providers(text) for path, text in _sources().items() if path.endswith(".bzl")}

    assert {path: names for path, names in without.items() if names} == {}
    path = "rules/python/private/py_library.bzl"
    lines = _sources()[path].splitlines(keepends=True)
    assert _python_providers("".join(line for line in lines if "py_info.bzl" not in line)) == {"PyInfo"}


@pytest.mark.parametrize("path", ["cc/client/BUILD", "proto/BUILD", "rules/java/tests/BUILD", "cli/BUILD"])
def test_a_missing_load_is_found(tmp_path, path):
    """A file without one of its loads from a rule set of Bazel, or of this repository's Java rules, has findings."""
    lines = _sources()[path].splitlines(keepends=True)
    fewer = [line for line in lines if not line.startswith(('load("@rules_', 'load("//rules/java:defs.bzl"'))]

    assert fewer != lines
    assert _findings(tmp_path, {path: "".join(fewer)})


@pytest.mark.parametrize("rule", _RULES)
@pytest.mark.parametrize("call", ["native.{}", "{}"])
def test_rules_in_macros_are_found(tmp_path, rule, call):
    """A native rule in a macro is a finding, with and without `native`."""
    text = f'"""A macro."""\n\ndef macro(name):\n    {call.format(rule)}(name = name)\n'

    assert _findings(tmp_path, {"a.bzl": text}) == [f"a.bzl:4: {_RULES[rule]}"]
