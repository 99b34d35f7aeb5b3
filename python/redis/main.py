"""Entrypoint of a Redis Cluster pod: runs redis-server and its agent."""

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
from python.redis.access import Access, PasswordError
from python.redis.agent import Agent, Identity, Resolve
from python.redis.server import Supervisor


def in_cluster_resolver(service: str) -> Resolve:
    """Returns a function that resolves names of pods through their headless Service.

    Args:
        service: name of the headless Service, in the namespace of the pods.

    Returns:
        The function.
    """

    def resolve(pod: str) -> str | None:
        try:
            rows = socket.getaddrinfo(f"{pod}.{service}", None, socket.AF_INET, socket.SOCK_STREAM)
        except OSError:
            return None
        return str(rows[0][4][0])

    return resolve


def parser(env: Mapping[str, str]) -> argparse.ArgumentParser:
    """Returns the parser of the command line, with defaults from the environment variables."""
    result = argparse.ArgumentParser(prog="redis-agent", description=__doc__)
    add = settings.add
    add(result, env, "--pod", "POD_NAME", "this pod's name, NAME-ORDINAL", parse=_pod)
    add(result, env, "--namespace", "POD_NAMESPACE", "this pod's namespace")
    add(result, env, "--ip", "POD_IP", "this pod's address")
    add(result, env, "--host", "NODE_NAME", "the Kubernetes node that runs this pod")
    add(result, env, "--size", "CLUSTER_SIZE", "number of pods in the cluster", parse=_size)
    add(result, env, "--nodes-service", "NODES_SERVICE", "the pods' headless Service")
    add(result, env, "--port", "PORT", "port of redis-server", parse=settings.port)
    add(result, env, "--status-port", "STATUS_PORT", "port of the agent's HTTP endpoint", parse=settings.port)
    add(result, env, "--data", "DATA_DIR", "folder of the volume", parse=Path, default="/data")
    add(result, env, "--users", "USERS_DIR", "folder of the mounted Secret with a password for each user", parse=Path)
    add(result, env, "--memory", "MAX_MEMORY", "maxmemory of redis-server", default="64mb")
    add(result, env, "--log-format", "LOG_FORMAT", "format of the log: text or json", parse=logs.format_name, default="text")
    return result


def _pod(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"([a-z0-9-]+)-(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not the name of a StatefulSet's pod; use NAME-ORDINAL")
    return match[1], int(match[2])


def _size(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 6 <= int(text) <= 12:
        raise argparse.ArgumentTypeError(f"{text!r} is not a valid size; use 6 to 12 pods (at least three masters with a replica each)")
    return int(text)


def main(argv: Sequence[str] | None = None, env: Mapping[str, str] = os.environ) -> int:
    """Runs redis-server until it exits, or until SIGTERM or SIGINT.

    Args:
        argv: arguments; those of the process if None.
        env: environment variables.

    Returns:
        Exit code: that of redis-server, or 1 if it can't start, or 2 for wrong usage.
    """
    try:
        options = parser(env).parse_args(argv)
    except SystemExit as stopped:  # argparse has printed the error or the help text
        return int(stopped.code or 0)
    logs.configure(log_format=options.log_format)
    program = shutil.which("redis-server")
    if program is None:
        print("ERROR: redis-agent: redis-server is not on PATH; install it", file=sys.stderr)
        return 1
    name, ordinal = options.pod
    who = Identity(
        name, ordinal, options.size, options.namespace, options.host, options.ip,
        options.port, options.status_port,
    )  # fmt: skip
    try:
        access = Access(options.users)
    except PasswordError as error:
        print(f"ERROR: redis-agent: {error}", file=sys.stderr)
        return 1
    agent = Agent(who, in_cluster_resolver(options.nodes_service), access)
    stopping_event = stopping.stop_event()
    checks = {"/live": agent.live, "/ready": agent.ready, "/status": agent.status}
    supervisor = Supervisor(program, who, agent, options.data, options.memory, access.configuration())
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
