"""Redis Cluster of real redis-server processes on this machine, for tests.

Each "pod" is a redis-server and an agent with its own loopback address (127.X.Y.N),
so that pods can get new addresses, as in Kubernetes.
"""

import contextlib
import functools
import io
import os
import random
import secrets
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from python.common.health_http import Check, HealthEndpoint
from python.redis import access, nodes
from python.redis.access import Access
from python.redis.agent import Agent, Identity
from python.redis.resp import CommandError, Connection
from python.redis.server import Supervisor
from rules.image.tools.layers.debs import read_package


@functools.cache
def find_redis_server() -> str:
    """Returns the path of redis-server: that of the images in a Bazel test, else $REDIS_SERVER or that on PATH.

    Raises:
        FileNotFoundError: there is no redis-server.
    """
    debs = sorted(Path(os.environ.get("TEST_SRCDIR", "/nonexistent")).glob("debian_redis/**/*.deb"))
    if debs:
        return _unpack(debs, Path(tempfile.mkdtemp(dir=os.environ.get("TEST_TMPDIR"))))
    program = os.environ.get("REDIS_SERVER") or shutil.which("redis-server")
    if program is None:
        raise FileNotFoundError("redis-server is not on PATH; install it, or set REDIS_SERVER to its path")
    return program


def _unpack(debs: Sequence[Path], folder: Path) -> str:
    """Unpacks packages into the folder and returns the path of a redis-server that finds their libraries."""
    for deb in debs:
        with tarfile.open(fileobj=io.BytesIO(read_package(str(deb)).data[0])) as tar:
            tar.extractall(folder)  # Debian's own files
    (libraries,) = folder.glob("usr/lib/*-linux-gnu")
    os.environ["LD_LIBRARY_PATH"] = str(libraries)
    return str(folder / "usr/bin/redis-server")


class FormerAccess(Access):
    """Access as in the version without users: anybody may do anything, and the agent knows of no other versions."""

    @property
    def logins(self) -> list[tuple[str, str]]:
        """None."""
        return []

    def configuration(self) -> str:
        """Returns nothing."""
        return ""

    def renew(self, ask: Any) -> None:
        """Does nothing."""

    def identify(self, ask: Any, own: str, master: str | None) -> None:
        """Does nothing."""

    def admit(self, ask: Any, former: Sequence[str], complete: bool) -> None:
        """Does nothing."""


class Pod:
    """One node: redis-server, its agent and the agent's HTTP endpoint."""

    def __init__(self, who: Identity, folder: Path, addresses: dict[str, str], users: Access, paused: bool = False) -> None:
        """Starts the node.

        Args:
            who: the pod.
            folder: folder of the volume.
            addresses: map of pod name to address.
            users: users of its Redis.
            paused: starts it without ticks of the agent.
        """
        self.who = who
        self._users = users
        self.agent = Agent(who, addresses.get, users)
        if paused:
            self.pause()
        self._stopping = threading.Event()
        self._checks: dict[str, Check] = {"/live": self.agent.live, "/ready": self.agent.ready, "/status": self.agent.status}
        self._endpoint = HealthEndpoint(who.ip, who.status_port, self._checks)
        folder.mkdir(exist_ok=True)
        self._supervisor = Supervisor(find_redis_server(), who, self.agent, folder, "16mb", users.configuration())
        self._output = open(folder / "log", "ab")  # noqa: SIM115  # stays open until the pod has stopped
        self._thread = threading.Thread(target=self._supervisor.run, args=(self._stopping, self._output), daemon=True)
        self._endpoint.start()
        self._thread.start()

    @property
    def redis_server(self) -> subprocess.Popen[bytes]:
        """The process of redis-server."""
        process = self._supervisor.process
        assert process is not None
        return process

    def pause(self) -> None:
        """Stops the agent's ticks, so that a test can see what Redis does alone."""
        self.agent.tick = lambda: False  # type: ignore[method-assign]

    def keep_passwords(self) -> None:
        """Makes the pod ignore changes of the passwords."""
        self._users.renew = lambda ask: None  # type: ignore[method-assign]

    def hide_users(self) -> None:
        """Makes the agent report what that of the version without users reports."""
        report = self.agent.status
        self._checks["/status"] = lambda: (True, {key: value for key, value in report()[1].items() if key != "users"})

    def stop(self) -> None:
        """Stops the pod as Kubernetes does: the agent fails over, then redis-server gets SIGTERM."""
        self._stopping.set()
        self._end()

    def kill(self) -> None:
        """Kills the pod, as the loss of its host does."""
        if self._supervisor.process is not None:
            self._supervisor.process.kill()
        self._stopping.set()
        self._end()

    def _end(self) -> None:
        self._thread.join(30)
        self._endpoint.close()
        self._output.close()


class LocalCluster:
    """Starts, moves, kills and wipes pods 0 to len(hosts)-1 named redis-N."""

    def __init__(self, folder: Path, hosts: Sequence[str]) -> None:
        """Plans addresses and ports; no pod is started.

        Args:
            folder: folder for the pods' volumes.
            hosts: for each pod, the name of its host.
        """
        self._folder = folder
        self._hosts = list(hosts)
        self._addresses: dict[str, str] = {}
        self._denied: set[int] = set()
        self.pods: dict[int, Pod] = {}
        self.new_addresses()
        self.port, self.status_port = _free_ports(self.ip(0))
        self.users = folder / "redis-users"
        self.users.mkdir()
        self.change_passwords()

    def change_passwords(self) -> None:
        """Gives each user another password, as a Secret that is made again does."""
        for user in access.USERS:
            (self.users / user).write_text(secrets.token_hex(16))

    def deny(self, ordinal: int) -> None:
        """Makes every lookup by this pod fail, from its next start on."""
        self._denied.add(ordinal)

    def ip(self, ordinal: int) -> str:
        """Returns the current address of a pod, or the next one if it does not run."""
        pod = self.pods.get(ordinal)
        return pod.who.ip if pod else self._planned[ordinal]

    def new_addresses(self) -> None:
        """Plans new addresses for pods that start from now on."""
        net = f"127.{random.randint(1, 250)}.{random.randint(0, 250)}"
        self._planned = [f"{net}.{n + 1}" for n in range(len(self._hosts))]

    def start(self, *ordinals: int, paused: bool = False, former: bool = False) -> None:
        """Starts the given pods, or all, with their planned addresses.

        Args:
            ordinals: the pods.
            paused: starts them without ticks of their agents.
            former: starts them as the version without users does.
        """
        for ordinal in ordinals or range(len(self._hosts)):
            who = Identity(
                name="redis",
                ordinal=ordinal,
                size=len(self._hosts),
                namespace="test",
                host=self._hosts[ordinal],
                ip=self.ip(ordinal),
                redis_port=self.port,
                status_port=self.status_port,
            )
            self._addresses[who.pod] = who.ip
            addresses = {} if ordinal in self._denied else self._addresses
            users = FormerAccess(self.users) if former else Access(self.users)
            self.pods[ordinal] = Pod(who, self._folder / who.pod, addresses, users, paused)
            if former:
                self.pods[ordinal].hide_users()

    def stop(self, *ordinals: int) -> None:
        """Stops the given pods, or all, gracefully and at the same time."""
        threads = [threading.Thread(target=self.pods.pop(n).stop) for n in ordinals or list(self.pods)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def kill(self, *ordinals: int) -> None:
        """Kills the given pods, or all."""
        for ordinal in ordinals or list(self.pods):
            self.pods.pop(ordinal).kill()

    def wipe(self, ordinal: int) -> None:
        """Deletes the data of a pod that does not run."""
        shutil.rmtree(self._folder / f"redis-{ordinal}")

    def login(self, user: str) -> tuple[str, str]:
        """Returns a user and its password."""
        return user, (self.users / user).read_text()

    def make_tester(self) -> tuple[str, str]:
        """Makes a user that may do everything, on all running pods, for tests that spoil data; returns its name and password."""
        user, password = "tester", secrets.token_hex(16)
        for ordinal in self.pods:
            self.ask(ordinal, "ACL", "SETUSER", user, "on", f">{password}", "allkeys", "allcommands")
        return user, password

    def ask(self, ordinal: int, *words: str | int, logins: Sequence[tuple[str, str]] = ()) -> Any:
        """Sends one command to a pod's Redis, as the agent's user unless another one is given, and returns the reply."""
        with Connection(self.ip(ordinal), self.port, logins=logins or [self.login(access.AGENT)]) as redis:
            return redis.command(*words)

    def table(self, ordinal: int = 0) -> list[nodes.Node]:
        """Returns CLUSTER NODES of a pod."""
        return nodes.parse_nodes(self.ask(ordinal, "CLUSTER", "NODES"))

    def masters(self) -> list[int]:
        """Returns the ordinals of the running pods that own slots, in order."""
        return [n for n in sorted(self.pods) if nodes.myself(self.table(n)).slots]

    def wait_ready(self, timeout_s: float = 30.0, members: int | None = None) -> float:
        """Waits until every running pod is ready and knows all nodes.

        Args:
            timeout_s: timeout in seconds.
            members: number of nodes that each pod must know; None for all.

        Returns:
            Seconds until then.

        Raises:
            TimeoutError: some pod is not ready in time; the text has the last problem.
        """
        start = time.monotonic()
        while problem := self._problem(members or len(self._hosts)):
            if time.monotonic() - start > timeout_s:
                raise TimeoutError(f"not ready after {timeout_s} s: {problem}")
            time.sleep(0.1)
        return time.monotonic() - start

    def _problem(self, members: int) -> str:
        for ordinal, pod in self.pods.items():
            try:
                ready, detail = pod.agent.ready()
                table = self.table(ordinal)
            except (OSError, CommandError) as error:
                return f"redis-{ordinal}: {error}"
            if not ready:
                return f"redis-{ordinal}: {detail}"
            if len(table) != members:
                return f"redis-{ordinal} knows {len(table)} nodes, not {members}"
            if any(node.healthy and node.master is None and not node.slots for node in table):
                return f"redis-{ordinal} sees a master without slots"
        return ""


def _free_ports(ip: str) -> tuple[int, int]:
    """Returns two free ports of the address; the cluster bus port of the first is free, too."""
    while True:
        port = random.randint(20000, 29000)
        with contextlib.ExitStack() as stack:
            try:
                for number in (port, port + 1, port + 10000):
                    stack.enter_context(socket.create_server((ip, number)))
            except OSError:
                continue
        return port, port + 1


def eventually(check: Callable[[], object], timeout_s: float = 30.0) -> None:
    """Waits until a check returns a true value; an OSError or CommandError means not yet.

    Args:
        check: the check.
        timeout_s: seconds until this gives up.

    Raises:
        TimeoutError: the time is up; the text has the last result.
    """
    deadline = time.monotonic() + timeout_s
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = check()
        except (OSError, CommandError) as error:
            last = error
        else:
            if last:
                return
        time.sleep(0.1)
    raise TimeoutError(f"still {last!r} after {timeout_s} s")


@contextlib.contextmanager
def running(folder: Path, hosts: Sequence[str] = ("a", "b") * 3) -> Iterator[LocalCluster]:
    """Starts a cluster, waits until it is ready, and kills it at the end."""
    cluster = LocalCluster(folder, hosts)
    try:
        cluster.start()
        cluster.wait_ready()
        yield cluster
    finally:
        cluster.kill()
