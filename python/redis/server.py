"""Supervisor of redis-server: configures, starts and stops it."""

import contextlib
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
"""Seconds between two ticks of the agent while there is something to repair, and otherwise."""
PROMOTE_WITHIN_S = 15.0
"""Maximum time in seconds that a pod with a new volume waits for the promotion of replicas."""


def redis_arguments(who: Identity, folder: Path, memory: str, is_new: bool) -> list[str]:
    """Returns redis-server's arguments.

    Args:
        who: this pod.
        folder: folder of the volume, with nodes.conf and the append-only files.
        memory: value of maxmemory, such as "64mb".
        is_new: True if the volume is new; the agent then sets the usual node timeout later.

    Returns:
        The arguments.
    """
    options = {
        "bind": who.ip,
        "port": who.redis_port,
        "protected-mode": "no",  # it would refuse other pods while a version without users is being replaced
        "dir": folder,
        "appendonly": "yes",
        # With `everysec`, Redis answers up to two seconds before a write is in the file, and a killed process loses it.
        "appendfsync": "always",
        "save": "",  # the append-only file has all data
        "maxmemory": memory,
        "maxmemory-policy": "noeviction",
        "maxclients": 1000,  # within the usual limit of open files
        "tcp-keepalive": 10,
        "repl-diskless-sync-delay": 0,  # one replica per master, so there is no other to wait for
        "cluster-enabled": "yes",
        "cluster-config-file": folder / "nodes.conf",
        "cluster-announce-ip": who.ip,
        "cluster-announce-hostname": who.pod,
        "cluster-node-timeout": FORMING_TIMEOUT_MS if is_new else NODE_TIMEOUT_MS,
        "cluster-replica-validity-factor": 0,  # stale data is better than no shard
        "shutdown-timeout": 5,
    }
    return [word for key, value in options.items() for word in (f"--{key}", str(value))]


class Supervisor:
    """Runs redis-server together with its agent.

    Attributes:
        process: the process of redis-server; None before it is started.
    """

    def __init__(self, program: str, who: Identity, agent: Agent, folder: Path, memory: str, configuration: str) -> None:
        """Keeps the settings.

        Args:
            program: path of redis-server.
            who: this pod.
            agent: agent of this pod.
            folder: folder of the volume.
            memory: value of maxmemory, such as "64mb".
            configuration: lines that redis-server gets on its stdin, because others can see its arguments.
        """
        known = folder / "nodes.conf"
        self._is_new = not known.exists() or known.stat().st_size == 0
        self._configuration = configuration.encode()
        self._command = [program, "-", *redis_arguments(who, folder, memory, self._is_new)]
        self._agent = agent
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, stopping: threading.Event, output: IO[bytes] | None = None) -> int:
        """Runs redis-server until it exits or the event is set.

        Args:
            stopping: stops redis-server when it is set, after a failover to a replica.
            output: file for the output of redis-server; None for that of this process.

        Returns:
            Exit code of redis-server; 128 + number if a signal killed it; 0 if the
            event was set before it started.

        Raises:
            OSError: redis-server can't be started.
        """
        deadline = time.monotonic() + PROMOTE_WITHIN_S
        while self._is_new and not self._agent.promote_replicas() and time.monotonic() < deadline:
            if stopping.wait(BUSY_S):
                return 0
        self.process = server = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=output, stderr=output)
        if server.stdin is not None:  # its type allows for none
            with contextlib.suppress(BrokenPipeError), server.stdin:  # a redis-server that has ended says why itself
                server.stdin.write(self._configuration)
        while not stopping.is_set() and server.poll() is None:
            stopping.wait(IDLE_S if self._agent.tick() else BUSY_S)
        if server.poll() is None:
            log.info("stopping")
            self._agent.fail_over()
            server.send_signal(signal.SIGTERM)
        code = server.wait()
        return code if code >= 0 else 128 - code
