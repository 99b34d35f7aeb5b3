"""Tests of what the namespaces of real nodes keep apart, without Kubernetes: each node runs only a program that waits.

They need root, and have their own network namespace, in which another one stands for a network beyond the machine.
"""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.common.process import ProcessRunner
from cluster.common.progress import SilentProgress
from cluster.embedded.nodes import firewall, network, nodespec
from cluster.embedded.nodes.cgroups import find_cgroups
from cluster.embedded.nodes.components import LOGS
from cluster.embedded.nodes.machine import enter, kill_node, node_pid
from cluster.embedded.steps import start_nodes
from cluster.embedded.steps.context import Context
from cluster.images.registries import Registries
from cluster.model.state import Cluster
from cluster.programs import build
from cluster.programs.binaries import Binaries
from cluster.programs.toolchain import find_go
from cluster.tests.machine import eventually, own_network

_SUBNET = "172.30.9.0/28"
_BEYOND = "10.99.0.2"
_OUTSIDE = f"turnup-test-{os.getpid()}"  # the name of the network namespace that has this address
# Those of dropped in nodeinit/capabilities.go.
_DROPPED = {16: "SYS_MODULE", 17: "SYS_RAWIO", 22: "SYS_BOOT", 25: "SYS_TIME", 30: "AUDIT_CONTROL", 32: "MAC_OVERRIDE", 33: "MAC_ADMIN"}
_RUNNER = ProcessRunner()


def _shell(*words: str) -> str:
    return _RUNNER.run(words, timeout=30).stdout


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """Two running nodes without Kubernetes; port 5001 of the machine is open to them."""
    own_network()
    folder = tmp_path_factory.mktemp("isolation")
    module = next(module for module in build.modules() if module.folder == "nodeinit")
    nodeinit = build.build_module(module, find_go(_RUNNER), SilentProgress(), _RUNNER)
    places = [folder / name for name in ("kubernetes", "etcd", "runtime", "cni")]
    for place in places:
        place.mkdir()
    cluster = Cluster("isolation", "embedded", _SUBNET, 2, folder / "clusters", host_ports=(5001,))
    cluster.folder.mkdir(parents=True)
    made = Context(cluster, Registries(), find_cgroups(cluster.layout.cgroup), _RUNNER, SilentProgress())
    made.programs = Binaries(places[0], places[1], nodeinit, places[2], places[3], images=())
    waiting = {"name": "waits", "args": ["/bin/sleep", "600"], "env": [], "log": f"{LOGS}/waits.log", "after": [], "stateless": True}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nodespec, "node_programs", lambda *_: [waiting])
        start_nodes.execute(made)
    yield made
    for number in cluster.layout.numbers:
        kill_node(cluster, number)
    made.cgroups.kill()
    network.remove_links(_RUNNER, cluster.layout)
    made.cgroups.remove()
    made.close(wait=True)
    assert cluster.layout.bridge not in _shell("iptables-save")


@pytest.fixture(scope="module")
def beyond(context: Context) -> Iterator[str]:
    """The address of another network that this machine forwards packets to, with a server at port 80."""
    _shell("ip", "netns", "add", _OUTSIDE)
    try:
        _shell("ip", "link", "add", "out", "type", "veth", "peer", "name", "eth0", "netns", _OUTSIDE)
        _shell("ip", "address", "add", "10.99.0.1/24", "dev", "out")
        _shell("ip", "link", "set", "out", "up")
        for words in (["address", "add", f"{_BEYOND}/24", "dev", "eth0"], ["link", "set", "eth0", "up"], ["route", "add", "default", "via", "10.99.0.1"]):
            _shell("ip", "-n", _OUTSIDE, *words)
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        yield _BEYOND
    finally:
        _shell("ip", "netns", "delete", _OUTSIDE)


def _on(context: Context, number: int, *words: str) -> str:
    """Runs a command on a node."""
    return _shell(*enter(context.pids[number]), *words)


def _connects(namespace: int | str, address: str, port: int) -> str:
    """Tries a TCP connection from a network namespace (a process's, or one with a name) and returns what came of it."""
    path = f"/proc/{namespace}/ns/net" if isinstance(namespace, int) else f"/run/netns/{namespace}"
    answer: list[str] = []

    def attempt() -> None:
        _enter_network(path)
        try:
            socket.create_connection((address, port), timeout=3).close()
            answer.append("connected")
        except OSError as error:
            answer.append(str(error))

    _in_thread(attempt)
    return answer[0]


def _listen(namespace: str | None, address: str, port: int) -> socket.socket:
    """Returns a server's socket in a network namespace with a name; None for this process's own."""
    made: list[socket.socket] = []

    def listen() -> None:
        if namespace:
            _enter_network(f"/run/netns/{namespace}")
        made.append(socket.create_server((address, port)))

    _in_thread(listen)
    return made[0]


def _in_thread(work: Callable[[], None]) -> None:
    """Runs a function in a thread of its own, because a network namespace is that of a thread."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(timeout=20)


def _enter_network(path: str) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        assert ctypes.CDLL(None, use_errno=True).setns(file, 0) == 0, os.strerror(ctypes.get_errno())
    finally:
        os.close(file)


def test_a_node_has_its_own_cgroups(context: Context) -> None:
    """On a node, its programs are in /node, and the mounted hierarchies have no group of the machine or of another node."""
    sleeper = _sleeper(context, 2)
    program = _on(context, 2, "sh", "-c", "for p in /proc/[0-9]*; do grep -qx sleep $p/comm && cat $p/cgroup; done; true").splitlines()
    assert {line.split(":", 2)[2] for line in program} == {"/node"}
    groups = _on(context, 2, "find", "/sys/fs/cgroup/", "-name", "turnup-*", "-o", "-name", "cgroup.procs", "-path", "*/1/*").split()
    assert groups == []

    ours = [folder / "node" / "cgroup.procs" for folder in context.cgroups.node_folders(2)]
    assert all(str(sleeper) in path.read_text().split() for path in ours)


def test_a_node_can_make_groups(context: Context) -> None:
    """A node makes groups for pods below its own, with the controllers that kubelet needs."""
    for folder in context.cgroups.node_folders(1):
        place = "/sys/fs/cgroup" if context.cgroups.unified else f"/sys/fs/cgroup/{folder.parents[1].name}"
        _on(context, 1, "mkdir", f"{place}/kubepods")
        assert (folder / "kubepods" / "cgroup.procs").exists()
        if context.cgroups.unified:
            assert "memory" in (folder / "kubepods" / "cgroup.controllers").read_text()
        _on(context, 1, "rmdir", f"{place}/kubepods")


@pytest.mark.parametrize(
    ("path", "writable"),
    [
        ("/proc/sys/kernel/hostname", False),
        ("/proc/sys/kernel/core_pattern", False),
        ("/proc/sys/vm/swappiness", False),
        ("/proc/sys/vm/overcommit_memory", False),
        ("/proc/sys/fs/file-max", False),
        ("/proc/sysrq-trigger", False),
        ("/sys/kernel/mm/transparent_hugepage/enabled", False),
        ("/proc/sys/net/ipv4/ip_forward", True),
        ("/dev/null", True),
    ],
)
def test_settings_of_the_machine_are_read_only(context: Context, path: str, writable: bool) -> None:
    """On a node, root can't write a setting of the machine, and can write those of the node's network."""
    if not Path(path).exists():
        pytest.skip(f"this kernel has no {path}")
    # A file that is opened for appending is not changed.
    answer = _RUNNER.run([*enter(context.pids[1]), "sh", "-c", f": >>{path}"], check=False)

    assert (answer.code == 0) == writable, answer
    assert writable or "Read-only file system" in answer.stderr


def test_a_node_has_no_disks(context: Context) -> None:
    """A node has no block device, and can use the devices that it has."""
    assert _on(context, 1, "find", "/dev", "-type", "b") == ""
    assert _on(context, 1, "sh", "-c", "head -c 8 /dev/urandom | wc -c; echo x >/dev/null; tty -s </dev/ptmx && echo terminal").split() == ["8", "terminal"]


def test_programs_lack_capabilities_of_the_machine(context: Context) -> None:
    """No program of a node can have the capabilities that concern the whole machine; the others stay."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{_sleeper(context, 1)}/status").read_text().splitlines())
    own = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())

    for kind in ("CapBnd", "CapEff", "CapPrm"):
        assert [name for number, name in _DROPPED.items() if int(status[kind], 16) >> number & 1] == [], kind
    lost = int(own["CapBnd"], 16) & ~int(status["CapBnd"], 16)
    assert lost & ~sum(1 << number for number in (*_DROPPED, 35, 36)) == 0


def _sleeper(context: Context, number: int) -> int:
    """Returns the process ID of a node's one program, as this machine sees it."""
    threads = Path(f"/proc/{node_pid(context.cluster, number)}/task")

    def children() -> list[str]:
        return [pid for thread in threads.iterdir() for pid in (thread / "children").read_text().split()]

    found = eventually("the node's program", children)
    assert isinstance(found, list)
    return int(found[0])


def test_nodes_reach_each_other(context: Context) -> None:
    """The rules for the bridge let packets between nodes, and this machine's connections to nodes, through."""
    assert "Connection refused" in _connects(context.pids[1], "172.30.9.3", 6443)
    assert "Connection refused" in _connects(os.getpid(), "172.30.9.3", 6443)


def test_nothing_beyond_is_reached(context: Context, beyond: str) -> None:
    """Although the machine forwards packets, a node does not reach another network, nor is it reached from there."""
    with _listen(_OUTSIDE, beyond, 80):
        assert _connects(os.getpid(), beyond, 80) == "connected"
        assert "No route to host" in _connects(context.pids[1], beyond, 80)
        assert "No route to host" in _connects(_OUTSIDE, "172.30.9.2", 6443)
        # Without the rules, both would be reached.
        firewall.unprotect(_RUNNER, context.cluster.layout)
        try:
            assert _connects(context.pids[1], beyond, 80) == "connected"
            assert "Connection refused" in _connects(_OUTSIDE, "172.30.9.2", 6443)
        finally:
            firewall.protect(_RUNNER, context.cluster.layout, context.cluster.host_ports)


@pytest.mark.parametrize("address", ["172.30.9.1", "10.99.0.1"])
def test_open_ports_of_the_machine(context: Context, beyond: str, address: str) -> None:
    """A node reaches the ports of this machine that the cluster names, and no other, at any of its addresses."""
    with _listen(None, "0.0.0.0", 5001), _listen(None, "0.0.0.0", 5002):  # in a network namespace of the test's own
        assert _connects(context.pids[1], address, 5001) == "connected"
        assert "Connection refused" in _connects(context.pids[1], address, 5002)


def test_rules_of_others_stay(context: Context) -> None:
    """Rules of other programs stay where they are; the cluster's come first again after a start, each once."""
    layout = context.cluster.layout
    _shell("iptables", "--wait", "-I", "FORWARD", "-s", "192.0.2.1", "-j", "ACCEPT")
    assert firewall.is_protected(_RUNNER, layout)
    start_nodes.execute(context)
    rules = [line for line in _shell("iptables-save").splitlines() if line.startswith("-A FORWARD")]
    assert [layout.bridge in rule for rule in rules] == [True, True, False]

    firewall.unprotect(_RUNNER, layout)
    assert not firewall.is_protected(_RUNNER, layout)
    assert [line for line in _shell("iptables-save").splitlines() if line.startswith("-A")] == ["-A FORWARD -s 192.0.2.1/32 -j ACCEPT"]
    _shell("iptables", "--wait", "-D", "FORWARD", "-s", "192.0.2.1", "-j", "ACCEPT")
    start_nodes.execute(context)
    assert firewall.is_protected(_RUNNER, layout)


def test_the_machine_has_no_ipv6_on_the_bridge(context: Context) -> None:
    """Its ports are not reached at a link-local address, which the rules would not see."""
    assert subprocess.run(["ip", "-6", "address", "show", "dev", context.cluster.layout.bridge], capture_output=True, text=True, check=True).stdout == ""
