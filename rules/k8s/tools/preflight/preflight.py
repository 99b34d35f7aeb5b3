"""Everything that can be known before the first write: what an apply would do to each object, and what would be refused.

1. Objects of the stack are listed, one request for each kind and namespace. What comparing.py finds applied needs no
   further request.
2. Every other object is sent as a dry run: the server checks schema, admission, rights and immutable fields, and tells
   by the time in managedFields whether an apply would change anything.
3. What cannot be tried because its namespace is made by the same run is tried as a new object in `default`; one whose
   definition is made by the same run is not tried. Both are checked for the rights that they need.

All that is wrong is reported together, and then nothing is written.
"""

from __future__ import annotations

import datetime
from concurrent.futures import Executor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Iterable, Mapping

from rules.k8s.tools.api.api_errors import explain, words
from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, METADATA_ONLY, Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.field_ownership import conflicts, merged_managers
from rules.k8s.tools.api.item import Item, live_metadata
from rules.k8s.tools.api.webhooks import Starting, called
from rules.k8s.tools.deletion import recreation
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.objects import Identity, Object, owner
from rules.k8s.tools.preflight.comparison import is_applied
from rules.k8s.tools.preflight.limits import check_quotas, check_rights
from rules.k8s.tools.preflight.planned_objects import PlannedObjects
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict, foreign_owner_sentence, is_foreign, is_terminating
from rules.k8s.tools.stack.inventory import PART_OF, Inventory

# From this many objects of one kind and namespace on, they are listed and not read one by one.
_LIST_FROM = 3
_PAGE = 500
# A change carries the server's time of now, with whole seconds; what was applied this long ago is told by its time alone.
_RECENT = datetime.timedelta(seconds=10)
_WHOLE = "application/json"
_PARTIAL = "PartialObjectMetadata"


def recreated(client: Client, item: Item, live: Object, error: ApiError) -> Verdict | Refusal:
    """Says whether what the server does not let become an item may be deleted, and the item made instead.

    Args:
        client: the API server.
        item: what asks for it (recreation.is_wanted).
        live: metadata of the live object, which is the stack's own, as an object.
        error: what the server says of the change.
    """
    try:
        recreation.check(client, item)
    except ApiError as other:
        # Refused as a new object, too: then what is wrong is no field that cannot be changed.
        return Refusal(item, explain(error if other.status == 422 else other, item.label, item.identity))
    except UnreachableError:
        raise
    except TurnupError as other:
        return Refusal(item, str(other))
    return Verdict(item, "replaced", live, reason=words(error, item.identity))


class Preflight:
    """Checks the items of a run.

    Args:
        client: the API server.
        planned: what the run makes, for what cannot be tried yet.
        inventory: what the stack has, and the labels by which its objects can be listed.
        force: take fields over from other field managers.
        adopt: take objects over that somebody else has made.
        going_back: the items are those of an older set; what a live object has in annotations holds for its item, too.
        create: only find out what is there already, whoever made it: a verdict with `live`. The others are tried.
    """

    def __init__(self, client: Client, planned: PlannedObjects, inventory: Inventory, *, force: bool = False, adopt: bool = False,
                 create: bool = False, going_back: bool = False):
        self._client = client
        self._surroundings = planned
        self._inventory = inventory
        self._force = force
        self._adopt = adopt
        self._create = create
        self._going_back = going_back
        self._since = _moment(client.date)
        self._absent: set[str] = set()
        self._starting = Starting(client, planned.services)

    def check(self, items: Iterable[Item], executor: Executor) -> list[Verdict | Refusal]:
        """Returns what would become of each item, in the items' order."""
        items = list(items)
        known = self._live_states(items, executor)
        asked = [item for item in items if not known.get(item.identity, _UNKNOWN).applied]
        found: dict[Identity, Verdict | Refusal] = {}
        for wave in ([item for item in asked if _is_namespace(item)], [item for item in asked if not _is_namespace(item)]):
            found |= zip([item.identity for item in wave], executor.map(lambda item: self._try(item, known.get(item.identity, _UNKNOWN)), wave))
            self._absent |= {item.identity.name for item in wave if isinstance(each := found[item.identity], Verdict) and each.outcome == "new"
                             and _is_namespace(item)}
        rights = check_rights(self._client, [each.item for each in found.values() if isinstance(each, Verdict) and not each.tried], executor)
        found |= {refusal.item.identity: refusal for refusal in rights}
        new = {each.item.identity for each in found.values() if isinstance(each, Verdict) and each.outcome == "new"}
        places = {each.item.identity.namespace for each in found.values() if not (isinstance(each, Verdict) and each.outcome == "unchanged")}
        found |= {refusal.item.identity: refusal for refusal in check_quotas(
            self._client, [item for item in items if item.identity.namespace in places], new, executor)}
        found |= {item.identity: Refusal(item, sentence) for item in items if (sentence := recreation.refusal(item))}
        return [found.get(item.identity) or Verdict(item, "unchanged", known[item.identity].meta) for item in items]

    # What there is.

    def _live_states(self, items: list[Item], executor: Executor) -> dict[Identity, _Live]:
        """Returns what is known of the items' live objects after one request for each kind and namespace."""
        collections: dict[tuple[Resource, str], dict[str, Item]] = {}
        for item in items:
            collections.setdefault((item.resource, item.identity.namespace), {})[item.identity.name] = item
        questions: list[Callable[[], dict[Identity, _Live]]] = []
        for (resource, namespace), wanted in collections.items():
            if len(wanted) >= _LIST_FROM:
                questions.append(lambda resource=resource, namespace=namespace, wanted=wanted: self._list(resource, namespace, wanted))
            else:
                questions += [lambda item=item: self._read(item) for item in wanted.values()]
        return {identity: live for answer in executor.map(lambda question: question(), questions) for identity, live in answer.items()}

    def _list(self, resource: Resource, namespace: str, wanted: Mapping[str, Item]) -> dict[Identity, _Live]:
        result: dict[Identity, _Live] = {}
        selector = f"{PART_OF} in ({','.join(self._inventory.ids)})"
        after = None
        while True:
            try:
                page = self._client.request("GET", resource.path(namespace), query={
                    "labelSelector": selector, "limit": _PAGE, "continue": after})[1]
            except ApiError as error:
                if error.status in (403, 404, 405, 410):
                    return result  # What was not listed is tried one by one.
                raise
            for obj in page.get("items") or []:
                item = wanted.get(obj["metadata"]["name"])
                if item:
                    result[item.identity] = _live_of(item, obj)
            after = (page.get("metadata") or {}).get("continue")
            if not after:
                return result

    def _read(self, item: Item) -> dict[Identity, _Live]:
        try:
            return {item.identity: _live_of(item, self._client.request("GET", item.path)[1])}
        except ApiError as error:
            if error.status in (403, 404, 405):
                return {}
            raise TurnupError(explain(error, item.label, item.identity)) from None

    # What would become of it.

    def _try(self, item: Item, known: _Live) -> Verdict | Refusal:
        live = known.meta
        if live and is_terminating(live):
            return self._anew(item, live)
        if item.identity.namespace in self._absent:
            return self._stand_in(item)
        if live and self._create:
            return Verdict(item, "changed", live)
        try:
            if live and self._is_foreign(item, live):
                return self._foreign(item, live)
            whole = live is not None and self._is_recent(_applied_at(live))
            answer = self._dry_run(item, force=self._force, accept=_WHOLE if whole else METADATA_ONLY)
            if not answer["metadata"].get("resourceVersion"):
                return Verdict(item, "new")
            if is_terminating(answer):
                return self._anew(item, answer)
            if self._create:
                return Verdict(item, "changed", answer)
            if live is None:
                live = self._client.request("GET", item.path, accept=METADATA_ONLY)[1]
                if self._is_foreign(item, live):
                    return Refusal(item, foreign_owner_sentence(item, live, force=self._force))
            return Verdict(item, "changed" if self._would_change(item, live, answer) else "unchanged", live)
        except ApiError as error:
            return self._refused(item, live, error)
        except UnreachableError:
            raise
        except TurnupError as error:
            return Refusal(item, str(error))

    def _dry_run(self, item: Item, *, force: bool, accept: str = METADATA_ONLY) -> Object:
        answer: Any = self._client.request(
            "PATCH", item.path, body=item.obj, content_type=APPLY_PATCH, accept=accept,
            query={"fieldManager": FIELD_MANAGER, "dryRun": "All", "fieldValidation": "Strict", "force": "true" if force else None})[1]
        return answer

    def _refused(self, item: Item, live: Object | None, error: ApiError) -> Verdict | Refusal:
        if live is None and (self._create or error.status in (409, 422)):
            # A list by label does not have it: it may be somebody else's, or be on its way out.
            live = live_metadata(self._client, item)
            if live and is_terminating(live):
                return self._anew(item, live)
            if live and self._create:
                return Verdict(item, "changed", live)
            if live and self._is_foreign(item, live):
                return Refusal(item, self._foreign_sentence(item, live, error))
        if self._is_early(error, item):
            return self._stand_in(item)
        if error.status == 400 and "dry run" in error.message:
            return Verdict(item, "untried", live, tried=False)  # An admission webhook that cannot be asked without effect.
        if live and merged_managers(live) and error.status == 422:
            # What .replace set stands beside what is applied, until the write makes it ours: a dry run cannot do that.
            return Verdict(item, "changed", live, tried=False)
        taken = conflicts(error)
        if taken and not self._force and {manager for manager, _ in taken} == {FIELD_MANAGER}:
            # What .replace set; the write makes it ours (see ownership.merged_managers). Everything else is checked here.
            try:
                self._dry_run(item, force=True)
            except ApiError as other:
                if other.status != 422 or not live or not merged_managers(live):
                    return Refusal(item, explain(other, item.label, item.identity))
            return Verdict(item, "changed", live)
        if error.status == 422 and live and (recreation.is_wanted(item) or (self._going_back and recreation.is_asked_by(item, live))):
            if owner(live) in (item.label, *self._surroundings.labels):
                return recreated(self._client, item, live, error)
        if taken and self._adopt:
            return Refusal(item, explain(error, item.label, item.identity, take="--adopt --force-conflicts"))
        return Refusal(item, explain(error, item.label, item.identity))

    def _is_foreign(self, item: Item, live: Object) -> bool:
        return not self._adopt and is_foreign(item, live, self._surroundings.labels, self._inventory)

    def _foreign(self, item: Item, live: Object) -> Refusal:
        """Refuses what somebody else has made; says at once what else stands in the way of taking it over."""
        try:
            self._dry_run(item, force=False)
        except ApiError as error:
            return Refusal(item, self._foreign_sentence(item, live, error))
        return Refusal(item, foreign_owner_sentence(item, live))

    def _foreign_sentence(self, item: Item, live: Object, error: ApiError) -> str:
        taken = conflicts(error)
        return foreign_owner_sentence(item, live, force=self._force or bool(taken), fields=", ".join(field for _, field in taken))

    def _anew(self, item: Item, live: Object) -> Verdict | Refusal:
        """Tries an object whose name one has that is being deleted: what the server would make of that one says nothing."""
        try:
            recreation.check_new(self._client, item)
        except ApiError as error:
            if not self._is_early(error, item):
                return Refusal(item, explain(error, item.label, item.identity))
        return Verdict(item, "terminating", live)

    def _is_early(self, error: ApiError, item: Item) -> bool:
        """Says whether a refusal may pass by itself; that of a webhook only where it is about to run."""
        hook = called(error.message) if error.status >= 500 else None
        return self._surroundings.is_early(error, item) and (hook is None or hook in self._starting)

    def _stand_in(self, item: Item) -> Verdict | Refusal:
        """Tries an object whose namespace is not there yet as a new one in `default`."""
        certain = item.identity.namespace in self._absent
        if not certain or self._surroundings.makes_kind(item):
            return Verdict(item, "untried", tried=False)
        meta = {key: value for key, value in item.obj["metadata"].items() if key in ("labels", "annotations")}
        body = {**item.obj, "metadata": {**meta, "namespace": "default", "generateName": "turnup-preflight-"}}
        try:
            self._client.request("POST", item.resource.path("default"), body=body, accept=METADATA_ONLY,
                                 query={"fieldManager": FIELD_MANAGER, "dryRun": "All", "fieldValidation": "Strict"})
        except ApiError as error:
            # Only what the object itself is wrong about counts: rights and quotas in `default` say nothing about its own namespace.
            if error.status == 422 or (error.status in (400, 500) and "strict decoding error" in error.message):
                return Refusal(item, explain(error, item.label, item.identity))
        return Verdict(item, "new", None, tried=False)

    def _would_change(self, item: Item, live: Object, answer: Object) -> bool:
        """Says whether a dry run changed something, by the time that it put into managedFields."""
        if merged_managers(live):
            return True
        before, after = _applied_at(live), _applied_at(answer)
        if after is None or before is None or after != before:
            return True
        if not self._is_recent(after):
            return False
        # Both in the same moment: the whole objects tell.
        if answer.get("kind") == _PARTIAL:
            answer = self._dry_run(item, force=self._force, accept=_WHOLE)
        return _content(self._client.request("GET", item.path)[1]) != _content(answer)

    def _is_recent(self, applied: datetime.datetime | None) -> bool:
        """Says whether a dry run of now may carry the same time as what was applied."""
        return applied is not None and (self._since is None or applied >= self._since - _RECENT)


@dataclass(frozen=True)
class _Live:
    """What is known of a live object: its metadata, and whether it is certain that an apply changes nothing."""

    meta: Object | None = None
    applied: bool = False


_UNKNOWN = _Live()


def _live_of(item: Item, obj: Object) -> _Live:
    applied = owner(obj) == item.label and is_applied(item.obj, obj)
    meta = obj["metadata"]
    # The rest of the object is not kept: a thousand of them would take a lot of memory.
    return _Live({"metadata": {key: meta.get(key) for key in ("uid", "resourceVersion")} if applied else meta}, applied)


def _is_namespace(item: Item) -> bool:
    return item.identity.kind == "Namespace" and not item.identity.group


def _moment(date: str | None) -> datetime.datetime | None:
    return parsedate_to_datetime(date) if date else None


def _applied_at(obj: Object) -> datetime.datetime | None:
    """Returns when Turnup last applied an object."""
    for entry in obj["metadata"].get("managedFields") or []:
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply" and entry.get("time"):
            return datetime.datetime.fromisoformat(entry["time"].replace("Z", "+00:00"))
    return None


def _content(obj: Object) -> Object:
    """Returns an object without what every write changes."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
    meta["managedFields"] = [{key: value for key, value in entry.items() if key != "time"} for entry in meta.get("managedFields") or []]
    return {**obj, "metadata": meta}
