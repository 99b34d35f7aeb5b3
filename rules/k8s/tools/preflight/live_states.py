"""The live objects of a run's items, listed with one request per kind and namespace."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial

from rules.k8s.tools.api.api_errors import explain
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.objects import Identity, Object, owner
from rules.k8s.tools.preflight.comparison import content_digest, has_empty_list_more, is_applied
from rules.k8s.tools.stack.inventory import PART_OF, Inventory

# This many objects of one kind and namespace are listed instead of read one by one.
_LIST_FROM = 3
_PAGE = 500


@dataclass(frozen=True)
class LiveState:
    """What is known about a live object.

    Attributes:
        meta: the object with its metadata only; None if unknown.
        applied: whether an apply certainly changes nothing.
        digest: the digest of its content; b"" if it is not needed.
        whole: the whole object, if it was asked for.
        has_more: whether it may have an empty list that its manifest no longer has (see comparison.has_empty_list_more).
    """

    meta: Object | None = None
    applied: bool = False
    digest: bytes = b""
    whole: Object | None = None
    has_more: bool = False

    @property
    def version(self) -> str:
        """The resourceVersion; "" if unknown."""
        return str(self.meta["metadata"].get("resourceVersion") or "") if self.meta else ""


UNKNOWN = LiveState()


class LiveStates:
    """Reads live objects, and keeps of them only what the comparison needs: a thousand objects take a lot of memory.

    Args:
        client: client of the API server.
        inventory: the stack's inventory, with the labels by which its objects are listed.
        keep: returns whether the whole object is needed.
    """

    def __init__(self, client: Client, inventory: Inventory, keep: Callable[[Item, Object], bool]) -> None:
        self._client = client
        self._inventory = inventory
        self._keep = keep

    def read_all(self, items: list[Item], executor: Executor) -> dict[Identity, LiveState]:
        """Returns what is known about the items' live objects after one request per kind and namespace."""
        collections: dict[tuple[Resource, str], dict[str, Item]] = {}
        for item in items:
            collections.setdefault((item.resource, item.identity.namespace), {})[item.identity.name] = item
        questions: list[Callable[[], dict[Identity, LiveState]]] = []
        for (resource, namespace), wanted in collections.items():
            if len(wanted) >= _LIST_FROM:
                questions.append(partial(self._list, resource, namespace, wanted))
            else:
                questions += [partial(self._read, item) for item in wanted.values()]
        return {identity: live for answer in executor.map(lambda question: question(), questions) for identity, live in answer.items()}

    def state_of(self, item: Item, obj: Object) -> LiveState:
        """Returns what is kept of a whole live object."""
        # Items of a list have neither apiVersion nor kind.
        obj = {"apiVersion": item.resource.api_version, "kind": item.resource.kind, **obj}
        meta = obj["metadata"]
        if owner(obj) == item.label and is_applied(item.obj, obj):
            return LiveState({"metadata": {key: meta.get(key) for key in ("uid", "resourceVersion")}}, applied=True)
        whole = obj if self._keep(item, obj) else None
        return LiveState({"metadata": meta}, digest=content_digest(obj), whole=whole, has_more=has_empty_list_more(item.obj, obj))

    def _list(self, resource: Resource, namespace: str, wanted: Mapping[str, Item]) -> dict[Identity, LiveState]:
        result: dict[Identity, LiveState] = {}
        selector = f"{PART_OF} in ({','.join(self._inventory.ids)})"
        after = None
        while True:
            try:
                page = self._client.request("GET", resource.path(namespace), query={"labelSelector": selector, "limit": _PAGE, "continue": after})[1]
            except ApiError as error:
                if error.status in (403, 404, 405, 410):
                    return result  # Objects that cannot be listed are tried one by one.
                raise
            for obj in page.get("items") or []:
                item = wanted.get(obj["metadata"]["name"])
                if item:
                    result[item.identity] = self.state_of(item, obj)
            after = (page.get("metadata") or {}).get("continue")
            if not after:
                return result

    def _read(self, item: Item) -> dict[Identity, LiveState]:
        try:
            return {item.identity: self.state_of(item, self._client.request("GET", item.path)[1])}
        except ApiError as error:
            if error.status in (403, 404, 405):
                return {}
            raise TurnupError(explain(error, item.label, item.identity)) from None
