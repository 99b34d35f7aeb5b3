"""What the readiness of an object depends on besides the object itself: its storage class, the cluster's providers, the past."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from urllib.parse import quote

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.readiness.capabilities import read_statement
from rules.k8s.tools.readiness.kube_events import list_events

_WAITS = "WaitForFirstConsumer"


class ClusterFacts:
    """Answers questions with requests, and remembers the answers.

    Args:
        client: client of the API server.
        was_written: returns whether the stack has written an object that does not exist now.
    """

    def __init__(self, client: Client, was_written: Callable[[Identity], bool] = lambda _: True) -> None:
        self._client = client
        self._was_written = was_written
        self._written: dict[Identity, bool] = {}
        self._late_binding: dict[str, bool | None] = {}

    def was_written(self, identity: Identity) -> bool:
        """Returns whether the stack has written an object, so that it is gone now and not still to come."""
        if identity not in self._written:
            self._written[identity] = self._was_written(identity)
        return self._written[identity]

    def is_bound_late(self, claim: Object) -> bool:
        """Returns whether a claim gets its volume only when a pod uses it.

        Its storage class says so. If the account may not read that, an event of the claim does.
        """
        name = (claim.get("spec") or {}).get("storageClassName") or ""
        if name and name not in self._late_binding:
            try:
                found = self._client.get_or_none(f"/apis/storage.k8s.io/v1/storageclasses/{quote(name)}")
                self._late_binding[name] = found is not None and found.get("volumeBindingMode") == _WAITS
            except ApiError:
                self._late_binding[name] = None
        known = self._late_binding.get(name)
        return any(event.get("reason") == _WAITS for event in list_events(self._client, claim)) if known is None else known

    @cached_property
    def no_load_balancer(self) -> str:
        """Why the cluster gives Services of type LoadBalancer no address; "" if it does, or says nothing about it."""
        return read_statement(self._client).get("LoadBalancer", "")
