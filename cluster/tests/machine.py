"""The machine for integration tests: a separate network, commands, and the traces of clusters."""

from __future__ import annotations

import contextlib
import ctypes
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from cluster.embedded.nodes.machine import process_start
from cluster.model.names import machine_id

__all__ = ["Machine", "eventually", "fetch", "own_network", "traces"]

_CLONE_NEWNET = 0x40000000
_SETTINGS = ("kernel/panic", "kernel/panic_on_oops", "vm/overcommit_memory", "vm/panic_on_oom", "kernel/keys/root_maxkeys")


def own_network() -> None:
    """Moves this process into a new network namespace, so that the test's addresses don't conflict with those of a user's cluster.

    Raises:
        OSError: this process isn't root.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot create a network namespace; run the integration test as root")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


@dataclass(frozen=True)
class Machine:
    """Runs commands with the test's own state folder, kubeconfig and network.

    Attributes:
        folder: has the state folder and the kubeconfig.
        kubectl: the path of kubectl.
    """

    folder: Path
    kubectl: Path

    @property
    def state_dir(self) -> Path:
        """The folder of the test's clusters."""
        return self.folder / "state" / "clusters"

    @property
    def kubeconfig(self) -> Path:
        """The kubeconfig that commands write."""
        return self.folder / "kubeconfig"

    def environment(self) -> dict[str, str]:
        """Returns the environment of every command."""
        ours = {"TURNUP_STATE_DIR": str(self.state_dir), "KUBECONFIG": str(self.kubeconfig), "PYTHONPATH": os.pathsep.join(sys.path)}
        return {**os.environ, **ours}

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Starts a cluster command and returns its process."""
        command = [sys.executable, "-B", "-m", "cluster.commands", *args]
        return subprocess.Popen(command, env=self.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, *args: str, code: int = 0) -> tuple[str, str]:
        """Runs a cluster command and returns its stdout and stderr; fails the test if the exit code is another."""
        process = self.start(*args)
        stdout, stderr = process.communicate(timeout=180)
        assert process.returncode == code, f"{args} ended with {process.returncode}: {stdout}{stderr}"
        assert "Traceback" not in stderr
        return stdout, stderr

    def kube(self, *args: str, cluster: str, stdin: Iterable[object] | None = None) -> str:
        """Runs kubectl on a cluster, with objects as its standard input, and returns its stdout."""
        text = None if stdin is None else yaml.safe_dump_all(stdin)
        command = [str(self.kubectl), "--context", f"turnup-{cluster}", *args]
        done = subprocess.run(command, env=self.environment(), input=text, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, f"{args}: {done.stderr}"
        return done.stdout

    def rolled_out(self, workload: str, *, cluster: str) -> None:
        """Waits for a rollout of a workload (KIND/NAME); fails the test with the cluster's pods, volumes and events."""
        try:
            self.kube("rollout", "status", workload, "--timeout=100s", cluster=cluster)
        except AssertionError as error:
            pods = self.kube("get", "pods,pvc", "--all-namespaces", "--output=wide", cluster=cluster)
            events = self.kube("get", "events", "--all-namespaces", "--sort-by=.lastTimestamp", cluster=cluster)
            raise AssertionError(f"{error}\n{pods}\n{events}") from None


def eventually(what: str, look: Callable[[], object], timeout: float = 60.0) -> object:
    """Calls a function until it returns a true value.

    Args:
        what: what to wait for, for the failure.
        look: the function; an OSError or AssertionError counts as a false value.
        timeout: seconds until the test fails.

    Returns:
        The value.
    """
    deadline = time.monotonic() + timeout
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = look()
            if last:
                return last
        except (OSError, AssertionError) as error:
            last = error
        time.sleep(0.2)
    raise AssertionError(f"{what}: not within {timeout:g} s, last seen: {last}")


def fetch(url: str, content: bytes | None = None, timeout: float = 10.0) -> str:
    """Reads a URL with GET, or writes content to it with PUT.

    Args:
        url: the URL.
        content: what to write; None reads.
        timeout: seconds.

    Returns:
        The text of the answer.

    Raises:
        OSError: the server does not answer or answers with an error.
    """
    request = urllib.request.Request(url, data=content, method="GET" if content is None else "PUT")
    try:
        # The test's network has no proxy, even if the environment names one.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        raise OSError(f"{url}: {error.read().decode()}") from error


def traces(machine: Machine, names: list[str]) -> dict[str, list[str]]:
    """Returns everything on the machine that belongs to the clusters with these names: kind → list."""
    ids = [machine_id(name, machine.state_dir) for name in names]
    marks = [*ids, str(machine.state_dir)]
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=True).stdout.splitlines()
    links = subprocess.run(["ip", "-oneline", "link"], capture_output=True, text=True, check=True).stdout.splitlines()
    return {
        # kubelet would change these settings of the kernel if it could.
        "settings": [f"{path} {Path('/proc/sys', path).read_text().strip()}" for path in _SETTINGS],
        "processes": [line for line in _processes() if any(mark in line for mark in marks)],
        "mounts": [line for line in mounts if any(mark in line for mark in marks)],
        "links": [line.split(":")[1].strip() for line in links],
        "rules": [line for line in rules if any(f"tu{name}" in line for name in ids)],
        "cgroups": [str(path) for name in ids for path in Path("/sys/fs/cgroup").rglob(f"turnup-{name}")],
        "files": sorted(str(path.relative_to(machine.folder)) for path in machine.folder.rglob("*")),
    }


def _processes() -> list[str]:
    """Returns the ID, command line and cgroups of every other process on the machine, without zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid() and process_start(int(entry.name)):
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(f"{entry.name} {command} {(entry / 'cgroup').read_text()}")
    return found
