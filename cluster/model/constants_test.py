"""Tests of the constants."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.common.errors import ClusterError
from cluster.model.constants import Constants, constants, parse_constants

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
        ('["a", "b"]', "Y.all", "ENVS is None"),
        ('"c"', "3", "CLUSTER_NAME is 3"),
        ("NODES = 3", "", "NODES is None"),
        ("NODES = 3", 'NODES = "3"', "literal of type int"),
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


def test_absent_file(tmp_path: Path) -> None:
    """The error for a missing file names it."""
    with pytest.raises(ClusterError, match="absent.bzl"):
        constants(tmp_path / "absent.bzl", {})
