"""Step: create the objects that every cluster has: cluster DNS, the storage class and roles."""

from __future__ import annotations

from cluster.embedded.api.addons import addons
from cluster.embedded.api.client import ApiError
from cluster.embedded.steps.context import Context

TITLE = "Creating cluster DNS and the storage class"


def execute(context: Context) -> None:
    """Applies every object, and updates those that exist."""
    for resource, item in addons(context.cluster.layout):
        try:
            context.api.apply(resource, item)
        except ApiError as error:
            if error.status != 422 or item["kind"] != "StorageClass":
                raise
            # A class of an older version names another provisioner, which is immutable. Volumes don't depend on the class.
            context.api.request("DELETE", f"{resource}/{item['metadata']['name']}")
            context.api.apply(resource, item)
