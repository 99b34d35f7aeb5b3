"""The deletion of objects: dependents first, each only if it is this stack's own, waiting until everything is gone.

Kinds in which others keep data (DATA_KINDS) are deleted last, and only if asked for. Every object that was to go has a result:
it is gone, it is kept for a reason that is named, or it failed. What an object that failed depends on is not deleted.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from dataclasses import replace

from rules.k8s.tools.api.client import METADATA_LIST, METADATA_ONLY, Client, WriteFence
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.finalizers import read_finalizers
from rules.k8s.tools.api.informer import Collection, Informer
from rules.k8s.tools.api.item import Item, Result, attempt, error_sentence, failed
from rules.k8s.tools.deletion.delete_request import delete_object
from rules.k8s.tools.deletion.ordering import DependencyOrder, Graph, reversed_graph
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.kinds import DATA_KINDS, WITH_PODS
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.readiness.pods import PodIndex
from rules.k8s.tools.stack.ownership import Ownership

_PODS = Resource("v1", "Pod", "pods", True)
_CLAIMS = Resource("v1", "PersistentVolumeClaim", "persistentvolumeclaims", True)


class Deleter:
    """Deletes objects.

    Args:
        client: the API server.
        executor: for deleting in parallel.
        report: called with each result.
        ownership: what is the stack's own.
        data: also delete DATA_KINDS, and the claims that StatefulSets among the objects created.
        timeout: seconds until everything must be gone.
        each: the timeout is for each level of dependencies, because a deep stack takes longer than a flat one.
        fence: entered around every request that deletes.
        why: why an object is deleted, for the report; "" when that is obvious.
    """

    def __init__(
        self,
        client: Client,
        executor: Executor,
        report: Callable[[Result], None],
        *,
        ownership: Ownership,
        data: bool = False,
        timeout: float = 120.0,
        each: bool = False,
        fence: WriteFence = nullcontext,
        why: str = "",
    ) -> None:
        self._client = client
        self._executor = executor
        self._report = report
        self._ownership = ownership
        self._data = data
        self._timeout = timeout
        self._each = each
        self._fence = fence
        self._why = why
        self._deadline = 0.0
        self._seen: dict[Identity, Object | None] = {}
        self._staying: dict[Identity, str] = {}

    def refusals(self, items: Iterable[Item]) -> list[str]:
        """Returns a sentence for each object that the server would refuse to delete, by a dry run.

        `remove` does not read these objects again: it deletes each on the condition that it has not changed since.
        """

        def one(item: Item) -> str:
            try:
                live = self._seen[item.identity] = self._read(item)
                if live and (reason := self.reason_to_keep(item, live)):
                    self._staying[item.identity] = reason
                elif live:
                    delete_object(self._client, item, live["metadata"]["uid"], dry=True)
            except ApiError as error:
                return error_sentence(item, error)
            return ""

        return [text for text in self._executor.map(one, items) if text]

    def reason_it_stays(self, identity: Identity) -> str:
        """Returns why an object that `refusals` has read and nothing has deleted stays; "" if it is gone or unknown."""
        return self._staying.get(identity, "")

    def has_work(self, items: Iterable[Item]) -> bool:
        """Returns whether `remove` would delete one of the objects that `refusals` has read, or find that it is gone or has another owner."""
        return any(
            live is None or not self.reason_to_keep(item, live) or self.reason_to_forget(item, live)
            for item in items
            for live in [self._seen.get(item.identity)]
        )

    def reason_to_keep(self, item: Item, live: Object) -> str:
        """Returns why an object must not be deleted, "" if it can be.

        Args:
            item: the object.
            live: its live object: a whole StatefulSet; of others the metadata suffice.
        """
        if item.identity.kind in DATA_KINDS and not self._data:
            return "may hold data of others; delete it with '-- --delete-data'"
        if _takes_claims_along(item, live) and not self._data:
            return "would delete its claims (persistentVolumeClaimRetentionPolicy.whenDeleted is Delete); delete both with '-- --delete-data'"
        return self.reason_to_forget(item, live)

    def reason_to_forget(self, item: Item, live: Object) -> str:
        """Returns why an object is not this stack's, so that no run will ever delete it; "" if it is."""
        return self._ownership.foreign_reason(item, live)

    def remove(self, items: Iterable[Item], graph: Graph) -> list[Result]:
        """Deletes objects and waits until they are gone.

        Args:
            items: the objects, dependencies first.
            graph: of their targets. Objects that others depend on are deleted once the others are gone.

        Returns:
            A result for each, dependents first.
        """
        self._deadline = time.monotonic() + self._timeout
        items = list(items)[::-1]
        results: dict[Identity, Result] = {}
        parts: dict[str, list[Item]] = {}
        for item in items:
            if item.identity.kind not in DATA_KINDS:
                parts.setdefault(item.label, []).append(item)
        self._remove_in_order(parts, graph, results)
        self._remove_claims(
            [results[item.identity].item for item in items if item.identity.kind == "StatefulSet" and results[item.identity].outcome == "deleted"], results
        )
        for kind in DATA_KINDS:
            self._remove_together([[item for item in items if item.identity.kind == kind]], results)
        return list(results.values())

    def _remove_in_order(self, parts: Mapping[str, list[Item]], graph: Graph, results: dict[Identity, Result]) -> None:
        """Deletes the objects of each target once those of all its dependents, and their pods, are gone."""
        whole = dict.fromkeys(parts, ()) | {label: tuple(deps) for label, deps in graph.items()}
        order = DependencyOrder(reversed_graph(whole), parts)
        for label in whole.keys() - parts.keys():
            order.mark_ready(label)  # It has nothing to delete; its own dependents are waited for all the same.
        remaining: dict[str, str] = {}
        while level := order.take_startable():
            self._deadline = time.monotonic() + self._timeout if self._each else self._deadline
            gone = self._remove_together([parts[label] for label in level], results)
            last = not any(order.waiting().values())
            running = {
                item.label: f"{item.identity} of {item.label} has pods that are" for item in self._wait_for_pods([] if last and not self._data else gone)
            }
            for label in level:
                failed = (f"{item.identity} of {label} is" for item in parts[label] if results[item.identity].outcome == "failed")
                stays = next(failed, "") or running.get(label, "")
                if stays:
                    remaining[label] = stays
                else:
                    order.mark_ready(label)
        for label, dependents in order.waiting().items():
            cause = next(dependent for dependent in sorted(dependents) if dependent in remaining)
            for item in parts[label]:
                results[item.identity] = Result(
                    item,
                    "failed",
                    error=f"{label}: {item.identity} was not deleted, because {cause} depends on it and {remaining[cause]} still there. "
                    "Correct that and run the command again.",
                )

    def _remove_together(self, groups: list[list[Item]], results: dict[Identity, Result]) -> list[Item]:
        """Deletes groups of objects one after the other and waits until all are gone; returns those that are gone."""
        items = [item for group in groups for item in group]
        lives = dict(zip([item.identity for item in items], self._executor.map(self._examine, items), strict=False))
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

    def _examine(self, item: Item) -> Result:
        """Returns what is known before anything is sent: absent, kept or failed; deleted for objects to delete."""
        try:
            live = self._seen[item.identity] if item.identity in self._seen else self._read(item)
        except ApiError as error:
            return failed(item, error)
        if live is None:
            return Result(item, "absent")
        if _needs_spec(item):
            item = replace(item, obj={**item.obj, "spec": live.get("spec") or {}})
        kept = self.reason_to_keep(item, live)
        return Result(item, "kept" if kept else "deleted", live, kept or self._why)

    def _send(self, item: Item, examined: Result) -> Result:
        """Deletes an object that `_examine` found to be deletable; the result has `live` as long as the object is not gone."""
        if examined.outcome != "deleted" or examined.live is None:
            return examined
        live = examined.live
        return attempt(item, lambda: self._delete_unless_changed(examined, live))

    def _delete_unless_changed(self, examined: Result, live: Object) -> Result:
        item = examined.item
        seen = self._seen.pop(item.identity, None)
        try:
            gone = self._delete(item, live, version=live["metadata"]["resourceVersion"] if seen else "")
        except ApiError as error:
            if error.status != 409 or not seen:
                raise
            # Somebody has changed it since `refusals` read it: its present state decides.
            examined = self._examine(item)
            if examined.outcome != "deleted" or examined.live is None:
                return examined
            live = examined.live
            gone = self._delete(item, live)
        return Result(item, "deleted", None if gone else live, examined.error)

    def _settled(self, sent: list[Result]) -> Iterator[Result]:
        """Yields a result for each object: at once if it is known, and once the object is gone if it is terminating."""
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
        failure = ""
        with self._watching(collections) as informer:
            version = -1
            while going and not failure:
                late = time.monotonic() > self._deadline
                for result in [result for result in going.values() if _is_gone(informer, result)]:
                    del going[result.item.identity]
                    yield Result(result.item, "deleted", error=result.error)
                if late or not going:
                    break
                try:
                    version = informer.wait(version, min(1.0, max(0.01, self._deadline - time.monotonic())))
                except UnreachableError:
                    raise
                except TurnupError as error:
                    failure = str(error)
        for result in going.values():
            if not failure and self._is_gone_now(result):
                yield Result(result.item, "deleted", error=result.error)
                continue
            held = "" if failure else read_finalizers(self._client, result.item.path)
            yield Result(
                result.item,
                "failed",
                error=failure
                or f"{result.item.label}: {result.item.identity} is still terminating"
                + (f" ({held}); look at the controllers of these finalizers." if held else "; run the same command again."),
            )

    def _is_gone_now(self, result: Result) -> bool:
        """Returns whether an object that the watch has not seen go is gone: the time may have been up before its first answer."""
        try:
            live = self._client.get_or_none(result.item.path, accept=METADATA_ONLY)
        except ApiError:
            return False
        return live is None or bool(result.live and live["metadata"]["uid"] != result.live["metadata"]["uid"])

    @contextmanager
    def _watching(self, collections: Mapping[Collection, Iterable[str]]) -> Iterator[Informer]:
        """Watches collections: however long a deletion takes, it costs a request or two."""
        # A watch occupies its connection: a separate client has one connection for each.
        informer = Informer(Client(self._client.connection, connections=len(collections) + 2), collections)
        informer.start()
        try:
            yield informer
        finally:
            informer.stop()

    def _read(self, item: Item) -> Object | None:
        return self._client.get_or_none(item.path, accept="application/json" if _is_read_whole(item) else METADATA_ONLY)

    def _delete(self, item: Item, live: Object, version: str = "") -> bool:
        return delete_object(self._client, item, live["metadata"]["uid"], version=version, fence=self._fence)

    def _wait_for_pods(self, gone: list[Item]) -> list[Item]:
        """Waits until the pods of deleted workloads are gone too, because running pods still use their dependencies.

        Returns:
            The workloads with pods that are still there after the timeout.
        """
        workloads = [item for item in gone if item.identity.kind in WITH_PODS and "spec" in item.obj]
        # No names to read one by one: an account that may not list pods finds none and does not wait.
        namespaces: dict[Collection, list[str]] = {(_PODS, item.identity.namespace): [] for item in workloads}
        if not workloads:
            return []
        with self._watching(namespaces) as informer:
            version = -1
            while time.monotonic() < self._deadline:
                if informer.complete:
                    pods = PodIndex(informer.all("Pod"))
                    workloads = [item for item in workloads if pods.of(item.obj)]
                    if not workloads:
                        return []
                try:
                    version = informer.wait(version, min(1.0, max(0.01, self._deadline - time.monotonic())))
                except UnreachableError:
                    raise
                except TurnupError:
                    return []
            return workloads if informer.complete else []

    def _remove_claims(self, sets: list[Item], results: dict[Identity, Result]) -> None:
        """Deletes the claims that deleted StatefulSets created from their templates, if the run deletes data."""
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
        items = [
            Item(made_by.label, obj, _CLAIMS, Identity("", "PersistentVolumeClaim", made_by.identity.namespace, obj["metadata"]["name"]))
            for made_by, obj in claims
        ]
        for result in self._settled(list(self._executor.map(lambda item: self._send(item, Result(item, "deleted", item.obj)), items))):
            self._report(result)
            results[result.item.identity] = result


def _seen(informer: Informer, item: Item) -> Object | None:
    return informer.get((item.resource.api_version, item.resource.kind, item.identity.namespace, item.identity.name))


def _is_gone(informer: Informer, sent: Result) -> bool:
    """Returns whether an informer shows that a deleted object is gone, or another one has its name."""
    live = _seen(informer, sent.item)
    return informer.complete and (live is None or sent.live is None or live["metadata"]["uid"] != sent.live["metadata"]["uid"])


def _needs_spec(item: Item) -> bool:
    """Returns whether only the cluster knows an object's pods and claims: what left a stack comes without its manifest."""
    return item.identity.kind in WITH_PODS and "spec" not in item.obj


def _is_read_whole(item: Item) -> bool:
    """Returns whether the deletion needs more than the metadata of a live object."""
    return _needs_spec(item) or _is_stateful(item)


def _is_stateful(item: Item) -> bool:
    return (item.identity.group, item.identity.kind) == ("apps", "StatefulSet")


def _takes_claims_along(item: Item, live: Object) -> bool:
    """Returns whether the cluster deletes the claims of a StatefulSet with it. The live object decides, not the manifest."""
    policy = (live.get("spec") or {}).get("persistentVolumeClaimRetentionPolicy") or {}
    return _is_stateful(item) and policy.get("whenDeleted") == "Delete"
