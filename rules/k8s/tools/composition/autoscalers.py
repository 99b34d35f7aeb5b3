"""HorizontalPodAutoscalers, which set the replicas of workloads that leave them out of their manifests."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Identity, Object, group_of

_KIND = "HorizontalPodAutoscaler"
_GROUP = "autoscaling"


class Autoscalers:
    """The autoscalers of a run and of the cluster.

    Args:
        client: client of the API server.
        items: the items of the run.
    """

    def __init__(self, client: Client, items: Iterable[Item] = ()) -> None:
        self._client = client
        self._planned = {
            target: item.identity.name for item in items if item.identity.kind == _KIND and item.identity.group == _GROUP for target in _targets(item.obj)
        }
        self._live: dict[str, dict[Identity, str]] = {}
        self._lock = threading.Lock()

    def of(self, identity: Identity) -> str:
        """Returns the name of the autoscaler that scales an object; "" if the run and the cluster have none, or none may be read."""
        if identity in self._planned:
            return self._planned[identity]
        with self._lock:
            if identity.namespace not in self._live:
                self._live[identity.namespace] = self._read(identity.namespace)
            return self._live[identity.namespace].get(identity, "")

    def _read(self, namespace: str) -> dict[Identity, str]:
        try:
            found = self._client.request("GET", f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers")[1].get("items") or []
        except ApiError:
            return {}
        return {target: obj["metadata"]["name"] for obj in found for target in _targets(obj)}


def _targets(scaler: Object) -> list[Identity]:
    """Returns what an autoscaler scales, as a list of one, or of none if it does not say."""
    target = (scaler.get("spec") or {}).get("scaleTargetRef")
    if not isinstance(target, dict):
        return []
    namespace = scaler["metadata"].get("namespace") or ""
    return [Identity(group_of(str(target.get("apiVersion") or "")), str(target.get("kind")), namespace, str(target.get("name")))]
