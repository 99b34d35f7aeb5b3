"""The defaults of cluster commands: cluster_constants.bzl, and the environment over it."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError

__all__ = ["Constants", "constants", "parse_constants"]

_FILE = Path(__file__).resolve().parent.parent / "cluster_constants.bzl"
_FIELDS = {"CLUSTER_NAME": str, "PROVIDER": str, "SUBNET": str, "NODES": int, "REGISTRY_PORT": int}


@dataclass(frozen=True)
class Constants:
    """What a cluster is when no option says otherwise."""

    cluster: str
    provider: str
    subnet: str
    nodes: int
    registry_port: int


def constants(path: Path = _FILE, environment: Mapping[str, str] = os.environ) -> Constants:
    """The constants of the file; TURNUP_CLUSTER and TURNUP_SUBNET win over it."""
    try:
        values = parse_constants(path.read_text(), str(path))
    except OSError as error:
        raise ClusterError(f"{path} cannot be read ({error.strerror}): run from a whole checkout") from None
    return Constants(
        cluster=environment.get("TURNUP_CLUSTER") or values["CLUSTER_NAME"],
        provider=values["PROVIDER"],
        subnet=environment.get("TURNUP_SUBNET") or values["SUBNET"],
        nodes=values["NODES"],
        registry_port=values["REGISTRY_PORT"],
    )


def parse_constants(text: str, place: str) -> dict:
    """The literals that a Starlark file assigns to the names wanted here.

    Starlark's syntax is a subset of Python's, so Python's parser reads it.
    """
    try:
        assignments = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    except SyntaxError as error:
        raise ClusterError(f"{place}, line {error.lineno}: {error.msg}: write NAME = literal") from None
    found = {
        node.targets[0].id: node.value.value
        for node in assignments
        if isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)
    }
    for name, kind in _FIELDS.items():
        if not isinstance(found.get(name), kind):
            raise ClusterError(f"{place}: {name} is {found.get(name)!r}: assign it a literal of type {kind.__name__}")
    return found
