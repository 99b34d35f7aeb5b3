"""Objects on their way to the cluster: where each lives, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable

from rules.k8s.tools.api.api_errors import explain
from rules.k8s.tools.api.client import METADATA_ONLY, Client
from rules.k8s.tools.api.discovery import Kinds, Resource
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.duplicates import find_duplicate
from rules.k8s.tools.objects.objects import Identity, Object, check_path_names, in_scope, is_cluster_scoped
from rules.k8s.tools.objects.plan import Entry


@dataclass(frozen=True)
class Item:
    """One object on its way to the cluster.

    Attributes:
        label: the target that it comes from.
        obj: the object to send.
        resource: where its kind lives.
        identity: its identity on the cluster.
    """

    label: str
    obj: Object
    resource: Resource
    identity: Identity

    @property
    def path(self) -> str:
        """The object's own path on the server."""
        return self.resource.path(self.identity.namespace, self.identity.name)


@dataclass(frozen=True)
class Result:
    """What became of an item.

    Attributes:
        item: the item.
        outcome: created, configured, unchanged, replaced, deleted, pruned, absent, kept or failed.
        live: the object (or its metadata) as the server has it now; None when failed or gone.
        error: one sentence, "" unless failed.
    """

    item: Item
    outcome: str
    live: Object | None = None
    error: str = ""


def items_of(entries: Iterable[Entry], kinds: Kinds) -> list[Item]:
    """Finds where every object of a closure lives, before anything is written.

    The build has given every object of a kind that it knows the namespace that it is sent with, and has judged duplicates.
    What is left for the run are the kinds whose scope only the API server knows: custom resources without their definition
    in the closure, and kinds that this version of Kubernetes has added.

    Args:
        entries: the closure.
        kinds: what the cluster serves.

    Raises:
        TurnupError: a kind is unknown to the cluster, an environment has a
            cluster-scoped object, or two objects are the same one.
    """
    entries = list(entries)
    kinds.promise(obj for entry in entries for obj in entry.objects)
    items: list[Item] = []
    undecided: list[Item] = []
    for entry in entries:
        for obj in entry.objects:
            resource = kinds.need(obj, entry.label)
            # The objects of a revision come from the cluster, not from the build.
            check_path_names(obj, entry.label)
            placed = in_scope(obj, not resource.namespaced, entry.label, entry.environment)
            item = Item(entry.label, placed, resource, kinds.identity(placed))
            items.append(item)
            if is_cluster_scoped(obj) is resource.namespaced or is_cluster_scoped(obj) is None:
                undecided.append(item)
    duplicate = find_duplicate((item.label, item.obj) for item in undecided)
    if duplicate:
        raise TurnupError(f"{duplicate} (an object without a namespace is in 'default'). Nothing was sent. Rename or remove one of them.")
    return items


def live_metadata(client: Client, item: Item) -> Object | None:
    """Returns the metadata of an item's live object, None when it is absent or may not be read."""
    try:
        return client.request("GET", item.path, accept=METADATA_ONLY)[1]
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise


def read_live(client: Client, item: Item) -> Object | None:
    """Returns an item's live object, None when it is absent.

    Raises:
        TurnupError: it may not be read.
    """
    try:
        return client.request("GET", item.path)[1]
    except ApiError as error:
        if error.status == 404:
            return None
        raise TurnupError(explain(error, item.label, item.identity)) from None
