"""Step: create the objects that every cluster has: cluster DNS, the storage class and roles."""

from __future__ import annotations

from cluster.embedded.api.addons import STATEMENT, addons
from cluster.embedded.api.client import ApiError, wait_for
from cluster.embedded.steps.context import Context

TITLE = "Creating cluster DNS and the storage class"

_TIMEOUT = 30.0


def execute(context: Context) -> None:
    """Applies every object, and updates those that exist.

    Raises:
        ClusterError: the API server does not create its own namespaces in time.
    """
    hint = f"see `./turnup cluster logs --name {context.cluster.name} kube-apiserver`"
    # A new API server creates its namespaces after it is ready; this is the last of those that have objects here.
    wait_for("the namespace kube-public does not exist", lambda: context.api.request("GET", "/api/v1/namespaces/kube-public"), _TIMEOUT, hint)
    for resource, item in addons(context.cluster.layout):
        if item["kind"] == "ConfigMap" and item["metadata"]["name"] == STATEMENT and _exists(context, f"{resource}/{STATEMENT}"):
            continue  # somebody who installs a policy controller deletes a key of it
        try:
            context.api.apply(resource, item)
        except ApiError as error:
            if error.status != 422 or item["kind"] != "StorageClass":
                raise
            # A class of an older version names another provisioner, which is immutable. Volumes don't depend on the class.
            context.api.request("DELETE", f"{resource}/{item['metadata']['name']}")
            context.api.apply(resource, item)


def _exists(context: Context, path: str) -> bool:
    """Returns whether the object at a path exists.

    Raises:
        ApiError: the API server refused the request, or does not answer.
    """
    try:
        context.api.request("GET", path)
    except ApiError as error:
        if error.status != 404:
            raise
        return False
    return True
