"""Starts, finds, enters and stops the processes of a node on this machine.

A node is the process tree of one nodeinit. nodes/N/init.json has its process ID and start time. Both together identify a
process, while the kernel can give the ID alone to another process later.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path

from cluster.common.errors import ClusterError
from cluster.common.files import write_atomically
from cluster.common.process import Runner
from cluster.embedded.nodes.components import PATH, RUNTIME, RUNTIME_SOCKET
from cluster.model.state import Cluster

__all__ = ["ctr", "enter", "kill_node", "launch_node", "mark", "node_pid", "process_start", "stop_node", "wait_for_containerd", "wait_until_ended"]

_FILE = "init.json"
_PAUSE = 0.01
_KILL_TIMEOUT = 10.0
_STOP_TIMEOUT = 20.0  # more than nodeinit's own grace period


def process_start(pid: int, proc: Path = Path("/proc")) -> str | None:
    """Returns when a process started.

    Args:
        pid: the process ID.
        proc: where proc is mounted.

    Returns:
        Clock ticks since the machine started (field 22 of /proc/PID/stat, see proc(5)); None if the process does not run.
    """
    try:
        # The program's name, field 2, is in parentheses and can have blanks.
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def launch_node(runner: Runner, cluster: Cluster, number: int, spec: dict[str, object], nodeinit: Path) -> int:
    """Starts a node in new namespaces.

    Args:
        runner: runs nodeinit.
        cluster: the cluster.
        number: the node's number.
        spec: the node's specification; see nodespec.py.
        nodeinit: the path of nodeinit.

    Returns:
        The ID of the node's first process.
    """
    folder = cluster.node_folder(number)
    write_atomically(folder / "node.json", json.dumps(spec, indent=1))
    started = runner.run([str(nodeinit), "launch", str(folder / "node.json"), str(cluster.logs(number) / "node.log")])
    pid = int(started.stdout)
    write_atomically(folder / _FILE, json.dumps({"pid": pid, "start": process_start(pid)}))
    return pid


def node_pid(cluster: Cluster, number: int) -> int | None:
    """Returns the ID of a node's first process; None if the node is down."""
    try:
        facts = json.loads((cluster.node_folder(number) / _FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
    if facts["start"] is None or process_start(facts["pid"]) != facts["start"]:
        return None
    return int(facts["pid"])


def mark(pid: int, path: str, proc: Path = Path("/proc")) -> None:
    """Creates an empty file on a node, which programs of the node wait for.

    Args:
        pid: the ID of the node's first process.
        path: the file's path on the node.
        proc: where proc is mounted.
    """
    file = proc / str(pid) / "root" / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def enter(pid: int) -> list[str]:
    """Returns the command that runs its arguments on a node, given the ID of the node's first process."""
    return ["nsenter", "--target", str(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--"]


def ctr(pid: int) -> list[str]:
    """Returns the command line of containerd's client on a node, given the ID of the node's first process."""
    return [*enter(pid), "env", f"PATH={PATH}", f"{RUNTIME}/ctr", "--address", RUNTIME_SOCKET, "--namespace", "k8s.io"]


def wait_for_containerd(pid: int, timeout: float = 60.0, proc: Path = Path("/proc")) -> None:
    """Waits until containerd accepts connections on a node.

    `ctr --connect-timeout` does not do that: it gives up if it finds the socket before containerd listens on it.

    Args:
        pid: the ID of the node's first process.
        timeout: how long to wait, in seconds.
        proc: where proc is mounted.

    Raises:
        ClusterError: it does not in time.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.connect(f"{proc}/{pid}/root{RUNTIME_SOCKET}")
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise ClusterError(f"containerd does not answer within {timeout:g} s ({error.strerror}); see `./turnup cluster logs containerd`") from None
        time.sleep(_PAUSE)


def wait_until_ended(pid: int, start: str | None, timeout: float) -> bool:
    """Waits for a process to end.

    Args:
        pid: the process ID.
        start: when the process started; see `process_start`.
        timeout: how long to wait, in seconds.

    Returns:
        Whether it ended in time.
    """
    deadline = time.monotonic() + timeout
    while start is not None and process_start(pid) == start:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def stop_node(cluster: Cluster, number: int) -> None:
    """Stops a node: waits for its programs to end, then kills the rest."""
    pid = node_pid(cluster, number)
    if pid is None:
        return
    start = process_start(pid)
    _signal(pid, signal.SIGTERM)
    if not wait_until_ended(pid, start, _STOP_TIMEOUT):
        kill_node(cluster, number)


def kill_node(cluster: Cluster, number: int) -> None:
    """Kills a node's first process; the kernel then kills all processes of its PID namespace.

    Raises:
        ClusterError: the process does not end.
    """
    pid = node_pid(cluster, number)
    if pid is None:
        return
    start = process_start(pid)
    _signal(pid, signal.SIGKILL)
    if not wait_until_ended(pid, start, _KILL_TIMEOUT):
        raise ClusterError(
            f"process {pid} of node {cluster.layout.node(number)} does not end after SIGKILL; see /proc/{pid}/stack for what it waits for, then try again"
        )


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
