"""Step: refuse, before anything is made, a machine that cannot hold the cluster."""

from __future__ import annotations

from pathlib import Path

from cluster import debian
from cluster.embedded import network
from cluster.embedded.context import Context
from cluster.errors import ClusterError
from cluster.space import check_space
from cluster.state import known_clusters

TITLE = "Checking the machine"

_NAMESPACES = ("mnt", "pid", "net", "uts", "ipc")


def execute(context: Context) -> None:
    """Raises ClusterError naming the first thing that is missing or in the way."""
    check_kernel()
    check_space(context.cluster.state_dir, context.free_space, "a cluster", "TURNUP_STATE_DIR")
    debian.install_host_tools(context.progress, context.runner)
    check_neighbours(context)
    network.check_free(context.runner, context.cluster.layout)


def check_kernel(proc: Path = Path("/proc")) -> None:
    """The kernel must have every kind of namespace and the overlay file system."""
    for kind in _NAMESPACES:
        if not (proc / "self" / "ns" / kind).exists():
            raise ClusterError(f"this kernel has no {kind} namespaces: run on one built with CONFIG_NAMESPACES (every distribution's is)")
    filesystems = (proc / "filesystems").read_text().split()
    if "overlay" not in filesystems:
        raise ClusterError("this kernel has no overlay file system, on which containers are stored: load it with `modprobe overlay`")


def check_neighbours(context: Context) -> None:
    """No other cluster of the state folder, running or not, may own the subnet."""
    ours = context.cluster.layout
    for other in known_clusters(context.cluster.state_dir):
        if other.name != context.cluster.name and other.layout.subnet.overlaps(ours.subnet):
            raise ClusterError(
                f"subnet {ours.subnet} is in use by cluster {other.name} ({other.subnet}): choose another with --subnet, or `./turnup cluster delete --name {other.name}`"
            )
