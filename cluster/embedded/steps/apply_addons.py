"""Step: create the objects that every cluster has (cluster DNS, storage class, roles)."""

from __future__ import annotations

from cluster.embedded.addons import addons
from cluster.embedded.context import Context

TITLE = "Creating cluster DNS and the storage class"


def execute(context: Context) -> None:
    """Applies every object; those that are there already are brought up to date."""
    for resource, item in addons(context.cluster.layout):
        context.api.apply(resource, item)
