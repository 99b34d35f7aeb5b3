"""Admission webhooks that do not answer: which one it is, and whether waiting for it is worth while.

A webhook may be part of what a run makes, or be starting just now; then patience cures it. One whose Service is not there,
or has no pod that is about to run, refuses whatever it is asked about until somebody sees to it.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from typing import Collection

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError

_FAILED = re.compile(r'failed calling webhook "([^"]+)"|conversion webhook for ([^ ,]+)')
_ADDRESS = re.compile(r'"https://([a-z0-9-]+)\.([a-z0-9-]+)\.svc(?:[:/?][^"]*)?"')


@dataclass(frozen=True)
class Hook:
    """A webhook that could not be asked.

    Attributes:
        name: its name, or of what it converts.
        service: (namespace, name) of its Service; None where it is at an address outside the cluster.
        cause: why, in the server's words.
    """

    name: str
    service: tuple[str, str] | None
    cause: str

    def __str__(self) -> str:
        where = f" of Service {'/'.join(self.service)}" if self.service else ""
        return f"the webhook {self.name!r}{where}"


def called(message: str) -> Hook | None:
    """Returns the webhook that a server's message says it could not ask, None for other messages."""
    failed = _FAILED.search(message)
    if not failed:
        return None
    address = _ADDRESS.search(message)
    cause = message[address.end():].lstrip(": ") if address else message[failed.end():].lstrip(": ")
    return Hook(failed[1] or failed[2], (address[2], address[1]) if address else None, cause)


class Starting:
    """Says of which webhooks a run waits until they answer.

    Args:
        client: the API server.
        made: (namespace, name) of the Services that the run makes or has.
    """

    def __init__(self, client: Client, made: Collection[tuple[str, str]]):
        self._client = client
        self._known = dict.fromkeys(made, True)
        self._lock = threading.Lock()

    def __contains__(self, hook: Hook) -> bool:
        if hook.service is None:
            return False
        # Many objects are refused by the same one: it is looked at once.
        with self._lock:
            if hook.service not in self._known:
                self._known[hook.service] = self._is_starting(*hook.service)
            return self._known[hook.service]

    def _is_starting(self, namespace: str, name: str) -> bool:
        """Says whether pods stand behind a Service and none of them is ready."""
        try:
            slices = self._client.request("GET", f"/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices", query={
                "labelSelector": f"kubernetes.io/service-name={name}"})[1].get("items") or []
        except ApiError:
            return False  # Who may not see it cannot say what to wait for.
        ready = [(each.get("conditions") or {}).get("ready", True) for found in slices for each in found.get("endpoints") or []]
        return bool(ready) and not any(ready)
