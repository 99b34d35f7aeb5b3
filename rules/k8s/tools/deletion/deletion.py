"""Deleting objects: dependents first, each only when it is what this stack made, and waiting until all is gone.

Kinds in which others keep data (DATA_KINDS) are deleted last, and only when that is asked for.
"""

from __future__ import annotations

import re
import time
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Callable, Iterable, Iterator, Mapping

from rules.k8s.tools.api.api_errors import explain
from rules.k8s.tools.api.client import METADATA_LIST, METADATA_ONLY, Client, WriteFence
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.field_ownership import describe_creator
from rules.k8s.tools.api.finalizers import read_finalizers
from rules.k8s.tools.api.informer import Collection, Informer
from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.deletion.ordering import Graph, Order, reversed_graph
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.kinds import DATA_KINDS, WITH_PODS
from rules.k8s.tools.objects.objects import Identity, Object, owner
from rules.k8s.tools.readiness.pods import PodIndex

_PODS = Resource("v1", "Pod", "pods", True)
_CLAIMS = Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims", True)


class Deleter:
    """Deletes objects.

    Args:
        client: the API server.
        executor: for deleting in parallel.
        report: called with each result.
        data: delete DATA_KINDS, too, and the claims that StatefulSets among the objects made.
        uids: what is to be deleted, where that is known: identity → UID. Another object under the same name stays.
        patience: seconds to wait until everything is gone.
        permit: entered around every request that deletes.
        why: why an object is deleted, for the report; "" when that goes without saying.
    """

    def __init__(self, client: Client, executor: Executor, report: Callable[[Result], None], *, data: bool = False,
                 uids: Mapping[Identity, str] | None = None, patience: float = 120.0, fence: WriteFence = nullcontext,
                 why: str = ""):
        self._client = client
        self._executor = executor
        self._report = report
        self._data = data
        self._uids = uids or {}
        self._patience = patience
        self._permit = fence
        self._why = why
        self._deadline = 0.0
        self._seen: dict[Identity, Object | None] = {}

    def refusals(self, items: Iterable[Item]) -> list[str]:
        """Returns a sentence for each object that would not be allowed to be deleted, by a dry run.

        `remove` does not ask for these objects again: each is deleted on the condition that it is still what was seen here.
        """

        def one(item: Item) -> str:
            try:
                live = self._seen[item.identity] = self._live(item)
                if live and not self.reason_to_keep(item, live):
                    delete_object(self._client, item, live["metadata"]["uid"], dry=True)
            except ApiError as error:
                return explain(error, item.label, item.identity)
            return ""

        return [text for text in self._executor.map(one, items) if text]

    def has_work(self, items: Iterable[Item]) -> bool:
        """Says whether `remove` would delete one of the objects that `refusals` has seen, or find it gone or another's."""
        return any(live is None or not self.reason_to_keep(item, live) or self.reason_to_forget(item, live)
                   for item in items for live in [self._seen.get(item.identity)])

    def reason_to_keep(self, item: Item, live: Object) -> str:
        """Says why an object is not to be deleted, "" when it is.

        Args:
            item: the object.
            live: its live object; of a StatefulSet the whole one, of others the metadata will do.
        """
        if item.identity.kind in DATA_KINDS and not self._data:
            return "may hold data of others; delete it with '-- --delete-data'"
        if _takes_claims_along(item, live) and not self._data:
            return "would take its claims along (persistentVolumeClaimRetentionPolicy.whenDeleted is Delete); delete both with '-- --delete-data'"
        return self.reason_to_forget(item, live)

    def reason_to_forget(self, item: Item, live: Object) -> str:
        """Says why an object is none of this stack's, which no run will ever delete; "" when it is."""
        if owner(live) != item.label:
            return f"was made by {owner(live) or describe_creator(live)}, not by {item.label}"
        if self._uids.get(item.identity) not in (None, "", live["metadata"]["uid"]):
            return "is not the object that this stack made, but another one under the same name"
        return ""

    def remove(self, items: Iterable[Item], graph: Graph) -> list[Result]:
        """Deletes objects and waits until they are gone.

        Args:
            items: the objects, dependencies first.
            graph: of their targets: those that others depend on are deleted once the others are gone.

        Returns:
            A result for each, dependents first.
        """
        self._deadline = time.monotonic() + self._patience
        items = list(items)[::-1]
        results: dict[Identity, Result] = {}
        parts: dict[str, list[Item]] = {}
        for item in items:
            if item.identity.kind not in DATA_KINDS:
                parts.setdefault(item.label, []).append(item)
        order = Order(reversed_graph({label: () for label in parts} | {label: list(deps) for label, deps in graph.items()}), parts)
        while not order.done:
            level = order.startable()
            if not level:
                break  # A cycle, which no build graph has.
            going = self._remove_together([parts[label] for label in level], results)
            last = not any(order.waiting().values())
            self._wait_for_pods([] if last and not self._data else going)
            for label in level:
                order.written(label)
                order.ready(label)
        self._remove_claims([results[item.identity].item for item in items
                             if item.identity.kind == "StatefulSet" and results[item.identity].outcome == "deleted"], results)
        for kind in DATA_KINDS:
            self._remove_together([[item for item in items if item.identity.kind == kind]], results)
        return list(results.values())

    def _remove_together(self, groups: list[list[Item]], results: dict[Identity, Result]) -> list[Item]:
        """Deletes groups of objects one after the other, and waits until all are gone; returns those that are."""
        items = [item for group in groups for item in group]
        lives = dict(zip([item.identity for item in items], self._executor.map(self._look, items)))
        sent: dict[Identity, Result] = {}
        for group in groups:
            sent |= {result.item.identity: result for result in self._executor.map(lambda item: self._send(item, lives[item.identity]), group)}
        gone = []
        for result in self._settled([sent[item.identity] for item in items]):
            self._report(result)
            results[result.item.identity] = result
            if result.outcome == "deleted":
                gone.append(result.item)
        return gone

    def _look(self, item: Item) -> Result:
        """Returns what is decided before anything is sent: absent, kept or failed; deleted for what is to be deleted."""
        try:
            live = self._seen[item.identity] if item.identity in self._seen else self._live(item)
        except ApiError as error:
            return Result(item, "failed", error=explain(error, item.label, item.identity))
        if live is None:
            return Result(item, "absent")
        if _needs_spec(item):
            item = replace(item, obj={**item.obj, "spec": live.get("spec") or {}})
        kept = self.reason_to_keep(item, live)
        return Result(item, "kept" if kept else "deleted", live, kept or self._why)

    def _send(self, item: Item, looked: Result) -> Result:
        """Deletes an object that is to be deleted; keeps `live` in the result while it is not gone yet."""
        if looked.outcome != "deleted" or looked.live is None:
            return looked
        item = looked.item
        try:
            seen = self._seen.pop(item.identity, None)
            try:
                gone = self._delete(item, looked.live, version=looked.live["metadata"]["resourceVersion"] if seen else "")
            except ApiError as error:
                if error.status != 409 or not seen:
                    raise
                # Somebody has changed it since it was seen: what it is now decides.
                looked = self._look(item)
                if looked.outcome != "deleted" or looked.live is None:
                    return looked
                gone = self._delete(item, looked.live)
        except ApiError as error:
            return Result(item, "failed", error=explain(error, item.label, item.identity))
        except UnreachableError:
            raise
        except TurnupError as error:
            return Result(item, "failed", error=str(error))
        return Result(item, "deleted", None if gone else looked.live, looked.error)

    def _settled(self, sent: list[Result]) -> Iterator[Result]:
        """Yields what became of each object: at once of what is decided, of what is still going once it is gone."""
        going: dict[Identity, Result] = {}
        for result in sent:
            if result.outcome == "deleted" and result.live is not None:
                going[result.item.identity] = result
            else:
                yield result
        if not going:
            return
        collections: dict[Collection, list[str]] = {}
        for result in going.values():
            collections.setdefault((result.item.resource, result.item.identity.namespace), []).append(result.item.identity.name)
        trouble = ""
        with self._watching(collections) as informer:
            version = -1
            while going and not trouble:
                late = time.monotonic() > self._deadline
                for result in [result for result in going.values() if _is_gone(informer, result)]:
                    del going[result.item.identity]
                    yield Result(result.item, "deleted", error=result.error)
                if late:
                    break
                try:
                    version = informer.wait(version, min(1.0, max(0.01, self._deadline - time.monotonic())))
                except UnreachableError:
                    raise
                except TurnupError as error:
                    trouble = str(error)
        for result in going.values():
            held = "" if trouble else read_finalizers(self._client, result.item.path)
            yield Result(result.item, "failed", error=trouble or f"{result.item.label}: {result.item.identity} is still being deleted "
                         f"({held or 'finalizers: none'}); look at what holds them.")

    @contextmanager
    def _watching(self, collections: Mapping[Collection, Iterable[str]]) -> Iterator[Informer]:
        """Follows collections: however long something takes to go, it costs a request or two."""
        # Watches keep their connections: they get a client of their own, with one for each.
        informer = Informer(Client(self._client.connection, connections=len(collections) + 2), collections)
        informer.start()
        try:
            yield informer
        finally:
            informer.stop()

    def _live(self, item: Item) -> Object | None:
        try:
            found: Object = self._client.request("GET", item.path, accept="application/json" if _is_read_whole(item) else METADATA_ONLY)[1]
            return found
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def _delete(self, item: Item, live: Object, version: str = "") -> bool:
        return delete_object(self._client, item, live["metadata"]["uid"], version=version, fence=self._permit)

    def _wait_for_pods(self, gone: list[Item]) -> None:
        """Waits until the pods of deleted workloads are gone, too: until then they use what they depend on."""
        workloads = [item for item in gone if item.identity.kind in WITH_PODS and "spec" in item.obj]
        # Without a name to read, who may not see pods finds none, and does not wait for them.
        places: dict[Collection, list[str]] = {(_PODS, item.identity.namespace): [] for item in workloads}
        if not workloads:
            return
        with self._watching(places) as informer:
            version = -1
            while time.monotonic() < self._deadline:
                if informer.complete:
                    pods = PodIndex(informer.all("Pod"))
                    workloads = [item for item in workloads if pods.of(item.obj)]
                    if not workloads:
                        return
                try:
                    version = informer.wait(version, min(1.0, max(0.01, self._deadline - time.monotonic())))
                except UnreachableError:
                    raise
                except TurnupError:
                    return

    def _remove_claims(self, sets: list[Item], results: dict[Identity, Result]) -> None:
        """Deletes the claims that deleted StatefulSets made from their templates, when data is to be deleted."""
        claims = []
        for item in sets if self._data else ():
            spec = item.obj.get("spec") or {}
            stems = [template["metadata"]["name"] for template in spec.get("volumeClaimTemplates") or []]
            wanted = re.compile(f"(?:{'|'.join(map(re.escape, stems))})-{re.escape(item.identity.name)}-[0-9]+")
            labels = (spec.get("selector") or {}).get("matchLabels") or {}
            if not stems or not labels:
                continue
            selector = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
            found = self._client.request("GET", _CLAIMS.path(item.identity.namespace), query={"labelSelector": selector}, accept=METADATA_LIST)[1]
            claims += [(item, obj) for obj in found.get("items") or [] if wanted.fullmatch(obj["metadata"]["name"])]
        items = [Item(made_by.label, obj, _CLAIMS, Identity("", "PersistentVolumeClaim", made_by.identity.namespace, obj["metadata"]["name"]))
                 for made_by, obj in claims]
        for result in self._settled(list(self._executor.map(lambda item: self._send(item, Result(item, "deleted", item.obj)), items))):
            self._report(result)
            results[result.item.identity] = result


def _seen(informer: Informer, item: Item) -> Object | None:
    return informer.get((item.resource.api_version, item.resource.kind, item.identity.namespace, item.identity.name))


def _is_gone(informer: Informer, sent: Result) -> bool:
    """Says whether a mirror shows that a deleted object is gone, or another one has its name."""
    live = _seen(informer, sent.item)
    return informer.complete and (live is None or sent.live is None or live["metadata"]["uid"] != sent.live["metadata"]["uid"])


def delete_object(client: Client, item: Item, uid: str, *, version: str = "", propagation: str = "Background", dry: bool = False,
                  fence: WriteFence = nullcontext) -> bool:
    """Deletes an object on the condition that it is what was looked at; says whether it is gone already.

    Args:
        client: the API server.
        item: the object.
        uid: of what was looked at.
        version: the resourceVersion that it must still have; "" for any.
        propagation: what becomes of what it has made: `Background` deletes that, too, `Orphan` does not.
        dry: only ask whether it may be deleted.
        permit: entered around the request.

    Raises:
        ApiError: the server refuses it.
    """
    try:
        # The server reads the options of a delete from the body alone; in the query it is for the audit log.
        answer: Any = client.request("DELETE", item.path, query={"dryRun": "All" if dry else None}, fence=fence, body={
            "kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation,
            "preconditions": {"uid": uid} | ({"resourceVersion": version} if version else {}), **({"dryRun": ["All"]} if dry else {})})[1]
    except ApiError as error:
        if error.status == 404 or (error.status == 409 and "UID in precondition" in error.message):
            return True
        raise
    return bool(answer.get("kind") == "Status")


def _needs_spec(item: Item) -> bool:
    """Says whether an object's pods and claims are known only to the cluster: what left a stack comes without its manifest."""
    return item.identity.kind in WITH_PODS and "spec" not in item.obj


def _is_read_whole(item: Item) -> bool:
    """Says whether more than the metadata of a live object is of interest."""
    return _needs_spec(item) or _is_stateful(item)


def _is_stateful(item: Item) -> bool:
    return (item.identity.group, item.identity.kind) == ("apps", "StatefulSet")


def _takes_claims_along(item: Item, live: Object) -> bool:
    """Says whether the cluster deletes the claims of a StatefulSet together with it, as the live one says, whatever the manifest does."""
    policy = (live.get("spec") or {}).get("persistentVolumeClaimRetentionPolicy") or {}
    return _is_stateful(item) and policy.get("whenDeleted") == "Delete"
