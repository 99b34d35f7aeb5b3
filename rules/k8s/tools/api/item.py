"""Items: the objects of a run with their paths on the server, and the results of writing them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable

from rules.k8s.tools.api.api_errors import explain
from rules.k8s.tools.api.client import METADATA_ONLY, Client
from rules.k8s.tools.api.discovery import Kinds, Resource
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.objects.plan import Entry


@dataclass(frozen=True)
class Item:
    """An object of a run.

    Attributes:
        label: Label of the target that the object comes from.
        obj: The object to send.
        resource: The API resource of its kind.
        identity: Its identity in the cluster.
    """

    label: str
    obj: Object
    resource: Resource
    identity: Identity

    @property
    def path(self) -> str:
        """The object's path on the server."""
        return self.resource.path(self.identity.namespace, self.identity.name)


@dataclass(frozen=True)
class Result:
    """The result of writing or deleting an item.

    Attributes:
        item: The item.
        outcome: created, configured, unchanged, replaced, deleted, pruned, absent, kept or failed.
        live: The object (or its metadata) as the server has it now; None if it failed or is gone.
        error: One sentence if it failed; else "".
    """

    item: Item
    outcome: str
    live: Object | None = None
    error: str = ""


def locate_items(entries: Iterable[Entry], kinds: Kinds) -> list[Item]:
    """Returns the items of a closure's objects, in order. Sends nothing.

    Args:
        entries: The entries of the plan.
        kinds: The kinds that the cluster serves; those that the objects define are added.

    Raises:
        TurnupError: The cluster does not serve a kind, an object has an invalid name, an environment has a
            cluster-scoped object, or two objects have the same identity.
    """
    entries = list(entries)
    kinds.add_definitions(obj for entry in entries for obj in entry.objects)
    items: list[Item] = []
    owners: dict[Identity, str] = {}
    for entry in entries:
        for obj in entry.objects:
            resource = kinds.require(obj, entry.label)
            for name in (obj["metadata"]["name"], obj["metadata"].get("namespace") or ""):
                if name in (".", "..") or "/" in name or "%" in name:
                    raise TurnupError(f"{entry.label}: {obj['kind']} {name!r} is not a valid name or namespace; nothing "
                                      "was sent. Use one without '/' and '%', and not '.' or '..'.")
            if not resource.namespaced:
                if entry.environment:
                    raise TurnupError(f"{entry.label}: {obj['kind']} {obj['metadata']['name']} is cluster-scoped, so "
                                      f"{entry.environment} would share it with every other environment; move it to //prod:setup.")
                obj = {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "namespace"}}
            elif not obj["metadata"].get("namespace"):
                obj = {**obj, "metadata": {**obj["metadata"], "namespace": "default"}}
            item = Item(entry.label, obj, resource, kinds.identity(obj))
            # The build compares manifests as they are written. Only the cluster knows which kinds are namespaced and so default to `default`.
            other = owners.get(item.identity)
            if other:
                twice = f"{entry.label} has {item.identity} twice" if other == entry.label else f"{other} and {entry.label} both have {item.identity}"
                raise TurnupError(f"{twice} (an object without a namespace is in 'default'); nothing was sent. Rename one of them, or leave it out.")
            owners[item.identity] = entry.label
            items.append(item)
    return items


def live_metadata(client: Client, item: Item) -> Object | None:
    """Returns the metadata of an item's live object; None if it does not exist or may not be read."""
    try:
        return client.request("GET", item.path, accept=METADATA_ONLY)[1]
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise


def read_live(client: Client, item: Item) -> Object | None:
    """Returns an item's live object; None if it does not exist.

    Raises:
        TurnupError: The server refuses to return it.
    """
    try:
        return client.request("GET", item.path)[1]
    except ApiError as error:
        if error.status == 404:
            return None
        raise TurnupError(explain(error, item.label, item.identity)) from None
