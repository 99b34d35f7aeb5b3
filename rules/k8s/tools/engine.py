"""Server-side apply of a whole closure by one process, many objects at a time.

There is no order to keep: an object whose namespace or definition is only just
being made is sent again until it is taken or the deadline has passed. Namespaces
and CustomResourceDefinitions go first only because that saves requests.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from typing import Callable, Iterable

from rules.k8s.tools.client import APPLY_PATCH, FIELD_MANAGER, MERGE_PATCH, METADATA_ONLY, Client
from rules.k8s.tools.discovery import Kinds, Resource
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.manifests import Identity, Object, owner
from rules.k8s.tools.ownership import absorbed, conflicts
from rules.k8s.tools.plan import Entry

_FIRST = ("Namespace", "CustomResourceDefinition")


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
        outcome: created, configured, unchanged, replaced, deleted, absent, kept or failed.
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
        TurnupError: a kind is unknown to the cluster, or an environment holds an
            object that lives outside any namespace.
    """
    entries = list(entries)
    kinds.promise(obj for entry in entries for obj in entry.objects)
    items = []
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
            items.append(Item(entry.label, obj, resource, kinds.identity(obj)))
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
            raise TurnupError(f"{item.label}: {item.identity}: {_missing_namespace(item)}")


def _missing_namespace(item: Item) -> str:
    return (f"the namespace {item.identity.namespace!r} does not exist; create it with "
            "'bazel run //prod:setup.apply'.")


class Applier:
    """Sends items until the server has taken each.

    Args:
        client: the API server.
        items: everything of this run: what one item needs may be another item.
        force: take fields over from other field managers.
        adopt: take objects over from other targets.
        patience: seconds to go on trying while something an item needs is being made.
        report: called with each result, from worker threads.
    """

    def __init__(self, client: Client, items: Iterable[Item], *, force: bool = False, adopt: bool = False,
                 patience: float = 60.0, report: Callable[[Result], None] = lambda result: None):
        self._client = client
        self._items = list(items)
        self._force = force
        self._adopt = adopt
        self._patience = patience
        self._report = report
        kinds = Kinds(())
        kinds.promise(item.obj for item in self._items)
        self._promised = kinds.promised
        self._namespaces = {item.identity.name for item in self._items if item.identity.kind == "Namespace"}

    def apply(self, executor: Executor) -> list[Result]:
        """Applies every item; returns a result for each, in the items' order."""
        results: dict[Identity, Result] = {}
        for first in (True, False):
            wave = [item for item in self._items if (item.identity.kind in _FIRST) == first]
            for future in as_completed([executor.submit(self._apply_one, item) for item in wave]):
                result = future.result()
                results[result.item.identity] = result
                self._report(result)
        return [results[item.identity] for item in self._items]

    def _apply_one(self, item: Item) -> Result:
        deadline = time.monotonic() + self._patience
        attempt = 0
        while True:
            try:
                before = live_metadata(self._client, item)
                if before and not self._adopt and owner(before) not in ("", item.label):
                    return Result(item, "failed", error=f"{item.label}: {item.identity} belongs to {owner(before)}, which applied it; "
                                  "rename one of the two, or take it over with '-- --adopt'.")
                managers = absorbed(before) if before else None
                if before and managers:
                    self._client.request("PATCH", item.path, content_type=MERGE_PATCH, accept=METADATA_ONLY, body={
                        "metadata": {"managedFields": managers, "resourceVersion": before["metadata"]["resourceVersion"]}})
                status, live = self._client.request(
                    "PATCH", item.path, body=item.obj, content_type=APPLY_PATCH, accept=METADATA_ONLY,
                    query={"fieldManager": FIELD_MANAGER, "force": "true" if self._force else None})
            except ApiError as error:
                if time.monotonic() < deadline and self._is_early(error, item):
                    time.sleep(min(1.0, 0.05 * 2 ** attempt) * random.uniform(0.8, 1.2))
                    attempt += 1
                    continue
                return Result(item, "failed", error=explain(error, item))
            except TurnupError as error:
                return Result(item, "failed", error=str(error))
            if status == 201 or before is None:
                return Result(item, "created", live)
            changed = live["metadata"].get("resourceVersion") != before["metadata"].get("resourceVersion")
            return Result(item, "configured" if changed else "unchanged", live)

    def _is_early(self, error: ApiError, item: Item) -> bool:
        """Says whether a refusal may pass by itself because something is still being made."""
        text = error.message
        if error.status == 404:
            own_kind = (item.resource.api_version, item.resource.kind) in self._promised
            missing_namespace = f'namespaces "{item.identity.namespace}" not found' in text
            return own_kind or (missing_namespace and item.identity.namespace in self._namespaces)
        if error.status == 403:
            return "is being terminated" in text or "error looking up service account" in text
        if error.status == 409:
            return not conflicts(error)
        return error.status in (500, 503) and ("webhook" in text or "try again" in text)


def live_metadata(client: Client, item: Item) -> Object | None:
    """Returns the metadata of an item's live object, None when it is absent or may not be read."""
    try:
        return client.request("GET", item.path, accept=METADATA_ONLY)[1]
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise


def explain(error: ApiError, item: Item) -> str:
    """Turns a refusal into one sentence that names the object, the reason and the cure."""
    what = f"{item.label}: {item.identity}"
    taken = conflicts(error)
    if taken:
        fields = ", ".join(f"{field} (managed by {manager!r})" for manager, field in taken)
        return (f"{what}: another manager owns {fields}; leave the fields out of the manifest, or take them over with "
                "'-- --force-conflicts'.")
    if error.status == 404 and "namespaces" in error.message and item.identity.namespace:
        return f"{what}: {_missing_namespace(item)}"
    if error.status == 403:
        return f"{what}: the cluster forbids it ({error.message}); ask for the rights or use another user."
    if error.status == 422:
        return f"{what}: the cluster finds it invalid ({error.message}); correct the manifest."
    return f"{what}: the cluster refused it ({error.status} {error.reason}: {error.message})."
