"""One object on its way to the cluster: where it lives, and sending it until the server has taken it.

An object whose namespace or definition is only just being made is sent again until it is taken or the deadline has
passed. What a whole run does, and in which order, is in transaction.py.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Callable, Iterable

from rules.k8s.tools.client import APPLY_PATCH, FIELD_MANAGER, MERGE_PATCH, METADATA_ONLY, Client, Permit
from rules.k8s.tools.discovery import Kinds, Resource
from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.endings import what_holds
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.manifests import Identity, Object
from rules.k8s.tools.ownership import absorbed, conflicts
from rules.k8s.tools.plan import Entry
from rules.k8s.tools.refusals import explain, missing_namespace
from rules.k8s.tools.webhooks import Hook, called

# So long a run waits for namespaces that are being deleted.
_ENDING_SECONDS = 60.0


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
            for name in (obj["metadata"]["name"], obj["metadata"].get("namespace") or ""):
                if name in (".", "..") or "/" in name or "%" in name:
                    raise TurnupError(f"{entry.label}: {obj['kind']} {name!r}: no object can have that name, which is no part of a path; nothing "
                                      "was sent. Write one without '/' and '%', other than '.' and '..'.")
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


def check_namespaces(client: Client, items: Iterable[Item], executor: Executor, say: Callable[[str], None]) -> None:
    """Checks that every namespace that the items need is there or among them, before anything is sent.

    Those that are being deleted are waited for: nothing can be made in them, and what is changed goes with them. A user
    who may not read namespaces learns of a missing one when it is used.

    Args:
        client: the API server.
        items: the objects.
        executor: for asking in parallel.
        say: writes a line of progress.

    Raises:
        TurnupError: naming the namespace and the command that makes it, or that it does not come to its end.
    """
    items = list(items)
    own = {item.identity.name: item for item in items if item.identity.kind == "Namespace" and not item.identity.group}
    needed = own | {item.identity.namespace: item for item in items if item.identity.namespace not in ("", *own)}

    def look(name: str) -> str:
        try:
            live = client.request("GET", f"/api/v1/namespaces/{name}", accept=METADATA_ONLY)[1]
        except ApiError as error:
            return "missing" if error.status == 404 else ""
        return "ending" if live["metadata"].get("deletionTimestamp") else ""

    states = dict(zip(needed, executor.map(look, needed)))
    deadline, pause, said = time.monotonic() + _ENDING_SECONDS, 0.1, False
    while ending := [name for name, state in states.items() if state == "ending"]:
        if time.monotonic() > deadline:
            item = needed[ending[0]]
            held = what_holds(client, f"/api/v1/namespaces/{ending[0]}")
            raise TurnupError(f"{item.label}: {item.identity}: the namespace {ending[0]!r} is being deleted and still there after "
                              f"{format_duration(_ENDING_SECONDS)}{f' ({held})' if held else ''}; nothing was written. Look at what its "
                              "finalizers wait for, and run it again.")
        if not said:
            say(f"waiting for the end of {', '.join(ending)}: {'it is' if len(ending) == 1 else 'they are'} being deleted")
            said = True
        time.sleep(pause)
        pause = min(1.0, pause * 2)
        states |= zip(ending, executor.map(look, ending))
    for name, item in needed.items():
        if states[name] == "missing" and name not in own:
            raise TurnupError(f"{item.label}: {item.identity}: {missing_namespace(name)}")


@dataclass(frozen=True)
class Surroundings:
    """What a run makes, for objects that need some of it.

    Attributes:
        namespaces: names of the Namespaces among the objects.
        kinds: (apiVersion, kind) that CustomResourceDefinitions among the objects define.
        labels: labels of the targets.
        services: (namespace, name) of the Services among the objects.
    """

    namespaces: frozenset[str]
    kinds: frozenset[tuple[str, str]]
    labels: frozenset[str]
    services: frozenset[tuple[str, str]] = frozenset()

    @staticmethod
    def of(items: Iterable[Item], labels: Iterable[str] = ()) -> Surroundings:
        """Returns the surroundings of a run's items; `labels` are those of targets without an object, too."""
        items = list(items)
        kinds = Kinds(())
        kinds.promise(item.obj for item in items)
        return Surroundings(frozenset(item.identity.name for item in items if item.identity.kind == "Namespace"),
                            frozenset(kinds.promised), frozenset(labels) | {item.label for item in items},
                            frozenset((item.identity.namespace, item.identity.name) for item in items
                                      if item.identity.kind == "Service" and not item.identity.group))

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
            return "error looking up service account" in text
        if error.status == 409:
            return not conflicts(error)
        return error.status in (500, 503) and ("webhook" in text or "try again" in text)


class Applier:
    """Sends items until the server has taken each.

    Args:
        client: the API server.
        surroundings: what the run makes: what one item needs may be another item.
        force: take fields over from other field managers.
        patience: seconds to go on trying while something that items need is being made, and no item is taken meanwhile.
        permit: entered around every write.
        say: writes a line of progress.
    """

    def __init__(self, client: Client, surroundings: Surroundings, *, force: bool = False, patience: float = 60.0,
                 permit: Permit = nullcontext, say: Callable[[str], None] = lambda text: None):
        self._client = client
        self._surroundings = surroundings
        self._force = force
        self._patience = patience
        self._stuck_since: float | None = None
        self._permit = permit
        self._say = say
        self._said: set[str] = set()

    def apply(self, item: Item, before: Object | None) -> Result:
        """Writes one item.

        Args:
            item: the item.
            before: metadata of its live object, as an object; None when there is none.
        """
        attempt = 0
        while True:
            try:
                managers = absorbed(before) if before else None
                if before and managers:
                    self._client.request("PATCH", item.path, content_type=MERGE_PATCH, accept=METADATA_ONLY, permit=self._permit, body={
                        "metadata": {"managedFields": managers, "resourceVersion": before["metadata"]["resourceVersion"]}})
                status, live = self._client.request(
                    "PATCH", item.path, body=item.obj, content_type=APPLY_PATCH, accept=METADATA_ONLY, permit=self._permit,
                    query={"fieldManager": FIELD_MANAGER, "force": "true" if self._force else None})
            except ApiError as error:
                if self._surroundings.is_early(error, item) and self._is_patient():
                    self._say_hook(item, called(error.message))
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
            self._stuck_since = None
            if status == 201 or before is None:
                return Result(item, "created", live)
            changed = live["metadata"].get("resourceVersion") != before["metadata"].get("resourceVersion")
            return Result(item, "configured" if changed else "unchanged", live)

    def _say_hook(self, item: Item, hook: Hook | None) -> None:
        """Says once of each webhook that it is waited for."""
        if hook and hook.name not in self._said:
            self._said.add(hook.name)
            self._say(f"{item.label}: {item.identity} waits until {hook} answers ({hook.cause})")

    def _is_patient(self) -> bool:
        """Says whether to try again. All items share the time: one after the other they would wait for what never comes."""
        if self._stuck_since is None:
            self._stuck_since = time.monotonic()
        return time.monotonic() - self._stuck_since < self._patience


def live_metadata(client: Client, item: Item) -> Object | None:
    """Returns the metadata of an item's live object, None when it is absent or may not be read."""
    try:
        return client.request("GET", item.path, accept=METADATA_ONLY)[1]
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise
