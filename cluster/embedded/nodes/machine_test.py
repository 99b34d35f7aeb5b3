"""Tests of nodes' processes, with harmless processes in their place."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from cluster.common.errors import ClusterError
from cluster.common.fake_process import FakeRunner
from cluster.common.process import Result
from cluster.embedded.nodes import machine
from cluster.embedded.nodes.components import RUNTIME_SOCKET
from cluster.embedded.nodes.machine import enter, kill_node, launch_node, mark, node_pid, process_start, stop_node, wait_for_containerd, wait_until_ended
from cluster.model.state import Cluster

_SLEEP = "import time; time.sleep(60)"
_STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    """A cluster with folders for one node."""
    made = Cluster("a", "embedded", "172.19.0.0/26", 1, tmp_path)
    made.logs(1).mkdir(parents=True)
    return made


@pytest.fixture
def spawn(cluster: Cluster):
    """Starts a Python program instead of a node; it is reaped as soon as it ends, as init would do."""
    import threading

    running = []

    def start(program: str) -> subprocess.Popen:
        process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
        running.append(process)
        threading.Thread(target=process.wait, daemon=True).start()
        runner = FakeRunner({"/init launch": Result(0, f"{process.pid}\n")})
        assert launch_node(runner, cluster, 1, {"hostname": "a-1"}, Path("/init")) == process.pid
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


def test_start_time_of_the_living() -> None:
    """A running process has a start time that does not change; a missing process has none."""
    assert process_start(os.getpid()) == process_start(os.getpid()) is not None
    assert process_start(2**22 + 1) is None


@pytest.mark.parametrize(("line", "start"), [("7 (a) b) S " + "0 " * 18 + "99 0", "99"), ("7 (a) Z " + "0 " * 18 + "99 0", None)])
def test_start_time_of_odd_names(tmp_path: Path, line: str, start: str | None) -> None:
    """A name with a parenthesis is parsed, and a zombie counts as not running."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "stat").write_text(line)

    assert process_start(7, tmp_path) == start


def test_launch(cluster: Cluster, spawn) -> None:
    """Only its owner can read the specification, and the process is found again."""
    process = spawn(_SLEEP)
    path = cluster.node_folder(1) / "node.json"

    assert json.loads(path.read_text()) == {"hostname": "a-1"}
    assert path.stat().st_mode & 0o777 == 0o600
    assert node_pid(cluster, 1) == process.pid


def test_another_process_with_the_id(cluster: Cluster) -> None:
    """A process with the same ID and another start time is not the node."""
    (cluster.node_folder(1) / "init.json").write_text(json.dumps({"pid": os.getpid(), "start": "1"}))
    assert node_pid(cluster, 1) is None

    (cluster.node_folder(1) / "init.json").write_text("half")
    assert node_pid(cluster, 1) is None


def test_kill(cluster: Cluster, spawn) -> None:
    """A killed node is gone when the call returns, and killing it again is not an error."""
    process = spawn(_SLEEP)
    kill_node(cluster, 1)

    assert process_start(process.pid) is None
    assert node_pid(cluster, 1) is None
    kill_node(cluster, 1)


def test_stop_of_a_stubborn_node(cluster: Cluster, spawn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that does not stop in time is killed."""
    monkeypatch.setattr(machine, "_STOP_TIMEOUT", 0.2)
    process = spawn(_STUBBORN)
    process.stdout.readline()
    stop_node(cluster, 1)

    assert process_start(process.pid) is None


def test_waiting_has_an_end() -> None:
    """Waiting for a process that does not end returns False."""
    assert not wait_until_ended(os.getpid(), process_start(os.getpid()), 0.05)


def test_mark(tmp_path: Path) -> None:
    """A mark is created in the node's own root."""
    (tmp_path / "7" / "root").mkdir(parents=True)
    mark(7, "/run/turnup/ready", tmp_path)

    assert (tmp_path / "7" / "root" / "run" / "turnup" / "ready").exists()


def test_containerd_is_waited_for() -> None:
    """A socket that is not there yet, or on which nobody listens yet, is waited for; a containerd that never listens is named."""
    with tempfile.TemporaryDirectory() as name, socket.socket(socket.AF_UNIX) as server:  # a socket's path has at most 107 bytes
        path = Path(name, "7", "root" + RUNTIME_SOCKET)
        with pytest.raises(ClusterError, match=r"containerd does not answer within 0 s \(No such file"):
            wait_for_containerd(7, 0, Path(name))
        path.parent.mkdir(parents=True)
        server.bind(str(path))
        with pytest.raises(ClusterError, match=r"containerd does not answer within 0 s \(Connection refused\)"):
            wait_for_containerd(7, 0, Path(name))
        timer = threading.Timer(0.1, server.listen)
        timer.start()
        wait_for_containerd(7, 60, Path(name))
        timer.join()


def test_entering() -> None:
    """Commands enter all namespaces of a node."""
    for kind in ("mount", "uts", "ipc", "net", "pid"):
        assert f"--{kind}" in enter(7)
