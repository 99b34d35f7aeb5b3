"""A node's processes on this machine: starting, finding, entering, ending them.

A node is the process tree below one nodeinit. Its process id and start time
are kept in nodes/N/init.json; both together name a process for good, while an
id alone may be given to another one later.
"""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

from cluster.embedded.components import PATH, RUNTIME, RUNTIME_SOCKET
from cluster.errors import ClusterError
from cluster.files import write_atomically
from cluster.runner import Runner
from cluster.state import Cluster

__all__ = ["ctr", "enter", "ends", "kill_node", "launch_node", "mark", "node_pid", "process_start", "stop_node"]

_FILE = "init.json"
_PAUSE = 0.01
_KILL_TIMEOUT = 10.0
_STOP_TIMEOUT = 20.0  # more than nodeinit's own grace time


def process_start(pid: int, proc: Path = Path("/proc")) -> str | None:
    """When process pid started (clock ticks since boot), or None when it is not running.

    Field 22 of /proc/PID/stat, proc(5); the name in field 2 may hold blanks.
    """
    try:
        fields = (proc / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else fields[19]


def launch_node(runner: Runner, cluster: Cluster, number: int, spec: dict[str, object], nodeinit: Path) -> int:
    """Starts node number in new namespaces and returns its first process's id."""
    folder = cluster.node_folder(number)
    write_atomically(folder / "node.json", json.dumps(spec, indent=1))
    started = runner.run([str(nodeinit), "launch", str(folder / "node.json"), str(cluster.logs(number) / "node.log")])
    pid = int(started.stdout)
    write_atomically(folder / _FILE, json.dumps({"pid": pid, "start": process_start(pid)}))
    return pid


def node_pid(cluster: Cluster, number: int) -> int | None:
    """The id of node number's first process, or None when it does not run."""
    try:
        facts = json.loads((cluster.node_folder(number) / _FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
    if facts["start"] is None or process_start(facts["pid"]) != facts["start"]:
        return None
    return facts["pid"]


def mark(pid: int, path: str, proc: Path = Path("/proc")) -> None:
    """Makes an empty file in the node, for whatever its programs wait for."""
    file = proc / str(pid) / "root" / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


def enter(pid: int) -> list[str]:
    """The command that runs its arguments inside the node."""
    return ["nsenter", "--target", str(pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--"]


def ctr(pid: int, wait: bool = False) -> list[str]:
    """The command line of containerd's client on the node; wait: for a containerd that only starts."""
    timeout = ["--connect-timeout", "60s"] if wait else []
    return [*enter(pid), "env", f"PATH={PATH}", f"{RUNTIME}/ctr", "--address", RUNTIME_SOCKET, *timeout, "--namespace", "k8s.io"]


def ends(pid: int, start: str | None, timeout: float) -> bool:
    """Waits for a process to end; False when it still runs after timeout seconds."""
    deadline = time.monotonic() + timeout
    while start is not None and process_start(pid) == start:
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE)
    return True


def stop_node(cluster: Cluster, number: int) -> None:
    """Lets a node end its programs by themselves, then ends what is left."""
    pid = node_pid(cluster, number)
    if pid is None:
        return
    start = process_start(pid)
    _signal(pid, signal.SIGTERM)
    if not ends(pid, start, _STOP_TIMEOUT):
        kill_node(cluster, number)


def kill_node(cluster: Cluster, number: int) -> None:
    """Ends a node's processes at once; the kernel takes all of its process namespace."""
    pid = node_pid(cluster, number)
    if pid is None:
        return
    start = process_start(pid)
    _signal(pid, signal.SIGKILL)
    if not ends(pid, start, _KILL_TIMEOUT):
        raise ClusterError(f"process {pid} of node {cluster.layout.node(number)} does not end: see what it waits for in /proc/{pid}/stack, then try again")


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass
