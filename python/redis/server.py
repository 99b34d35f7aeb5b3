"""Runs redis-server: how it is configured, started, watched and ended."""

import logging
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import IO

from python.redis.agent import FORMING_TIMEOUT_MS, NODE_TIMEOUT_MS, Agent, Identity

log = logging.getLogger(__name__)

BUSY_S, IDLE_S = 0.25, 1.0
"""Seconds between two rounds of the agent while something is amiss, and after."""
CLEAR_WITHIN_S = 15.0
"""How long a pod with a new volume waits for its predecessor's replica at most."""


def redis_arguments(who: Identity, folder: Path, memory: str, is_new: bool) -> list[str]:
    """Returns redis-server's arguments.

    Args:
        who: this pod.
        folder: where nodes.conf and the append-only files live (the volume).
        memory: maxmemory, such as "64mb".
        is_new: the volume is new; the agent sets the usual node timeout later.
    """
    options = {
        "bind": who.ip,
        "port": who.redis_port,
        "protected-mode": "no",  # the manifest's NetworkPolicy guards the port
        "dir": folder,
        "appendonly": "yes",
        "save": "",  # the append-only file is the one truth on the volume
        "maxmemory": memory,
        "maxmemory-policy": "noeviction",
        "maxclients": 1000,  # fits the usual limit of open files without privileges
        "tcp-keepalive": 10,
        "repl-diskless-sync-delay": 0,  # one replica a master: nobody to wait for
        "cluster-enabled": "yes",
        "cluster-config-file": folder / "nodes.conf",
        "cluster-announce-ip": who.ip,
        "cluster-announce-hostname": who.pod,
        "cluster-node-timeout": FORMING_TIMEOUT_MS if is_new else NODE_TIMEOUT_MS,
        "cluster-replica-validity-factor": 0,  # old data is better than no shard
        "shutdown-timeout": 5,
    }
    return [word for key, value in options.items() for word in (f"--{key}", str(value))]


class Supervisor:
    """Starts redis-server, lets the agent work beside it, and ends both.

    Attributes:
        process: redis-server, None before it was started.
    """

    def __init__(
        self, program: str, who: Identity, agent: Agent, folder: Path, memory: str
    ) -> None:
        """Args:
        program: path of redis-server.
        who: this pod.
        agent: this pod's agent.
        folder: the volume.
        memory: redis-server's maxmemory, such as "64mb".
        """
        known = folder / "nodes.conf"
        self._is_new = not known.exists() or known.stat().st_size == 0
        self._command = [program, *redis_arguments(who, folder, memory, self._is_new)]
        self._agent = agent
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, stopping: threading.Event, output: IO[bytes] | None = None) -> int:
        """Runs redis-server until it ends by itself or the event is set.

        Args:
            stopping: set to end; a replica takes over first.
            output: where redis-server logs; None: this process's own outputs.

        Returns:
            redis-server's exit code, 128 + number if a signal ended it, 0 if
            the event was set before it started.

        Raises:
            OSError: redis-server cannot be started.
        """
        deadline = time.monotonic() + CLEAR_WITHIN_S
        while self._is_new and not self._agent.clear_the_way() and time.monotonic() < deadline:
            if stopping.wait(BUSY_S):
                return 0
        self.process = server = subprocess.Popen(self._command, stdout=output, stderr=output)
        while not stopping.is_set() and server.poll() is None:
            stopping.wait(IDLE_S if self._agent.tick() else BUSY_S)
        if server.poll() is None:
            log.info("stopping")
            self._agent.hand_over()
            server.send_signal(signal.SIGTERM)
        code = server.wait()
        return code if code >= 0 else 128 - code
