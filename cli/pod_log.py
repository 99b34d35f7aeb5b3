"""Prints the newest log lines of a service's pods: a Bazel program, so that every way to log in to a cluster works.

The pods are found by the label app.kubernetes.io/name, which lib/ gives to everything that a service owns.
"""

import argparse
import sys
from collections.abc import Callable
from typing import TextIO

import urllib3
from kubernetes import client, config

LINES = 12
_SECONDS = 10


class PodLogError(Exception):
    """The log cannot be shown; the message says why and what to do."""


def connect(context: str) -> client.CoreV1Api:
    """Returns a client for a kubeconfig context.

    Raises:
        PodLogError: the kubeconfig has no such context, or cannot be read.
    """
    try:
        return client.CoreV1Api(config.new_client_from_config(context=context))
    except config.ConfigException as error:
        raise PodLogError(f"context {context}: {error}; ./turnup cluster create makes the default one") from error


def lines(api: client.CoreV1Api, namespace: str, service: str, count: int = LINES) -> list[str]:
    """Reads the newest log lines of a service, pod after pod.

    Args:
        api: the cluster.
        namespace: where the service runs.
        service: its name.
        count: how many lines of each pod.

    Returns:
        the lines; where there is more than one pod, each pod's name stands before its own.

    Raises:
        PodLogError: there is no pod, or the cluster does not answer or refuses.
    """
    try:
        pods = api.list_namespaced_pod(
            namespace, label_selector=f"app.kubernetes.io/name={service}", _request_timeout=_SECONDS
        ).items
        if not pods:
            raise PodLogError(f"namespace {namespace} has no pod of {service}: bazel run //svc:myns-deep.apply makes it")
        text: list[str] = []
        for pod in sorted(pods, key=lambda pod: pod.metadata.name):
            name = pod.metadata.name
            log = api.read_namespaced_pod_log(name, namespace, tail_lines=count, _request_timeout=_SECONDS)
            text += ([f"{name}:"] if len(pods) > 1 else []) + log.splitlines()
        return text
    except client.ApiException as error:
        raise PodLogError(f"{namespace}/{service}: the API server refuses ({error.status} {error.reason})") from error
    except urllib3.exceptions.HTTPError as error:
        raise PodLogError(f"{namespace}/{service}: the cluster does not answer; ./turnup cluster start wakes it") from error


def main(argv: list[str], stdout: TextIO = sys.stdout, stderr: TextIO = sys.stderr, connect: Callable = connect) -> int:
    """Runs the program.

    Args:
        argv: --context, --namespace, --service, and --lines.
        stdout: gets the lines.
        stderr: gets the error.
        connect: makes the client for a context's name.

    Returns:
        0, or 1 where there is nothing to show.
    """
    parser = argparse.ArgumentParser(prog="pod_log", description="Print the newest log lines of a service's pods.")
    parser.add_argument("--context", required=True, help="the kubeconfig context")
    parser.add_argument("--namespace", required=True, help="where the service runs")
    parser.add_argument("--service", required=True, help="its name")
    parser.add_argument("--lines", type=int, default=LINES, help="how many lines of each pod")
    args = parser.parse_args(argv)
    try:
        print("\n".join(lines(connect(args.context), args.namespace, args.service, args.lines)), file=stdout)
    except PodLogError as error:
        print(f"ERROR: {error}", file=stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
