"""Kubernetes Events of an object."""

from __future__ import annotations

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Object


def list_events(client: Client, live: Object) -> list[Object]:
    """Returns the Events of a live object, oldest first; [] if they may not be read."""
    namespace = live["metadata"].get("namespace") or "default"
    try:
        found = (
            client.request("GET", f"/api/v1/namespaces/{namespace}/events", query={"fieldSelector": f"involvedObject.uid={live['metadata']['uid']}"})[1].get(
                "items"
            )
            or []
        )
    except ApiError:
        return []
    return sorted(found, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
