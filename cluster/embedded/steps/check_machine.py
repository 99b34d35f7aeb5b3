"""Step: check that the machine can run the cluster, before anything is created."""

from __future__ import annotations

from pathlib import Path

from cluster.common.errors import ClusterError
from cluster.embedded.nodes import network
from cluster.embedded.steps.context import Context
from cluster.model.state import known_clusters
from cluster.programs import debian
from cluster.programs.space import check_space

TITLE = "Checking the machine"

_NAMESPACES = ("mnt", "pid", "net", "uts", "ipc")


def execute(context: Context) -> None:
    """Runs all checks, and installs missing system programs.

    Raises:
        ClusterError: a check failed.
    """
    check_kernel()
    check_space(context.cluster.state_dir, context.free_space, "a cluster", "TURNUP_STATE_DIR")
    debian.install_host_tools(context.progress, context.runner)
    check_neighbours(context)
    network.check_free(context.runner, context.cluster.layout)


def check_kernel(proc: Path = Path("/proc")) -> None:
    """Checks that the kernel has all kinds of namespaces and the overlay file system.

    Raises:
        ClusterError: it lacks one.
    """
    for kind in _NAMESPACES:
        if not (proc / "self" / "ns" / kind).exists():
            raise ClusterError(f"this kernel has no {kind} namespaces; use one built with CONFIG_NAMESPACES, as those of all distributions are")
    filesystems = (proc / "filesystems").read_text().split()
    if "overlay" not in filesystems:
        raise ClusterError("this kernel has no overlay file system, which containers need; load it with `modprobe overlay`")


def check_neighbours(context: Context) -> None:
    """Checks that no other cluster of the state folder, running or not, has addresses of the subnet.

    Raises:
        ClusterError: another cluster has.
    """
    ours = context.cluster.layout
    for other in known_clusters(context.cluster.state_dir):
        if other.name != context.cluster.name and other.layout.subnet.overlaps(ours.subnet):
            raise ClusterError(
                f"subnet {ours.subnet} is in use by cluster {other.name} ({other.subnet}); "
                f"choose another with --subnet, or run `./turnup cluster delete --name {other.name}`"
            )
