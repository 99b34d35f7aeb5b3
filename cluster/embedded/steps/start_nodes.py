"""Step: start the nodes that are down, each in its own namespaces.

All programs of a node start at once, except those that nodeinit makes wait for something; see `after` in components.py.
"""

from __future__ import annotations

import time

from cluster.embedded.nodes import network
from cluster.embedded.nodes.machine import enter, launch_node, node_pid
from cluster.embedded.nodes.nodespec import node_spec
from cluster.embedded.steps.context import Context

TITLE = "Starting nodes"

_NODE_FOLDERS = ("root", "kubernetes", "kubelet", "containerd", "logs", "pod-logs", "container-logs")


def execute(context: Context) -> None:
    """Starts the nodes and sets context.pids."""
    cluster, layout = context.cluster, context.cluster.layout
    network.make_bridge(context.runner, layout, cluster.host_ports)
    for folder in (cluster.volumes, cluster.folder / "etcd"):
        folder.mkdir(mode=0o700, exist_ok=True)
    for number in layout.numbers:
        running = node_pid(cluster, number)
        context.pids[number] = running or _start(context, number)


def _start(context: Context, number: int) -> int:
    cluster, layout, programs = context.cluster, context.cluster.layout, context.binaries()
    for name in _NODE_FOLDERS:
        (cluster.node_folder(number) / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    (cluster.volumes / layout.node(number)).mkdir(mode=0o755, exist_ok=True)
    # A killed node leaves the groups of its pods behind, and an interrupted start can leave a process.
    context.cgroups.kill(number)
    context.cgroups.remove(number)
    context.cgroups.make(number)
    spec = node_spec(cluster, number, programs, context.registries, context.cgroups)
    context.launched[number] = time.time()
    pid = launch_node(context.runner, cluster, number, spec, programs.nodeinit / "nodeinit")
    network.connect_node(context.runner, layout, number, pid, enter(pid))
    return pid
