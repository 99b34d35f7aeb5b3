"""A Redis Cluster pod's entrypoint: runs redis-server and the agent beside it."""

import argparse
import os
import re
import shutil
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from python.common import logs, settings, stopping
from python.common.health_http import HealthEndpoint
from python.redis.agent import Agent, Identity, Resolve
from python.redis.server import Supervisor

def in_cluster_resolver(service: str) -> Resolve:
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
    supervisor = Supervisor(program, who, agent, options.data, options.memory)
    try:
        endpoint = HealthEndpoint(options.ip, options.status_port, checks)
        endpoint.start()
        code = supervisor.run(stopping_event)
        endpoint.close()
    except OSError as error:
        print(f"ERROR: redis-agent: {error}", file=sys.stderr)
        return 1
    return code


if __name__ == "__main__":
    sys.exit(main())
