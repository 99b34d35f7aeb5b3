"""Values of the cluster's Secrets, for masking: pods print the values that they were started with, not those of the sources.

Secrets are read only before log lines or messages of pods are shown, as far as the account may read them. Their values are
kept only for masking.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.hashed_names import base_of, is_generation_name
from rules.k8s.tools.objects.objects import Object, is_secret
from rules.k8s.tools.objects.references import references

_SECRETS = Resource("v1", "Secret", "secrets", True)
# No pod uses these Secrets, which may be many and large.
_FIELD_SELECTOR = "type!=turnup/revision,type!=helm.sh/release.v1"


class LiveSecrets:
    """Reads a stack's Secrets in the cluster for masking; its methods may be called from any thread.

    Args:
        client: client of the API server.
        objects: the stack's objects.
        learn: receives the Secrets whose values must be masked.
    """

    def __init__(self, client: Client, objects: Iterable[Object], learn: Callable[[Iterable[Object]], None]) -> None:
        self._client = client
        self._learn = learn
        self._lock = threading.Lock()
        self._known: set[tuple[str, str]] = set()
        # Namespace → names, and names without the hash of the content.
        self._names: dict[str, set[str]] = {}
        self._bases: dict[str, set[str]] = {}
        for obj in objects:
            if is_secret(obj):
                place, base = obj["metadata"].get("namespace") or "", base_of(obj)
                self._names.setdefault(place, set()).add(obj["metadata"]["name"])
                if base:
                    self._bases.setdefault(place, set()).add(base.name)

    def learn(self, pods: Iterable[Object]) -> None:
        """Learns the stack's Secrets, including older generations, and those that pods refer to, once each.

        Args:
            pods: the pods whose log lines or messages are about to be shown.
        """
        pods = list(pods)
        if not pods:
            return
        with self._lock:
            wanted = {place: set(names) for place, names in self._names.items()}
            for pod in pods:
                for config in references(pod):
                    if config.kind == "Secret":
                        wanted.setdefault(config.namespace, set()).add(config.name)
            for place, names in wanted.items():
                fresh = {name for name in names if (place, name) not in self._known}
                if fresh:
                    self._known |= {(place, name) for name in fresh}
                    self._learn(self._read(place, fresh))

    def _read(self, place: str, names: set[str]) -> list[Object]:
        """Returns the Secrets with some names and their other generations, as far as they may be read."""
        bases = self._bases.get(place, set())
        try:
            found = self._client.request("GET", _SECRETS.path(place), query={"fieldSelector": _FIELD_SELECTOR})[1].get("items") or []
            # The items of a list do not have apiVersion and kind.
            return [
                {**obj, "apiVersion": "v1", "kind": "Secret"}
                for obj in found
                if obj["metadata"]["name"] in names or any(is_generation_name(obj["metadata"]["name"], base) for base in bases)
            ]
        except ApiError as error:
            # An account that may not list Secrets may still get some by name.
            return [obj for name in sorted(names) for obj in self._one(place, name)] if error.status == 403 else []
        except TurnupError:
            return []

    def _one(self, place: str, name: str) -> list[Object]:
        try:
            return [self._client.request("GET", _SECRETS.path(place, name))[1]]
        except (ApiError, TurnupError):
            return []
