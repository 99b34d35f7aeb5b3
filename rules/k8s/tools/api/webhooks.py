"""Webhooks that do not answer: which one failed, and whether it is about to start.

Waiting helps if the run itself creates the webhook's Service, or if the webhook's pods are starting. Without its Service,
or without a starting pod, a webhook fails every request until somebody fixes it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection
from dataclasses import dataclass

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError

_FAILED = re.compile(r'failed calling webhook "([^"]+)"|conversion webhook for ([^ ,]+)')
_ADDRESS = re.compile(r'"https://([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:[:/?][^"]*)?"')


@dataclass(frozen=True)
class Webhook:
    """A webhook that the API server could not call.

    Attributes:
        name: the webhook's name; for a conversion webhook, the kind that it converts.
        service: (namespace, name) of its Service; None if it runs outside the cluster.
        cause: why the call failed, in the server's words.
    """

    name: str
    service: tuple[str, str] | None
    cause: str

    def __str__(self) -> str:
        where = f" of Service {'/'.join(self.service)}" if self.service else ""
        return f"the webhook {self.name!r}{where}"


def parse_webhook_failure(message: str) -> Webhook | None:
    """Returns the webhook that the server failed to call according to an error message; None for other messages."""
    failed = _FAILED.search(message)
    if not failed:
        return None
    address = _ADDRESS.search(message)
    cause = message[address.end() :].lstrip(": ") if address else message[failed.end() :].lstrip(": ")
    return Webhook(failed[1] or failed[2], (address[2], address[1]) if address else None, cause)


class StartingWebhooks:
    """The webhooks that are about to answer, so that a run waits for them.

    Args:
        client: client of the API server.
        services: (namespace, name) of the Services among the run's own objects.
    """

    def __init__(self, client: Client, services: Collection[tuple[str, str]]) -> None:
        self._client = client
        self._known = dict.fromkeys(services, True)
        self._lock = threading.Lock()

    def __contains__(self, webhook: Webhook) -> bool:
        if webhook.service is None:
            return False
        # One webhook fails the requests of many objects, so the answer is kept.
        with self._lock:
            if webhook.service not in self._known:
                self._known[webhook.service] = self._is_starting(*webhook.service)
            return self._known[webhook.service]

    def _is_starting(self, namespace: str, name: str) -> bool:
        """Returns whether a Service has pods, none of which is ready."""
        try:
            slices = (
                self._client.request(
                    "GET", f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices", query={"labelSelector": f"kubernetes.io/service-name={name}"}
                )[1].get("items")
                or []
            )
        except ApiError:
            return False  # An account that may not read EndpointSlices cannot tell, so the run does not wait.
        ready = [(each.get("conditions") or {}).get("ready", True) for found in slices for each in found.get("endpoints") or []]
        return bool(ready) and not any(ready)
