"""Items: the objects of a run with their paths on the server, and the results of writing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rules.k8s.tools.api.api_errors import explain
from rules.k8s.tools.api.client import METADATA_ONLY, Client
from rules.k8s.tools.api.discovery import Kinds, Resource
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.duplicates import find_duplicate
from rules.k8s.tools.objects.objects import Identity, Object, check_path_names, in_scope, is_cluster_scoped
from rules.k8s.tools.objects.plan import Entry


@dataclass(frozen=True)
class Item:
    """An object of a run.

    Attributes:
        label: label of the target that the object comes from.
        obj: the object to send.
        resource: the API resource of its kind.
        identity: its identity in the cluster.
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
        item: the item.
        outcome: created, configured, unchanged, replaced, restarted, deleted, pruned, absent, kept or failed.
        live: the object (or its metadata) as the server has it now; None if it failed or is gone.
        error: one sentence if it failed; else "".
    """

    item: Item
    outcome: str
    live: Object | None = None
    error: str = ""


def items_of(entries: Iterable[Entry], kinds: Kinds) -> list[Item]:
    """Finds where every object of a closure lives, before anything is written.

    The build has given every object of a kind that it knows the namespace that it is sent with, and has judged duplicates.
    The run decides about the kinds whose scope only the API server knows: custom resources without their definition in the
    closure, and kinds that this version of Kubernetes has added.

    Args:
        entries: the closure.
        kinds: what the cluster serves.

    Raises:
        TurnupError: a kind is unknown to the cluster, an environment has a
            cluster-scoped object, or two objects are the same one.
    """
    entries = list(entries)
    kinds.add_definitions(obj for entry in entries for obj in entry.objects)
    items: list[Item] = []
    undecided: list[Item] = []
    for entry in entries:
        for obj in entry.objects:
            resource = kinds.require(obj, entry.label)
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


def failed(item: Item, error: TurnupError) -> Result:
    """Returns the result of an item that an error kept from being written, with one sentence that names the item."""
    return Result(item, "failed", error=error_sentence(item, error))


def error_sentence(item: Item, error: TurnupError) -> str:
    """Returns one sentence on an error; it names the item if the error is an answer of the API server."""
    return explain(error, item.label, item.identity) if isinstance(error, ApiError) else str(error)


def attempt(item: Item, action: Callable[[], Result]) -> Result:
    """Returns what an action on an item returns, or a failed result if it raises.

    Raises:
        UnreachableError: the server does not answer, so other items are not worth an attempt either.
    """
    try:
        return action()
    except UnreachableError:
        raise
    except TurnupError as error:
        return failed(item, error)


def live_metadata(client: Client, item: Item) -> Object | None:
    """Returns the metadata of an item's live object, None when it is absent or may not be read."""
    return client.get_or_none(item.path, accept=METADATA_ONLY, absent=(403, 404))


def read_live(client: Client, item: Item) -> Object | None:
    """Returns an item's live object; None if it does not exist.

    Raises:
        TurnupError: the server refuses to return it.
    """
    try:
        return client.get_or_none(item.path)
    except ApiError as error:
        raise TurnupError(error_sentence(item, error)) from None
