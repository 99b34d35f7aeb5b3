"""Finalizers that keep a terminating object from being removed."""

from __future__ import annotations

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError, UnreachableError
from rules.k8s.tools.objects.objects import Object


def describe_finalizers(live: Object) -> str:
    """Returns what keeps an object from being removed; "" if the object does not tell.

    Args:
        live: the live object. A namespace's conditions also tell which of its contents remain.
    """
    names = [*(live["metadata"].get("finalizers") or []), *((live.get("spec") or {}).get("finalizers") or [])]
    messages = [
        str(condition.get("message", "")).rstrip(".")
        for condition in (live.get("status") or {}).get("conditions") or []
        if live.get("kind") == "Namespace" and condition.get("status") == "True"
    ]
    # Every namespace has this finalizer; it tells nothing if the conditions tell more.
    names = [name for name in names if name != "kubernetes" or not messages]
    return "; ".join([f"finalizers: {', '.join(names)}"] * bool(names) + [text for text in messages if text])


def read_finalizers(client: Client, path: str) -> str:
    """Reads an object and returns what keeps it from being removed; "" if it cannot be read.

    Args:
        client: client of the API server.
        path: the object's path.

    Raises:
        UnreachableError: the API server does not answer.
    """
    try:
        return describe_finalizers(client.request("GET", path)[1])
    except UnreachableError:
        raise
    except ApiError:
        return ""
