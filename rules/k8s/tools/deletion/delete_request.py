"""The request that deletes one object."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

from rules.k8s.tools.api.client import Client, WriteFence
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError


def delete_object(
    client: Client, item: Item, uid: str, *, version: str = "", propagation: str = "Background", dry: bool = False, fence: WriteFence = nullcontext
) -> bool:
    """Deletes an object on the condition that it is the one that was read; returns whether it is gone already.

    Args:
        client: the API server.
        item: the object.
        uid: of the object that was read.
        version: the resourceVersion that it must still have; "" for any.
        propagation: what becomes of its dependents: `Background` deletes them, `Orphan` does not.
        dry: only ask whether it may be deleted.
        fence: entered around the request.

    Raises:
        ApiError: the server refuses.
    """
    try:
        # The server reads the options of a delete from the body only; the query is for the audit log.
        answer: Any = client.request(
            "DELETE",
            item.path,
            query={"dryRun": "All" if dry else None},
            fence=fence,
            body={
                "kind": "DeleteOptions",
                "apiVersion": "v1",
                "propagationPolicy": propagation,
                "preconditions": {"uid": uid} | ({"resourceVersion": version} if version else {}),
                **({"dryRun": ["All"]} if dry else {}),
            },
        )[1]
    except ApiError as error:
        if error.status == 404 or (error.status == 409 and "UID in precondition" in error.message):
            return True
        raise
    return bool(answer.get("kind") == "Status")
