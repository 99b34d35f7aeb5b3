"""`.forward`: forwards local ports to the ready pods behind services.

Each connection to a local port becomes a WebSocket to the API server, which connects it to a pod of the service. Every
connection uses a pod that is ready at that moment.
"""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rules.k8s.tools.api import portforward
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import POD
from rules.k8s.tools.api.informer import Informer
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError, TurnupError, UsageError, interrupted_code
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.output.events import Event, identity_fields
from rules.k8s.tools.pod_verbs.ports import derived_port, listen, parse_ports
from rules.k8s.tools.readiness.pods import PodIndex
from rules.k8s.tools.readiness.readiness import condition

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run

# How long a connection waits for a ready pod, as between two pods of a rollout.
_READY_SECONDS = 30.0
_RETRY_SECONDS = 0.1


@dataclass(frozen=True)
class Port:
    """A port of a Service that is forwarded.

    Attributes:
        item: the Service.
        service: the live Service.
        spec: the port's entry.
        local: the local port.
    """

    item: Item
    service: Object
    spec: dict[str, Any]
    local: int

    @property
    def event(self) -> Event:
        """The event that tells where to connect."""
        return {
            "event": "forward",
            "target": self.item.label,
            "object": identity_fields(self.item.identity),
            "port": self.spec["port"],
            "address": f"127.0.0.1:{self.local}",
        }

    def __str__(self) -> str:
        return f"{self.item.identity} port {self.spec['port']}"


def execute(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Forwards the ports of every Service among the items until it is interrupted; returns the exit code."""
    requested = parse_ports(run.options.port)
    services = [item for item in items if item.identity.kind == "Service" and not item.identity.group]
    ports = list(assign(zip(services, executor.map(lambda item: _read(client, item), services), strict=False), requested, run.plan.label))
    listeners = [listen(port.local, str(port)) for port in ports]
    places = {(POD, port.item.identity.namespace): () for port in ports}
    informer = Informer(Client(client.connection, connections=len(places) + 2), places)
    informer.start()
    for port, listener in zip(ports, listeners, strict=False):
        threading.Thread(target=_accept, args=(run, client, informer, port, listener), daemon=True).start()
        run.report.emit(port.event)
    try:
        version = -1
        while True:
            version = informer.wait(version, 1.0)
    except KeyboardInterrupt as interrupt:
        return interrupted_code(interrupt)  # The normal end of forwarding, so there is no message.


def _read(client: Client, item: Item) -> Object:
    """Returns a live Service.

    Raises:
        TurnupError: it does not exist, or may not be read.
    """
    try:
        live = client.get_or_none(item.path)
    except ApiError as error:
        raise TurnupError(f"{item.label}: {item.identity} cannot be read: {error.message}.") from None
    if live is None:
        raise TurnupError(f"{item.label}: {item.identity} is not in the cluster; apply it first.")
    return live


def assign(services: Iterable[tuple[Item, Object]], requested: dict[str, int], label: str) -> Iterator[Port]:
    """Yields every TCP port of the services that lead to pods, with its local port.

    Args:
        services: the Services and their live objects.
        requested: see ports.parse_ports.
        label: the target, for errors.

    Raises:
        UsageError: there is nothing to forward, or a requested port matches no port or several.
    """
    found = [
        (item, live, spec)
        for item, live in services
        if live["spec"].get("selector")
        for spec in live["spec"].get("ports") or []
        if spec.get("protocol", "TCP") == "TCP"
    ]
    if not found:
        raise UsageError(f"{label} has no Service with a TCP port and a selector, so there is nothing to forward.")
    names = [
        {f"{item.identity.name}:{spec.get('name') or spec['port']}", f"{item.identity.name}:{spec['port']}", item.identity.name, ""} for item, _, spec in found
    ]
    for name, chosen in requested.items():
        matches = sum(name in own for own in names)
        if matches != 1:
            have = ", ".join(sorted(f"{item.identity.name}:{spec['port']}" for item, _, spec in found))
            raise UsageError(
                f"--port={name + '=' if name else ''}{chosen} matches {matches or 'none'} of {label}'s ports ({have}); "
                "name one as in --port=SERVICE:PORT=LOCAL."
            )
    taken = set(requested.values())
    for (item, live, spec), own in zip(found, names, strict=False):
        local = next((wanted for name, wanted in requested.items() if name in own), 0)
        if not local:
            local = derived_port(item.identity.namespace, item.identity.name, spec["port"])
            while local in taken:
                local += 1
            taken.add(local)
        yield Port(item, live, spec, local)


def _accept(run: Run, client: Client, informer: Informer, port: Port, listener: socket.socket) -> None:
    """Accepts connections until the process ends, each in its own thread."""
    turns = itertools.count()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(run, client, informer, port, connection, next(turns)), daemon=True).start()


def _serve(run: Run, client: Client, informer: Informer, port: Port, connection: socket.socket, turn: int) -> None:
    """Connects one connection to a ready pod; tries another pod if one does not answer."""
    deadline = time.monotonic() + _READY_SECONDS
    reason = "no pod is ready"
    with connection:
        while time.monotonic() < deadline:
            ready = ready_pods(port.service, informer.all("Pod"))
            if ready:
                pod = ready[turn % len(ready)]
                try:
                    portforward.forward_connection(client, pod, target_port(port.service, port.spec, pod), connection)
                    return
                except TurnupError as error:
                    reason = f"pod {pod['metadata']['name']}: {error}"
                    turn += 1
            time.sleep(_RETRY_SECONDS)
    run.report.note(f"{port}: a connection was closed because {reason}")


def ready_pods(service: Object, pods: Iterable[Object]) -> list[Object]:
    """Returns the pods of a Service that are ready and not terminating, ordered by name."""
    workload = {"kind": "Service", "metadata": service["metadata"], "spec": {"selector": {"matchLabels": service["spec"]["selector"]}}}
    return sorted(
        (
            pod
            for pod in PodIndex(pods).of(workload)
            if not pod["metadata"].get("deletionTimestamp") and condition(pod.get("status") or {}, "Ready").get("status") == "True"
        ),
        key=lambda pod: pod["metadata"]["name"],
    )


def target_port(service: Object, spec: dict[str, Any], pod: Object) -> int:
    """Returns the number of the pod's port that a Service's port targets.

    Args:
        service: the live Service.
        spec: the port's entry in it.
        pod: a live pod of it.

    Raises:
        TurnupError: the Service names a port that the pod does not have.
    """
    wanted = spec.get("targetPort") or spec["port"]
    if isinstance(wanted, int):
        return wanted
    entries = [port for container in pod["spec"]["containers"] for port in container.get("ports") or []]
    named = {port["name"]: int(port["containerPort"]) for port in entries if port.get("name")}
    if wanted not in named:
        meta = service["metadata"]
        raise TurnupError(
            f"Service {meta['namespace']}/{meta['name']} targets the port {wanted!r}, which the pod does not have "
            f"(its named ports: {', '.join(sorted(named)) or 'none'}); set targetPort to one of the pod's ports."
        )
    return named[wanted]
