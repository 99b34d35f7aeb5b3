"""The verbs that only read: what each does with the objects of a closure."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Callable, Iterable

from rules.k8s.tools import generations, recreation
from rules.k8s.tools.client import APPLY_PATCH, FIELD_MANAGER, Client
from rules.k8s.tools.comparing import is_applied
from rules.k8s.tools.config_names import base_of
from rules.k8s.tools.engine import Item
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.manifests import Object, owner
from rules.k8s.tools.refusals import explain, words
from rules.k8s.tools.render import describe as describe_object
from rules.k8s.tools.render import diff_objects
from rules.k8s.tools.verdicts import Refusal, Verdict, is_ending

# Takes note of the values of live Secrets, so that they are masked wherever they turn up.
Learn = Callable[[Iterable[Object]], None]


def refuse_existing(found: Iterable[Verdict | Refusal]) -> None:
    """Refuses a `create` of which any object is there already, before anything is written.

    Args:
        found: what a preflight for a create has found.

    Raises:
        TurnupError: naming the objects that exist.
    """
    there = [each.item for each in found if isinstance(each, Verdict) and each.live and each.outcome != "ending"]
    if there:
        raise TurnupError(f"{there[0].label}: {_some([str(item.identity) for item in there])} already in the cluster; nothing was sent. Use .apply to change what is there.")


def diff(client: Client, items: Iterable[Item], executor: Executor, learn: Learn, *, force: bool = False) -> list[tuple[Item, str]]:
    """Returns each item that an apply would change, with a unified diff.

    The server itself computes the outcome (dry run); Secrets are masked after that. A new generation of a ConfigMap or Secret is
    compared with the newest one that there is.

    Raises:
        TurnupError: the server refuses an object.
    """
    items = list(items)
    former = generations.newest(client, items, executor)

    def one(item: Item) -> tuple[Item, str]:
        live = read_live(client, item)
        learn([live] if live else [])
        if live and is_ending(live):
            return item, _anew(client, item)
        if live and is_applied(item.obj, live):
            return item, ""
        try:
            wanted = client.request("PATCH", item.path, body=item.obj, content_type=APPLY_PATCH, query={
                "fieldManager": FIELD_MANAGER, "dryRun": "All", "force": "true" if force else None})[1]
        except ApiError as error:
            if error.status == 404 and live is None:
                wanted = item.obj  # Its namespace or kind is not there yet.
            elif error.status == 422 and live and owner(live) == item.label and recreation.is_wanted(item):
                return item, _replacement(client, item, live, error)
            else:
                raise TurnupError(explain(error, item.label, item.identity)) from None
        base = base_of(item.obj)
        if live is None and base in former:
            live = read_live(client, former[base])
            learn([live] if live else [])
        return item, diff_objects(str(item.identity), live, wanted)

    return [(item, text) for item, text in executor.map(one, items) if text]


def _replacement(client: Client, item: Item, live: Object, error: ApiError) -> str:
    """Returns the diff of an object that is deleted and made again, and says so in its first line.

    Raises:
        TurnupError: the server would not take it as a new object either.
    """
    try:
        wanted = recreation.as_new(client, item, live)
    except ApiError:
        raise TurnupError(explain(error, item.label, item.identity)) from None
    head = f"# {item.identity} is replaced, that is deleted and made again: {' '.join(words(error, item.identity).split())}"
    return f"{head}\n{diff_objects(str(item.identity), live, wanted)}"


def _anew(client: Client, item: Item) -> str:
    """Returns the diff of an object whose name one has that is being deleted, and says so in its first line.

    Raises:
        TurnupError: the server would not take it as a new object.
    """
    try:
        wanted = recreation.as_new(client, item)
    except ApiError as error:
        raise TurnupError(explain(error, item.label, item.identity)) from None
    return f"# {item.identity} is being deleted; an apply waits for its end and makes it anew\n{diff_objects(str(item.identity), None, wanted)}"


def describe(client: Client, items: Iterable[Item], executor: Executor, learn: Learn) -> list[tuple[Item, str]]:
    """Returns every item with a description of its live state and events."""

    def one(item: Item) -> tuple[Item, str]:
        live = read_live(client, item)
        if live is None:
            return item, f"Name:         {item.identity.name}\nKind:         {item.identity.kind}\nNot in the cluster.\n"
        learn([live])
        if item.identity.kind == "Pod":  # Its events may quote what it has said.
            from rules.k8s.tools.live_secrets import LiveSecrets

            LiveSecrets(client, (), learn).learn([live])
        return item, describe_object(live, events_of(client, live))

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


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    more = f" and {len(names) - 3} more are" if len(names) > 3 else (" are" if len(names) > 1 else " is")
    return shown + more
