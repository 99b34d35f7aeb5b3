"""One object on its way to the cluster: where it lives, and sending it until the server has taken it.

An object whose namespace or definition is only just being made is sent again until it is taken or the deadline has
passed. What a whole run does, and in which order, is in transaction.py.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Callable, Iterable

from rules.k8s.tools.client import APPLY_PATCH, FIELD_MANAGER, MERGE_PATCH, METADATA_ONLY, Client
from rules.k8s.tools.discovery import Kinds, Resource
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.manifests import Identity, Object
from rules.k8s.tools.ownership import absorbed, conflicts
from rules.k8s.tools.plan import Entry
from rules.k8s.tools.refusals import explain, missing_namespace


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

    Raises:
        TurnupError: a kind is unknown to the cluster, an environment holds an
            object that lives outside any namespace, or two objects are the same one.
    """
    entries = list(entries)
    kinds.promise(obj for entry in entries for obj in entry.objects)
    items: list[Item] = []
    holders: dict[Identity, str] = {}
    for entry in entries:
        for obj in entry.objects:
            resource = kinds.need(obj, entry.label)
            if not resource.namespaced:
                if entry.environment:
                    raise TurnupError(f"{entry.label}: {obj['kind']} {obj['metadata']['name']} lives outside any namespace, so "
                                      f"{entry.environment} would share it with every other environment; move it to //prod:setup.")
                obj = {**obj, "metadata": {key: value for key, value in obj["metadata"].items() if key != "namespace"}}
            elif not obj["metadata"].get("namespace"):
                obj = {**obj, "metadata": {**obj["metadata"], "namespace": "default"}}
            item = Item(entry.label, obj, resource, kinds.identity(obj))
            # The build compares what is written; which kinds have a namespace, and get `default` without one, only the cluster knows.
            other = holders.get(item.identity)
            if other:
                twice = f"{entry.label} holds {item.identity} twice" if other == entry.label else f"{other} and {entry.label} both hold {item.identity}"
                raise TurnupError(f"{twice} (one that names no namespace is in 'default'); nothing was sent. Rename one or leave it out.")
            holders[item.identity] = entry.label
            items.append(item)
    return items


def check_namespaces(client: Client, items: Iterable[Item], executor: Executor) -> None:
    """Checks that every namespace that the items need is there or among them, before anything is sent.

    A user who may not read namespaces learns of a missing one when it is used.

    Raises:
        TurnupError: naming the namespace and the command that makes it.
    """
    items = list(items)
    own = {item.identity.name for item in items if item.identity.kind == "Namespace"}
    needed = {item.identity.namespace: item for item in items if item.identity.namespace not in ("", *own)}

    def missing(item: Item) -> bool:
        try:
            client.request("GET", f"/api/v1/namespaces/{item.identity.namespace}", accept=METADATA_ONLY)
        except ApiError as error:
            return error.status == 404
        return False

    for item, absent in zip(needed.values(), executor.map(missing, needed.values())):
        if absent:
            raise TurnupError(f"{item.label}: {item.identity}: {missing_namespace(item.identity.namespace)}")


@dataclass(frozen=True)
class Surroundings:
    """What a run makes, for objects that need some of it.

    Attributes:
        namespaces: names of the Namespaces among the objects.
        kinds: (apiVersion, kind) that CustomResourceDefinitions among the objects define.
        labels: labels of the targets.
    """

    namespaces: frozenset[str]
    kinds: frozenset[tuple[str, str]]
    labels: frozenset[str]

    @staticmethod
    def of(items: Iterable[Item], labels: Iterable[str] = ()) -> Surroundings:
        """Returns the surroundings of a run's items; `labels` are those of targets without an object, too."""
        items = list(items)
        kinds = Kinds(())
        kinds.promise(item.obj for item in items)
        return Surroundings(frozenset(item.identity.name for item in items if item.identity.kind == "Namespace"),
                            frozenset(kinds.promised), frozenset(labels) | {item.label for item in items})

    def makes_namespace(self, item: Item) -> bool:
        """Says whether the run makes an item's namespace."""
        return item.identity.namespace in self.namespaces

    def makes_kind(self, item: Item) -> bool:
        """Says whether the run defines an item's kind."""
        return (item.resource.api_version, item.resource.kind) in self.kinds

    def is_early(self, error: ApiError, item: Item) -> bool:
        """Says whether a refusal may pass by itself because something is still being made."""
        text = error.message
        if error.status == 404:
            missing_namespace = f'namespaces "{item.identity.namespace}" not found' in text
            return self.makes_kind(item) or (missing_namespace and self.makes_namespace(item))
        if error.status == 403:
            return "is being terminated" in text or "error looking up service account" in text
        if error.status == 409:
            return not conflicts(error)
        return error.status in (500, 503) and ("webhook" in text or "try again" in text)


class Applier:
    """Sends items until the server has taken each.

    Args:
        client: the API server.
        surroundings: what the run makes: what one item needs may be another item.
        force: take fields over from other field managers.
        patience: seconds to go on trying while something an item needs is being made.
        check: called before every write; raises to stop.
    """

    def __init__(self, client: Client, surroundings: Surroundings, *, force: bool = False, patience: float = 60.0,
                 check: Callable[[], None] = lambda: None):
        self._client = client
        self._surroundings = surroundings
        self._force = force
        self._patience = patience
        self._check = check

    def apply(self, item: Item, before: Object | None) -> Result:
        """Writes one item.

        Args:
            item: the item.
            before: metadata of its live object, as an object; None when there is none.
        """
        deadline = time.monotonic() + self._patience
        attempt = 0
        while True:
            try:
                self._check()
                managers = absorbed(before) if before else None
                if before and managers:
                    self._client.request("PATCH", item.path, content_type=MERGE_PATCH, accept=METADATA_ONLY, body={
                        "metadata": {"managedFields": managers, "resourceVersion": before["metadata"]["resourceVersion"]}})
                status, live = self._client.request(
                    "PATCH", item.path, body=item.obj, content_type=APPLY_PATCH, accept=METADATA_ONLY,
                    query={"fieldManager": FIELD_MANAGER, "force": "true" if self._force else None})
            except ApiError as error:
                if time.monotonic() < deadline and self._surroundings.is_early(error, item):
                    time.sleep(min(1.0, 0.05 * 2 ** attempt) * random.uniform(0.8, 1.2))
                    attempt += 1
                    if error.status == 409:
                        before = live_metadata(self._client, item)
                    continue
                return Result(item, "failed", error=explain(error, item.label, item.identity))
            except UnreachableError:
                raise
            except TurnupError as error:
                return Result(item, "failed", error=str(error))
            if status == 201 or before is None:
                return Result(item, "created", live)
            changed = live["metadata"].get("resourceVersion") != before["metadata"].get("resourceVersion")
            return Result(item, "configured" if changed else "unchanged", live)


def live_metadata(client: Client, item: Item) -> Object | None:
    """Returns the metadata of an item's live object, None when it is absent or may not be read."""
    try:
        return client.request("GET", item.path, accept=METADATA_ONLY)[1]
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise
