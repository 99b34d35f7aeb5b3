"""The defaults of the commands: cluster_constants.bzl, and the environment variables that override it."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.common.errors import ClusterError
from cluster.model.state import DEFAULT_SHARE

__all__ = ["Constants", "constants", "parse_constants"]

_FILE = Path(__file__).resolve().parents[2] / "cluster_constants.bzl"
_FIELDS = {
    "CLUSTER_NAME": str,
    "PROVIDER": str,
    "SUBNET": str,
    "NODES": int,
    "REGISTRY_PORT": int,
    "ENVS": list,
    "DEVELOPER_ENV": str,
    "MACHINE_SHARE": int,
    "HOST_PORTS": list,
}
_DEFAULTS: dict[str, Any] = {"MACHINE_SHARE": DEFAULT_SHARE, "HOST_PORTS": []}


@dataclass(frozen=True)
class Constants:
    """What a command uses when no option says otherwise.

    Attributes:
        cluster: the cluster's name.
        provider: what creates the cluster, a key of `providers.PROVIDERS`.
        subnet: the network of the nodes, as in 10.0.0.0/24.
        nodes: how many nodes it has.
        share: the percentage of the machine's memory and processes that it may take.
        host_ports: the TCP ports of this machine that its pods may connect to.
        registry_port: the NodePort of the registry on node 1.
        environments: the names of all environments.
        developer_environment: the environment that is each developer's own namespace.
    """

    cluster: str
    provider: str
    subnet: str
    nodes: int
    share: int
    host_ports: tuple[int, ...]
    registry_port: int
    environments: tuple[str, ...]
    developer_environment: str

    @property
    def shared_environments(self) -> tuple[str, ...]:
        """The environments that everybody shares."""
        return tuple(name for name in self.environments if name != self.developer_environment)


def constants(path: Path = _FILE, environment: Mapping[str, str] = os.environ) -> Constants:
    """Reads the constants; TURNUP_CLUSTER and TURNUP_SUBNET override those of the file.

    Args:
        path: the .bzl file.
        environment: the environment variables.

    Raises:
        ClusterError: the file can't be read, or a constant is missing or has the wrong type.
    """
    try:
        values = parse_constants(path.read_text(), str(path))
    except OSError as error:
        raise ClusterError(f"{path}: {error.strerror}; run turnup from a complete checkout") from None
    return Constants(
        cluster=environment.get("TURNUP_CLUSTER") or values["CLUSTER_NAME"],
        provider=values["PROVIDER"],
        subnet=environment.get("TURNUP_SUBNET") or values["SUBNET"],
        nodes=values["NODES"],
        share=values["MACHINE_SHARE"],
        host_ports=tuple(values["HOST_PORTS"]),
        registry_port=values["REGISTRY_PORT"],
        environments=tuple(values["ENVS"]),
        developer_environment=values["DEVELOPER_ENV"],
    )


def parse_constants(text: str, place: str) -> dict[str, Any]:
    """Returns the literals that a Starlark file assigns, by name.

    Python's parser reads the file, because Starlark's syntax is a subset of Python's.

    Args:
        text: the file's content.
        place: what to call the file in errors.

    Raises:
        ClusterError: the file can't be parsed, or a constant is missing or has the wrong type.
    """
    try:
        assignments = [node for node in ast.parse(text).body if isinstance(node, ast.Assign)]
    except SyntaxError as error:
        raise ClusterError(f"{place}, line {error.lineno}: {error.msg}; write NAME = literal") from None
    found: dict[str, Any] = dict(_DEFAULTS)
    for node in assignments:
        if isinstance(node.targets[0], ast.Name):
            try:
                found[node.targets[0].id] = ast.literal_eval(node.value)
            except ValueError:
                continue  # an expression, which no command needs
    for name, kind in _FIELDS.items():
        if not isinstance(found.get(name), kind):
            raise ClusterError(f"{place}: {name} is {found.get(name)!r}; assign it a literal of type {kind.__name__}")
    return found
