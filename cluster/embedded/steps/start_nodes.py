"""Step: start the nodes that do not run, each in namespaces of its own.

All programs of a node start at once; nodeinit holds back those that would
only fail and wait (see `after` in components.py).
"""

from __future__ import annotations

import time

from cluster.embedded import network
from cluster.embedded.context import Context
from cluster.embedded.machine import enter, launch_node, node_pid
from cluster.embedded.nodespec import node_spec

TITLE = "Starting nodes"

_NODE_FOLDERS = ("root", "kubernetes", "kubelet", "containerd", "logs", "pod-logs", "container-logs")


def execute(context: Context) -> None:
    """Fills context.pids and starts the images' import in the background."""
    cluster, layout = context.cluster, context.cluster.layout
    network.make_bridge(context.runner, layout)
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
    # A killed node leaves its pods' groups, and an interrupted start a process
    # that nobody wrote down.
    context.cgroups.kill(number)
    context.cgroups.remove(number)
    context.cgroups.make(number)
    spec = node_spec(cluster, number, programs, context.registries, context.cgroups)
    context.launched[number] = time.time()
    pid = launch_node(context.runner, cluster, number, spec, programs.nodeinit / "nodeinit")
    network.connect_node(context.runner, layout, number, pid, enter(pid))
    return pid
