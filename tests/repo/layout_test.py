"""Tests of the conventions of the repository: file lengths, places, comments, words."""

import ast
import re

import pytest

from tests.repo import tree

LONGEST = 400
FACADE = 60
# Hosts of package registries, in two halves so that this file does not name them.
REGISTRIES = [
    "pypi." + "org", "pythonhosted." + "org", "proxy.golang." + "org", "sum.golang." + "org", "registry.npmjs." + "org",
    "crates." + "io", "repo1.maven." + "org", "repo.maven." + "apache", "deb.debian." + "org", "ftp.debian." + "org",
    "security.debian." + "org",
]  # fmt: skip


def test_the_tree_is_seen():
    """The tests below see the whole repository, including this file."""
    names = [str(path) for path in tree.files()]

    assert "tests/repo/layout_test.py" in names and "WORKSPACE" in names and len(names) > 50


@pytest.mark.parametrize("suffix", [".bzl", ".py", ".libsonnet", ".jsonnet", ".go", ".sh", ".java"])
def test_files_are_short(suffix):
    """No source file has more than 400 lines."""
    long = [str(path) for path in tree.with_suffix(suffix) if len(tree.text(path).splitlines()) > LONGEST]

    assert long == []


def test_rules_are_private():
    """Only .bzl files in private/ and tests call rule() and repository_rule(); public .bzl files are short facades."""
    offending, long = [], []
    for path in tree.with_suffix(".bzl"):
        if path.parts[0] != "rules" or {"private", "tests"} & set(path.parts):
            continue
        if re.search(r"\b(repository_)?rule\(", tree.text(path)):
            offending.append(str(path))
        if path.name == "defs.bzl" and len(tree.text(path).splitlines()) > FACADE:
            long.append(str(path))

    assert (offending, long) == ([], [])


def test_no_shell_actions():
    """Actions run programs with arguments, never a shell command."""
    assert [str(path) for path in tree.with_suffix(".bzl") if "run_shell(" in tree.text(path)] == []


def test_every_attribute_is_documented():
    """Attributes, providers, their fields and rules have documentation."""
    bare = []
    for path in tree.with_suffix(".bzl"):
        for call in (node for node in ast.walk(ast.parse(tree.text(path))) if isinstance(node, ast.Call)):
            called = ast.unparse(call.func)
            given = {word.arg: word.value for word in call.keywords}
            if re.fullmatch(r"attr\.\w+", called) or (called in ("rule", "repository_rule") and "implementation" in given):
                documented = ast.unparse(given.get("doc", ast.Constant(""))) != "''"
            elif called == "provider":
                documented = isinstance(given.get("fields"), ast.Dict) and ("doc" in given or bool(call.args))
            else:
                continue
            if not documented:
                bare.append(f"{path}:{call.lineno} {called}")

    assert bare == []


def test_progress_messages_name_their_target():
    """No progress message has %{label}, which Bazel 4 does not replace."""
    assert [str(path) for path in tree.with_suffix(".bzl") if re.search(r"progress_message.*%\{label", tree.text(path))] == []


def test_no_registry_host_is_named():
    """No file names the host of a package registry, because the machine's configuration chooses it."""
    found = [f"{path}: {host}" for path in tree.files() for host in REGISTRIES if host in tree.text(path)]

    assert found == []


def test_no_unfinished_words():
    """No file has a mark for unfinished work."""
    marks = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b")
    found = [str(path) for path in tree.files() if path.name not in tree.GENERATED and marks.search(tree.text(path))]

    assert found == []


@pytest.mark.parametrize("path", [".bazelrc", "tools/bazel_4.bazelrc"])
def test_every_bazelrc_flag_has_a_reason(path):
    """Each flag in .bazelrc has a comment above it or above its group."""
    bare, reason = [], False
    for line in tree.text(tree.Path(path)).splitlines():
        if line.startswith("#"):
            reason = True
        elif not line.strip():
            reason = False
        elif not reason:
            bare.append(line)

    assert bare == []


def test_every_test_says_what_it_tests():
    """Each test function has a docstring."""
    bare = []
    for path in tree.with_suffix(".py"):
        if not path.name.endswith("_test.py"):
            continue
        functions = [node for node in ast.walk(ast.parse(tree.text(path))) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        bare += [f"{path}:{node.lineno} {node.name}" for node in functions if node.name.startswith("test_") and not ast.get_docstring(node)]

    assert bare == []


def test_every_module_says_what_it_is_for():
    """Each Python and Starlark file starts with a docstring."""
    bare = [str(path) for path in tree.with_suffix(".py", ".bzl") if tree.text(path).strip() and not re.match(r'(#[^\n]*\n)*\s*"""', tree.text(path))]

    assert bare == []


def test_ci_is_the_command_that_people_run():
    """.ci/run runs `./turnup test` and nothing else."""
    lines = [line for line in tree.text(tree.Path(".ci/run")).splitlines() if line and not line.startswith("#")]

    assert lines == ['exec "$(dirname "${BASH_SOURCE[0]}")/../turnup" test']
