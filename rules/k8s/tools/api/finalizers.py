"""What holds an object that is being deleted and does not come to its end."""

from __future__ import annotations

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError, UnreachableError
from rules.k8s.tools.objects.objects import Object


def holders(live: Object) -> str:
    """Returns what an object says of what holds it, "" when it says nothing: its finalizers, and of a namespace what is in it."""
    names = [*(live["metadata"].get("finalizers") or []), *((live.get("spec") or {}).get("finalizers") or [])]
    told = [str(condition.get("message", "")).rstrip(".") for condition in (live.get("status") or {}).get("conditions") or []
            if live.get("kind") == "Namespace" and condition.get("status") == "True"]
    # That of every namespace; where the conditions say what it waits for, it is no news.
    names = [name for name in names if name != "kubernetes" or not told]
    return "; ".join([f"finalizers: {', '.join(names)}"] * bool(names) + [text for text in told if text])


def finalizers_sentence(client: Client, path: str) -> str:
    """Returns what holds the object at a path, "" when that is not known.

    Args:
        client: the API server.
        path: of the object, of which mostly the metadata alone are read.
    """
    try:
        return holders(client.request("GET", path)[1])
    except UnreachableError:
        raise
    except ApiError:
        return ""
