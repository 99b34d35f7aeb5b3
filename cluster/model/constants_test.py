"""Tests of the constants."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.common.errors import ClusterError
from cluster.model.constants import Constants, constants, parse_constants
from rules.common.cluster_constants import DEFAULTS

_GOOD = """\
load("@x//:y.bzl", "Y")
CLUSTER_NAME = "c"
PROVIDER = "k3d"
SUBNET = "10.0.0.0/24"
NODES = 3
REGISTRY_PORT = 1
X = Y.z or NODES
ENVS = ["a", "b"]
DEVELOPER_ENV = "b"
"""


def test_file_and_environment(tmp_path: Path) -> None:
    """The file's literals are the defaults; environment variables override them unless they are empty."""
    path = tmp_path / "constants.bzl"
    path.write_text(_GOOD)

    assert constants(path, {}) == Constants("c", "k3d", "10.0.0.0/24", 3, 75, (), 1, ("a", "b"), "b")
    changed = constants(path, {"TURNUP_CLUSTER": "d", "TURNUP_SUBNET": ""})
    assert (changed.cluster, changed.subnet) == ("d", "10.0.0.0/24")


def test_shared_environments() -> None:
    """Every environment but the developer's own is shared."""
    found = constants(environment={})

    assert set(found.environments) - set(found.shared_environments) == {found.developer_environment}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('["a", "b"]', "Y.all", "ENVS is an expression"),
        ('ENVS = ["a", "b"]', "", "ENVS is missing; assign it the list"),
        ('ENVS = ["a", "b"]', 'ENV = ["a", "b"]', "ENV is not a constant that Turnup reads; write ENVS"),
        ("REGISTRY_PORT", "REGISTY_PORT", "REGISTY_PORT is not a constant that Turnup reads; write REGISTRY_PORT"),
        ('"c"', "3", "CLUSTER_NAME is 3; assign it a string"),
        ("NODES = 3", 'NODES = "3"', "NODES is '3'; assign it an int"),
        ("NODES = 3", "NODES = True", "NODES is True"),
        ("NODES = 3", "NODES = 3\nMACHINE_SHARE = 0.5", "MACHINE_SHARE is 0.5"),
        ("NODES = 3", "NODES = 3\nHOST_PORTS = 80", "HOST_PORTS is 80"),
        ("NODES", "NODES NODES", "line 5"),
    ],
)
def test_wrong_file(old: str, new: str, words: str) -> None:
    """The error for a constant that is missing or has the wrong type names the constant and the file."""
    with pytest.raises(ClusterError, match=words) as error:
        parse_constants(_GOOD.replace(old, new, 1), "constants.bzl")

    assert "constants.bzl" in str(error.value)


def test_defaults() -> None:
    """Only ENVS must be there; the environment that runs what was just built is myns, or else the last one."""
    assert parse_constants('ENVS = ["live", "myns", "test"]', "x") == {
        "ENVS": ["live", "myns", "test"],
        "DEVELOPER_ENV": "myns",
        **DEFAULTS,
    }
    assert parse_constants('ENVS = ["live", "test"]', "x")["DEVELOPER_ENV"] == "test"


def test_workspace_of_another_repository(tmp_path: Path) -> None:
    """The constants are those of the workspace that the launcher or `bazel run` names."""
    (tmp_path / "cluster_constants.bzl").write_text('ENVS = ["x"]\nCLUSTER_NAME = "shop"\n')

    assert constants(environment={"TURNUP_WORKSPACE": str(tmp_path)}).cluster == "shop"
    assert constants(environment={"BUILD_WORKSPACE_DIRECTORY": str(tmp_path)}).cluster == "shop"


def test_expressions_that_commands_do_not_need() -> None:
    """What only targets read may be an expression."""
    assert parse_constants(_GOOD + "NAMESPACES = {env: env for env in ENVS}\n", "x")["CLUSTER_NAME"] == "c"


def test_absent_file(tmp_path: Path) -> None:
    """The error for a missing file names it."""
    with pytest.raises(ClusterError, match="absent.bzl"):
        constants(tmp_path / "absent.bzl", {})
