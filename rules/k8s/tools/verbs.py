"""The verbs other than apply: what each does with the objects of a closure."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from typing import Callable, Iterable

from rules.k8s.tools.client import APPLY_PATCH, FIELD_MANAGER, Client
from rules.k8s.tools.engine import Item, Result, explain, live_metadata
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.manifests import Object, owner
from rules.k8s.tools.render import describe as describe_object
from rules.k8s.tools.render import diff_objects

# Deleting these deletes what others keep in them.
DATA_KINDS = ("Namespace", "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition")
_CLUSTER_IP_FIELDS = ("clusterIP", "clusterIPs")

Report = Callable[[Result], None]


def refuse_existing(client: Client, items: Iterable[Item], executor: Executor) -> None:
    """Refuses a `create` of which any object is there already, before anything is written.

    Raises:
        TurnupError: naming the objects that exist.
    """
    items = list(items)
    there = [str(item.identity) for item, live in zip(items, executor.map(lambda item: live_metadata(client, item), items)) if live]
    if there:
        raise TurnupError(f"{items[0].label}: {_some(there)} already in the cluster; nothing was sent. Use .apply to change what is there.")


def replace(client: Client, items: Iterable[Item], executor: Executor, report: Report) -> list[Result]:
    """Replaces live objects by the manifests, fields of other managers included.

    Raises:
        TurnupError: an object is not there; then nothing was written.
    """
    items = list(items)
    lives = list(executor.map(lambda item: _live(client, item), items))
    absent = [str(item.identity) for item, live in zip(items, lives) if live is None]
    if absent:
        raise TurnupError(f"{items[0].label}: {_some(absent)} not in the cluster; nothing was sent. Use .create or .apply.")

    def put(item: Item, live: Object) -> Result:
        wanted = {**item.obj, "metadata": {**item.obj["metadata"], "resourceVersion": live["metadata"]["resourceVersion"]}}
        if item.identity.kind == "Service" and not item.identity.group:
            # The address of a Service is given once and cannot change.
            kept = {key: live["spec"][key] for key in _CLUSTER_IP_FIELDS if key in live.get("spec", {})}
            wanted["spec"] = {**kept, **wanted.get("spec", {})}
        try:
            after = client.request("PUT", item.path, body=wanted, query={"fieldManager": FIELD_MANAGER})[1]
        except ApiError as error:
            return Result(item, "failed", error=explain(error, item))
        same = after["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]
        return Result(item, "unchanged" if same else "replaced", after)

    results = list(executor.map(put, items, lives))
    for result in results:
        report(result)
    return results


def delete(client: Client, items: Iterable[Item], executor: Executor, report: Report, *,
           data: bool = False, patience: float = 120.0) -> list[Result]:
    """Deletes objects in reverse order and waits until they are gone.

    Only what its own target has applied is deleted; an object that somebody else made
    under the same name stays, and so do namespaces, claims, volumes and custom
    resource definitions unless `data` is set.

    Args:
        client: the API server.
        items: the closure's objects, dependencies first.
        executor: for reading in parallel; requests to delete keep their order.
        report: called with each result.
        data: delete the kinds that hold data of others, too.
        patience: seconds to wait for finalizers.
    """
    items = list(items)[::-1]
    lives = dict(zip([item.identity for item in items], executor.map(lambda item: live_metadata(client, item), items)))
    results, going = [], []
    for item in items:
        result = _delete_one(client, item, lives[item.identity], data)
        results.append(result)
        if result.outcome == "deleted":
            going.append(item)
        else:
            report(result)
    deadline = time.monotonic() + patience
    for item in going:
        uid = lives[item.identity]["metadata"]["uid"]  # type: ignore[index]
        gone = _wait_gone(client, item, uid, deadline)
        result = Result(item, "deleted") if gone is None else Result(item, "failed", error=gone)
        report(result)
        results = [result if other.item is item else other for other in results]
    return results


def _delete_one(client: Client, item: Item, live: Object | None, data: bool) -> Result:
    if live is None:
        return Result(item, "absent")
    if item.identity.kind in DATA_KINDS and not data:
        return Result(item, "kept", live, "may hold data of others; delete it with '-- --delete-data'")
    if owner(live) != item.label:
        return Result(item, "kept", live, f"was made by {owner(live) or 'somebody else'}, not by {item.label}")
    try:
        # The precondition makes sure that what is deleted is what was looked at.
        client.request("DELETE", item.path, body={
            "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background",
            "preconditions": {"uid": live["metadata"]["uid"]}})
    except ApiError as error:
        if error.status != 404:
            return Result(item, "failed", error=explain(error, item))
    return Result(item, "deleted")


def _wait_gone(client: Client, item: Item, uid: str, deadline: float) -> str | None:
    """Waits until an object is gone; returns None, or the sentence that says what keeps it."""
    pause = 0.02
    while True:
        live = live_metadata(client, item)
        if live is None or live["metadata"]["uid"] != uid:
            return None
        if time.monotonic() > deadline:
            finalizers = ", ".join(live["metadata"].get("finalizers") or []) or "none"
            return f"{item.label}: {item.identity} is still being deleted (finalizers: {finalizers}); look at what holds them."
        time.sleep(pause)
        pause = min(1.0, pause * 2)


def diff(client: Client, items: Iterable[Item], executor: Executor, *, force: bool = False) -> list[str]:
    """Returns a unified diff for every object that an apply would change.

    The server itself computes the outcome (dry run); Secrets are masked after that.

    Raises:
        TurnupError: the server refuses an object.
    """

    def one(item: Item) -> str:
        live = _live(client, item)
        try:
            wanted = client.request("PATCH", item.path, body=item.obj, content_type=APPLY_PATCH, query={
                "fieldManager": FIELD_MANAGER, "dryRun": "All", "force": "true" if force else None})[1]
        except ApiError as error:
            if error.status == 404 and live is None:
                wanted = item.obj  # Its namespace or kind is not there yet.
            else:
                raise TurnupError(explain(error, item)) from None
        return diff_objects(str(item.identity), live, wanted)

    return [text for text in executor.map(one, list(items)) if text]


def describe(client: Client, items: Iterable[Item], executor: Executor) -> list[str]:
    """Returns a description of every object, live state and events included."""

    def one(item: Item) -> str:
        live = _live(client, item)
        if live is None:
            return f"Name:         {item.identity.name}\nKind:         {item.identity.kind}\nNot in the cluster.\n"
        return describe_object(live, events_of(client, live))

    return list(executor.map(one, list(items)))


def events_of(client: Client, live: Object) -> list[Object]:
    """Returns the Events of a live object, oldest first; [] where they may not be read."""
    namespace = live["metadata"].get("namespace") or "default"
    try:
        found = client.request("GET", f"/api/v1/namespaces/{namespace}/events", query={
            "fieldSelector": f"involvedObject.uid={live['metadata']['uid']}"})[1].get("items") or []
    except ApiError:
        return []
    return sorted(found, key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")


def _live(client: Client, item: Item) -> Object | None:
    try:
        return client.request("GET", item.path)[1]
    except ApiError as error:
        if error.status == 404:
            return None
        raise TurnupError(explain(error, item)) from None


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    more = f" and {len(names) - 3} more are" if len(names) > 3 else (" are" if len(names) > 1 else " is")
    return shown + more
