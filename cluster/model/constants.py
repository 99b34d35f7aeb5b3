"""The defaults of the commands: cluster_constants.bzl, and the environment variables that override it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.common.errors import ClusterError
from rules.common import cluster_constants

__all__ = ["Constants", "constants", "parse_constants"]

_NAME = "cluster_constants.bzl"
# The others matter to targets only, and may be expressions.
_NEEDED = ("CLUSTER_NAME", "PROVIDER", "SUBNET", "NODES", "REGISTRY_PORT", "ENVS", "DEVELOPER_ENV", "MACHINE_SHARE", "HOST_PORTS")
_HERE = Path(__file__).resolve().parents[2]


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


def constants(path: Path | None = None, environment: Mapping[str, str] = os.environ) -> Constants:
    """Reads the constants; TURNUP_CLUSTER and TURNUP_SUBNET override those of the file.

    Args:
        path: the .bzl file. None: that of $TURNUP_WORKSPACE, of the workspace of `bazel run`, or of this checkout.
        environment: the environment variables.

    Raises:
        ClusterError: the file can't be read, or a constant is missing or has the wrong type.
    """
    root = environment.get("TURNUP_WORKSPACE") or environment.get("BUILD_WORKSPACE_DIRECTORY")
    path = path or (Path(root) if root else _HERE) / _NAME
    try:
        values = parse_constants(path.read_text(), str(path))
    except OSError as error:
        raise ClusterError(f"{path}: {error.strerror}; run turnup from a complete checkout, or turnup init in a new one") from None
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
    """Returns the constants of a Starlark file, with the defaults of those that it leaves out.

    Args:
        text: the file's content.
        place: what to call the file in errors.

    Raises:
        ClusterError: the file can't be parsed, or a constant that commands need is missing, has the wrong type, or is an expression,
            which only Bazel can evaluate.
    """
    try:
        found = cluster_constants.assigned(text)
    except SyntaxError as error:
        raise ClusterError(f"{place}, line {error.lineno}: {error.msg}; write NAME = literal") from None
    if wrong := cluster_constants.problem(found, place):
        raise ClusterError(wrong)
    for name in _NEEDED:
        if found.get(name) is cluster_constants.EXPRESSION:
            kind = cluster_constants.type_name(cluster_constants.KINDS[name])
            raise ClusterError(f"{place}: {name} is an expression, which the commands can't evaluate; assign it a literal {kind}")
    values = {**cluster_constants.DEFAULTS, **found}
    values.setdefault("DEVELOPER_ENV", cluster_constants.default_developer_env(values["ENVS"]))
    return values
