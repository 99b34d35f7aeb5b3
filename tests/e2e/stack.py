"""The sample's running stack for tests: its pods, the client's log, and ways to break it."""

import base64
import datetime
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from kubernetes import client, config
from urllib3.exceptions import HTTPError

CLIENT = "routeguide-client"
SERVER = "routeguide-server"
REDIS = "redis"
METHODS = ("FindPlace", "ListPlaces", "MeasureRoute", "ExchangeNotes")

Found = TypeVar("Found")


def wait_for(what: str, probe: Callable[[], Found | None], deadline_s: float, pause_s: float = 0.5) -> Found:
    """Calls a function until it returns a true value.

    Args:
      what: what to wait for, for the error.
      probe: the function; the error has its last result.
      deadline_s: seconds until this gives up.
      pause_s: seconds between two calls.

    Returns:
      The first true value.

    Raises:
      AssertionError: the time is up.
    """
    until = time.monotonic() + deadline_s
    while True:
        last: object
        try:
            last = found = probe()
        except (client.ApiException, HTTPError, OSError) as error:
            last = f"{type(error).__name__}: {str(error)[:200]}"
        else:
            if found:
                return found
        assert time.monotonic() < until, f"{what}: not within {deadline_s:.0f} s; last seen: {last!r}"
        time.sleep(pause_s)


class Stack:
    """The sample's stack in one namespace of a cluster, read through the Kubernetes API."""

    def __init__(self, kubeconfig: Path, context: str, namespace: str) -> None:
        self._api = client.CoreV1Api(config.new_client_from_config(str(kubeconfig), context=context))
        self.namespace = namespace

    def pods(self, service: str) -> list[client.V1Pod]:
        """Returns the pods of a service, given its name in service.yaml."""
        return self._api.list_namespaced_pod(self.namespace, label_selector=f"app.kubernetes.io/name={service}").items

    def ready_pods(self, service: str) -> list[client.V1Pod]:
        """Returns the pods of a service that are Ready and not terminating."""
        return [pod for pod in self.pods(service) if is_ready(pod) and pod.metadata.deletion_timestamp is None]

    def secret(self, name: str, key: str) -> str:
        """Returns a value of a Secret."""
        return base64.b64decode(self._api.read_namespaced_secret(name, self.namespace).data[key]).decode()

    def log(self, service: str) -> list[str]:
        """Returns the lines that the running containers of a service's pods have logged."""
        return [line for pod in self.pods(service) for line in self._api.read_namespaced_pod_log(pod.metadata.name, self.namespace).splitlines()]

    def answers_since(self, moment: datetime.datetime, service: str = CLIENT) -> dict[str, str]:
        """Returns what a client logged as answered after a moment (an aware datetime): method → its last line."""
        found = {}
        for pod in self.pods(service):
            text = self._api.read_namespaced_pod_log(pod.metadata.name, self.namespace, timestamps=True, tail_lines=200)
            for line in text.splitlines():
                stamp, _, rest = line.partition(" ")
                # kubelet writes nanoseconds, and datetime reads only six digits.
                at = datetime.datetime.fromisoformat(re.sub(r"\.(\d{6})\d*Z", r".\1+00:00", stamp))
                called = re.search(rf"\b({'|'.join(METHODS)}) (?!attempt).*\(\d+ ms\)", rest)
                if at > moment and called:
                    found[called[1]] = rest
        return found

    def wait_for_answers(self, moment: datetime.datetime, deadline_s: float, service: str = CLIENT) -> dict[str, str]:
        """Waits until all four RPCs have been answered after a moment; returns method → log line."""

        def all_answered() -> dict[str, str] | None:
            found = self.answers_since(moment, service)
            return found if set(found) == set(METHODS) else None

        return wait_for(f"answers to {', '.join(METHODS)} in the client's log", all_answered, deadline_s)

    def report(self) -> str:
        """Returns a line for every pod, and the end of the log of those that are not ready, for the message of a failed wait."""
        lines = []
        for pod in self._api.list_namespaced_pod(self.namespace).items:
            statuses = pod.status.container_statuses or []
            restarts = sum(status.restart_count for status in statuses)
            lines.append(f"{pod.metadata.name} on {pod.spec.node_name}: {pod.status.phase}, ready {is_ready(pod)}, restarts {restarts}")
            if not is_ready(pod) and any(status.state.running for status in statuses):
                lines.append(self._api.read_namespaced_pod_log(pod.metadata.name, self.namespace, tail_lines=25))
        return "\n".join(lines)

    def delete_pod(self, service: str) -> str:
        """Deletes one pod of a service without a grace period, as a crash would, and returns its UID."""
        pod = wait_for(f"a ready pod of {service}", lambda: self.ready_pods(service), deadline_s=60)[0]
        self._api.delete_namespaced_pod(pod.metadata.name, self.namespace, grace_period_seconds=0)
        return pod.metadata.uid

    def node_ready(self, name: str) -> bool:
        """Returns whether a node is Ready."""
        node = self._api.read_node(name)
        return any(c.type == "Ready" and c.status == "True" for c in node.status.conditions)

    def nodes(self) -> list[str]:
        """Returns the names of the cluster's nodes, sorted."""
        return sorted(node.metadata.name for node in self._api.list_node().items)

    def addresses(self, service: str) -> dict[str, str]:
        """Returns the address of each ready pod of a service -> the address of its node.

        Raises:
          OSError: the API server does not answer.
        """
        try:
            return {pod.status.pod_ip: pod.status.host_ip for pod in self.ready_pods(service) if pod.status.pod_ip}
        except (client.ApiException, HTTPError) as error:
            raise OSError(str(error)) from error

    def resource_versions(self) -> dict[str, str]:
        """Returns kind/name → resourceVersion for the stack's objects that controllers don't change."""
        kinds: dict[str, Callable[[str], Any]] = {
            "Service": self._api.list_namespaced_service,
            "ConfigMap": self._api.list_namespaced_config_map,
            "ServiceAccount": self._api.list_namespaced_service_account,
        }
        return {f"{kind}/{item.metadata.name}": item.metadata.resource_version for kind, read in kinds.items() for item in read(self.namespace).items}


def is_ready(pod: client.V1Pod) -> bool:
    """Returns whether a pod is Ready."""
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions or [])


def now() -> datetime.datetime:
    """Returns the current time, with its time zone."""
    return datetime.datetime.now(datetime.UTC)
