"""Step: create the objects that every cluster has: cluster DNS, the storage class and roles."""

from __future__ import annotations

from cluster.embedded.api.addons import addons
from cluster.embedded.steps.context import Context

TITLE = "Creating cluster DNS and the storage class"


def execute(context: Context) -> None:
    """Applies every object, and updates those that exist."""
    for resource, item in addons(context.cluster.layout):
        context.api.apply(resource, item)
