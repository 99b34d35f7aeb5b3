"""Writes to the sample's Redis Cluster all the time, remembers what was acknowledged, and reads it back.

A write counts as acknowledged when the master has answered and WAIT says that a replica has it, too: Redis Cluster may lose
others after a failover (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/, "Write safety").
"""

import contextlib
import functools
import subprocess
import threading
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

from python.redis.access import AGENT
from python.redis.resp import CommandError, Connection

_PORT = 6379
_STATUS_PORT = 8080
_PAUSE_S = 0.05
# A pod that has restarted does not know the user.
_USER = ("ledger", "on", ">ledger", "~ledger:*", "+set", "+get", "+wait")
_REDIRECTS = 8


class Ledger:
    """Keys and values that Redis acknowledged.

    Attributes:
      acknowledged: key -> value, in the order of the writes.
      problem: why the newest write was not acknowledged; empty if it was.
    """

    def __init__(self, addresses: Callable[[], dict[str, str]], password: Callable[[], str]) -> None:
        """Keeps the way to the pods.

        Args:
          addresses: returns the address of each ready Redis pod -> the address of its node; may raise OSError.
          password: returns the password of the agents' user, by which the ledger makes a user for itself.
        """
        self._addresses = addresses
        self._password = functools.cache(password)
        self._stopping = threading.Event()
        self._count = 0
        self.acknowledged: dict[str, str] = {}
        self.problem = ""

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Writes in a thread until the block ends."""
        self._stopping.clear()
        thread = threading.Thread(target=self._write_all, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            thread.join()

    def _write_all(self) -> None:
        known: list[str] = []
        while not self._stopping.wait(_PAUSE_S):
            key, value = f"ledger:{self._count}", f"{self._count}"
            self._count += 1  # a write without an answer may have happened, so its key is not used again
            try:
                known = known or self._reachable()
                if self._on_owner(known, key, ("SET", key, value), ("WAIT", 1, 1000)) >= 1:
                    self.acknowledged[key], self.problem = value, ""
                else:
                    self.problem = f"{key}: no replica has it after 1 s"
            except (OSError, CommandError) as error:  # the failure that the test caused
                known, self.problem = [], f"{key}: {error}"

    def ready_pods(self) -> list[str]:
        """Returns the addresses of the pods that say now that they are ready; the API server may still have what was before a failure.

        Raises:
          OSError: a pod does not answer, or says that it is not ready.
        """
        pods = self._reachable()
        for address in pods:
            with urllib.request.urlopen(f"http://{address}:{_STATUS_PORT}/ready", timeout=2):  # an HTTPError is an OSError
                pass
        return pods

    def _reachable(self) -> list[str]:
        """Returns the addresses of the pods, after routing them through their nodes in this process's network namespace."""
        pods = self._addresses()
        for address, node in pods.items():
            done = subprocess.run(["ip", "route", "replace", address, "via", node], capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise OSError(done.stderr.strip())
        return list(pods)

    def _on_owner(self, addresses: list[str], key: str, *commands: tuple[str | int, ...]) -> Any:
        """Sends commands over one connection to the master that owns the key, and returns the last reply."""
        if not addresses:
            raise OSError("no pod has an address")
        ip, last = addresses[self._count % len(addresses)], "no reply"
        for _ in range(_REDIRECTS):
            try:
                with Connection(ip, _PORT, 2.0, logins=[(AGENT, self._password())]) as redis:
                    redis.command("ACL", "SETUSER", *_USER)
                    redis.command("AUTH", "ledger", "ledger")
                    return [redis.command(*words) for words in commands][-1]
            except CommandError as error:
                last = str(error)
                if not last.startswith("MOVED "):
                    raise
                ip = last.split(" ")[2].rpartition(":")[0]
        raise OSError(f"{key} was redirected {_REDIRECTS} times; the last reply was {last}")

    def lost(self, first: int = 0) -> list[str]:
        """Reads acknowledged writes back.

        Args:
          first: number of the oldest writes that are not read.

        Returns:
          A line for each that is gone or has another value.

        Raises:
          OSError: Redis does not answer.
          CommandError: Redis rejected a read.
        """
        addresses = self._reachable()
        wanted = dict(list(self.acknowledged.items())[first:])
        found = {key: self._on_owner(addresses, key, ("GET", key)) for key in wanted}
        return [f"{key} is {found[key]!r}, not {value!r}" for key, value in wanted.items() if found[key] != value]
