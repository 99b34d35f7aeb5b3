"""A Redis Cluster pod's entrypoint: runs redis-server and the agent beside it."""

import argparse
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from python.common import logs, settings, stopping
from python.common.health_http import HealthEndpoint
from python.redis.agent import Agent, Identity

log = logging.getLogger(__name__)

BUSY_S, IDLE_S = 0.25, 1.0
"""Seconds between two rounds of the agent while something is amiss, and after."""


def redis_arguments(who: Identity, folder: Path, memory: str) -> list[str]:
    """Returns redis-server's arguments.

    Args:
        who: this pod.
        folder: where nodes.conf and the append-only files live (the volume).
        memory: maxmemory, such as "64mb".
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
        "cluster-node-timeout": 5000,
        "cluster-replica-validity-factor": 0,  # old data is better than no shard
        "shutdown-timeout": 5,
    }
    return [word for key, value in options.items() for word in (f"--{key}", str(value))]


def in_cluster_resolver(service: str):
    """Returns a function that looks a pod up by its headless service.

    Args:
        service: name of the headless service in the pods' own namespace.
    """

    def resolve(pod: str) -> str | None:
        try:
            rows = socket.getaddrinfo(f"{pod}.{service}", None, socket.AF_INET, socket.SOCK_STREAM)
        except OSError:
            return None
        return rows[0][4][0]

    return resolve


def parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    """Builds the command line; `env` gives the defaults."""
    result = argparse.ArgumentParser(prog="redis-agent", description=__doc__)
    add = settings.add
    add(result, env, "--pod", "POD_NAME", "this pod's name, NAME-ORDINAL", type=_pod)
    add(result, env, "--namespace", "POD_NAMESPACE", "its namespace")
    add(result, env, "--ip", "POD_IP", "its address")
    add(result, env, "--host", "NODE_NAME", "the Kubernetes node it runs on")
    add(result, env, "--size", "CLUSTER_SIZE", "how many pods the cluster has", type=_size)
    add(result, env, "--nodes-service", "NODES_SERVICE", "the pods' headless service")
    add(result, env, "--port", "PORT", "redis-server's port", type=settings.port)
    add(result, env, "--status-port", "STATUS_PORT", "the agent's port", type=settings.port)
    add(result, env, "--data", "DATA_DIR", "the volume's folder", type=Path, default="/data")
    add(result, env, "--memory", "MAX_MEMORY", "redis-server's maxmemory", default="64mb")
    return result


def _pod(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"([a-z0-9-]+)-(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"a pod's name ends in its number, got {text!r}")
    return match[1], int(match[2])


def _size(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 6 <= int(text) <= 12:
        raise argparse.ArgumentTypeError(
            f"a cluster has 6 to 12 pods (three masters and their replicas at least), got {text!r}"
        )
    return int(text)


def run(server: subprocess.Popen[bytes], agent: Agent, stopping_event: threading.Event) -> int:
    """Lets the agent work until redis-server ends or the event is set.

    Returns:
        redis-server's exit code (128 + number if a signal ended it).
    """
    while not stopping_event.is_set() and server.poll() is None:
        stopping_event.wait(IDLE_S if agent.tick() else BUSY_S)
    if server.poll() is None:
        log.info("stopping")
        agent.hand_over()
        server.send_signal(signal.SIGTERM)
    code = server.wait()
    return code if code >= 0 else 128 - code


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] = os.environ) -> int:
    """Runs until SIGTERM or redis-server's end; returns the exit code (2: wrong usage)."""
    try:
        options = parser(env).parse_args(argv)
    except SystemExit as refused:  # argparse has printed why
        return int(refused.code or 0)
    logs.configure()
    program = shutil.which("redis-server")
    if program is None:
        print("ERROR: redis-agent: there is no redis-server on PATH", file=sys.stderr)
        return 1
    name, ordinal = options.pod
    who = Identity(
        name, ordinal, options.size, options.namespace, options.host, options.ip,
        options.port, options.status_port,
    )  # fmt: skip
    agent = Agent(who, in_cluster_resolver(options.nodes_service))
    stopping_event = stopping.stop_event()
    checks = {"/live": agent.live, "/ready": agent.ready, "/status": agent.status}
    try:
        endpoint = HealthEndpoint(options.ip, options.status_port, checks)
        server = subprocess.Popen([program, *redis_arguments(who, options.data, options.memory)])
    except OSError as error:
        print(f"ERROR: redis-agent: {error}", file=sys.stderr)
        return 1
    endpoint.start()
    code = run(server, agent, stopping_event)
    endpoint.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
