"""Preflight: what an apply would do to each object, and what would be refused, before the first write.

1. The stack's objects are listed, with one request per kind and namespace. Objects that an apply would not change (see
   comparison.py) need no further request.
2. All others are sent as dry runs. The server checks schema, admission, permissions and immutable fields. The time in
   managedFields tells whether an apply would change anything.
3. An object in a namespace that the same run creates is tried as a new object in `default`. An object that needs a
   definition of the same run is not tried. Both are checked for permissions.

All refusals are reported together, and then nothing is written.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial

from rules.k8s.tools.api.api_errors import explain, server_message
from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, METADATA_ONLY, Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.field_ownership import conflicts, merged_managers
from rules.k8s.tools.api.item import Item, live_metadata
from rules.k8s.tools.api.webhooks import StartingWebhooks, parse_webhook_failure
from rules.k8s.tools.deletion import recreation
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.objects import Identity, Object, owner
from rules.k8s.tools.preflight.comparison import is_applied
from rules.k8s.tools.preflight.limits import check_rights
from rules.k8s.tools.preflight.owner_check import is_owned_by_others, owner_sentence
from rules.k8s.tools.preflight.planned_objects import PlannedObjects
from rules.k8s.tools.preflight.quota_check import QuotaCheck
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict, is_terminating
from rules.k8s.tools.stack.inventory import PART_OF, Inventory

# This many objects of one kind and namespace are listed instead of read one by one.
_LIST_FROM = 3
_PAGE = 500
# managedFields has whole seconds. If the last apply is older than this, its time alone shows a change.
_RECENT = datetime.timedelta(seconds=10)
_WHOLE_OBJECT = "application/json"
_PARTIAL = "PartialObjectMetadata"


@dataclass(frozen=True)
class _LiveState:
    """What is known about a live object.

    Attributes:
        meta: the object with its metadata only; None if unknown.
        applied: whether an apply certainly changes nothing.
    """

    meta: Object | None = None
    applied: bool = False


_UNKNOWN = _LiveState()


def check_recreation(client: Client, item: Item, live: Object, error: ApiError) -> Verdict | Refusal:
    """Returns the verdict for an item with a refused change that may be recreated instead.

    Args:
        client: client of the API server.
        item: an item that wants this (see recreation.is_wanted).
        live: the live object, which the stack owns, with its metadata only.
        error: the server's refusal of the change.

    Returns:
        The verdict `replaced`; a refusal if the object cannot be recreated either.
    """
    try:
        recreation.check(client, item)
    except ApiError as other:
        # The server refuses the new object, too, so the cause is not an immutable field.
        return Refusal(item, explain(error if other.status == 422 else other, item.label, item.identity))
    except UnreachableError:
        raise
    except TurnupError as other:
        return Refusal(item, str(other))
    return Verdict(item, "replaced", live, reason=server_message(error, item.identity))


class Preflight:
    """The preflight check of a run's items.

    Args:
        client: client of the API server.
        planned: what the run itself creates.
        inventory: the stack's inventory, with the labels by which its objects are listed.
        force: whether to take over fields of other field managers.
        adopt: whether to take over objects of other owners.
        rolling_back: whether the items come from an earlier revision. Then the annotations of a live object count for its item, too.
        create: whether an object that exists, whoever owns it, gets a verdict with `live` and is not tried.
        prune: whether the run deletes what left the stack.
    """

    def __init__(
        self,
        client: Client,
        planned: PlannedObjects,
        inventory: Inventory,
        *,
        force: bool = False,
        adopt: bool = False,
        create: bool = False,
        rolling_back: bool = False,
        prune: bool = False,
    ) -> None:
        self._client = client
        self._planned = planned
        self._inventory = inventory
        self._force = force
        self._adopt = adopt
        self._create = create
        self._rolling_back = rolling_back
        self._prune = prune
        self._since = _moment(client.date)
        self._absent: set[str] = set()
        self._starting = StartingWebhooks(client, planned.services)

    def check(self, items: Iterable[Item], executor: Executor) -> list[Verdict | Refusal]:
        """Checks items.

        Args:
            items: the items.
            executor: runs requests in parallel.

        Returns:
            A verdict or a refusal for each item, in the same order.

        Raises:
            TurnupError: an object cannot be read, or the API server does not answer.
        """
        items = list(items)
        known = self._live_states(items, executor)
        asked = [item for item in items if not known.get(item.identity, _UNKNOWN).applied]
        found: dict[Identity, Verdict | Refusal] = {}
        for wave in ([item for item in asked if _is_namespace(item)], [item for item in asked if not _is_namespace(item)]):
            found |= zip([item.identity for item in wave], executor.map(lambda item: self._try(item, known.get(item.identity, _UNKNOWN)), wave), strict=True)
            self._absent |= {
                item.identity.name for item in wave if isinstance(each := found[item.identity], Verdict) and each.outcome == "new" and _is_namespace(item)
            }
        rights = check_rights(self._client, [each.item for each in found.values() if isinstance(each, Verdict) and not each.tried], executor)
        found |= {refusal.item.identity: refusal for refusal in rights}
        left = (self._inventory.members.keys() - {item.identity for item in items}) if self._prune else frozenset()
        quotas = QuotaCheck(self._client, executor, left, lambda item: self._dry_run(item, force=True, accept=_WHOLE_OBJECT))
        found |= {refusal.item.identity: refusal for refusal in quotas.refusals(items, found)}
        found |= {item.identity: Refusal(item, sentence) for item in items if (sentence := recreation.refusal(item))}
        return [found.get(item.identity) or Verdict(item, "unchanged", known[item.identity].meta) for item in items]

    def _live_states(self, items: list[Item], executor: Executor) -> dict[Identity, _LiveState]:
        """Returns what is known about the items' live objects after one request per kind and namespace."""
        collections: dict[tuple[Resource, str], dict[str, Item]] = {}
        for item in items:
            collections.setdefault((item.resource, item.identity.namespace), {})[item.identity.name] = item
        questions: list[Callable[[], dict[Identity, _LiveState]]] = []
        for (resource, namespace), wanted in collections.items():
            if len(wanted) >= _LIST_FROM:
                questions.append(partial(self._list, resource, namespace, wanted))
            else:
                questions += [partial(self._read, item) for item in wanted.values()]
        return {identity: live for answer in executor.map(lambda question: question(), questions) for identity, live in answer.items()}

    def _list(self, resource: Resource, namespace: str, wanted: Mapping[str, Item]) -> dict[Identity, _LiveState]:
        result: dict[Identity, _LiveState] = {}
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
                    result[item.identity] = _live_state(item, obj)
            after = (page.get("metadata") or {}).get("continue")
            if not after:
                return result

    def _read(self, item: Item) -> dict[Identity, _LiveState]:
        try:
            return {item.identity: _live_state(item, self._client.request("GET", item.path)[1])}
        except ApiError as error:
            if error.status in (403, 404, 405):
                return {}
            raise TurnupError(explain(error, item.label, item.identity)) from None

    def _try(self, item: Item, known: _LiveState) -> Verdict | Refusal:
        live = known.meta
        if live and is_terminating(live):
            return self._check_terminating(item, live)
        if item.identity.namespace in self._absent:
            return self._stand_in(item)
        if live and self._create:
            return Verdict(item, "changed", live)
        try:
            if live and self._is_owned_by_others(item, live):
                return self._refuse_owner(item, live)
            whole = live is not None and self._is_recent(_applied_at(live))
            answer = self._dry_run(item, force=self._force, accept=_WHOLE_OBJECT if whole else METADATA_ONLY)
            if not answer["metadata"].get("resourceVersion"):
                return Verdict(item, "new")
            if is_terminating(answer):
                return self._check_terminating(item, answer)
            if self._create:
                return Verdict(item, "changed", answer)
            if live is None:
                live = self._client.request("GET", item.path, accept=METADATA_ONLY)[1]
                if self._is_owned_by_others(item, live):
                    return Refusal(item, owner_sentence(item, live, force=self._force))
            return Verdict(item, "changed" if self._would_change(item, live, answer) else "unchanged", live)
        except ApiError as error:
            return self._refused(item, live, error)
        except UnreachableError:
            raise
        except TurnupError as error:
            return Refusal(item, str(error))

    def _dry_run(self, item: Item, *, force: bool, accept: str = METADATA_ONLY) -> Object:
        answer: Object = self._client.request(
            "PATCH",
            item.path,
            body=item.obj,
            content_type=APPLY_PATCH,
            accept=accept,
            query={"fieldManager": FIELD_MANAGER, "dryRun": "All", "fieldValidation": "Strict", "force": "true" if force else None},
        )[1]
        return answer

    def _refused(self, item: Item, live: Object | None, error: ApiError) -> Verdict | Refusal:
        if live is None and (self._create or error.status in (409, 422)):
            # The object was not in the list by label: someone else may own it, or it may be terminating.
            live = live_metadata(self._client, item)
            if live and is_terminating(live):
                return self._check_terminating(item, live)
            if live and self._create:
                return Verdict(item, "changed", live)
            if live and self._is_owned_by_others(item, live):
                return Refusal(item, self._owner_sentence(item, live, error))
        if self._may_succeed_later(error, item):
            return self._stand_in(item)
        if error.status == 400 and "dry run" in error.message:
            return Verdict(item, "untried", live, tried=False)  # An admission webhook has side effects, so it does not support dry runs.
        if live and merged_managers(live) and error.status == 422:
            # Fields that .replace set are still a separate entry. The write merges it; a dry run cannot.
            return Verdict(item, "changed", live, tried=False)
        conflicting = conflicts(error)
        if conflicting and not self._force and {manager for manager, _ in conflicting} == {FIELD_MANAGER}:
            # The conflict is with our own .replace. The write merges it (see merged_managers); the rest is checked here.
            try:
                self._dry_run(item, force=True)
            except ApiError as other:
                if other.status != 422 or not live or not merged_managers(live):
                    return Refusal(item, explain(other, item.label, item.identity))
            return Verdict(item, "changed", live)
        if (
            error.status == 422
            and live
            and not is_owned_by_others(item, live, self._planned.labels, self._inventory)
            and (recreation.is_wanted(item) or (self._rolling_back and recreation.is_asked_by(item, live)))
        ):
            return check_recreation(self._client, item, live, error)
        if conflicting and self._adopt:
            return Refusal(item, explain(error, item.label, item.identity, takeover_flags="--adopt --force-conflicts"))
        return Refusal(item, explain(error, item.label, item.identity))

    def _is_owned_by_others(self, item: Item, live: Object) -> bool:
        return not self._adopt and is_owned_by_others(item, live, self._planned.labels, self._inventory)

    def _refuse_owner(self, item: Item, live: Object) -> Refusal:
        """Returns the refusal for an object of another owner, with the field conflicts that adopting it would have."""
        try:
            self._dry_run(item, force=False)
        except ApiError as error:
            return Refusal(item, self._owner_sentence(item, live, error))
        return Refusal(item, owner_sentence(item, live))

    def _owner_sentence(self, item: Item, live: Object, error: ApiError) -> str:
        conflicting = conflicts(error)
        return owner_sentence(item, live, force=self._force or bool(conflicting), fields=", ".join(field for _, field in conflicting))

    def _check_terminating(self, item: Item, live: Object) -> Verdict | Refusal:
        """Tries an item as a new object, because a dry run against its terminating object means nothing."""
        try:
            recreation.check_new(self._client, item)
        except ApiError as error:
            if not self._may_succeed_later(error, item):
                return Refusal(item, explain(error, item.label, item.identity))
        return Verdict(item, "terminating", live)

    def _may_succeed_later(self, error: ApiError, item: Item) -> bool:
        """Returns whether a refused request may succeed later; for a webhook's failure, only if the webhook is starting."""
        webhook = parse_webhook_failure(error.message) if error.status >= 500 else None
        return self._planned.may_succeed_later(error, item) and (webhook is None or webhook in self._starting)

    def _stand_in(self, item: Item) -> Verdict | Refusal:
        """Tries an object in `default`, because its namespace does not exist yet."""
        certain = item.identity.namespace in self._absent
        if not certain or self._planned.makes_kind(item):
            return Verdict(item, "untried", tried=False)
        meta = {key: value for key, value in item.obj["metadata"].items() if key in ("labels", "annotations")}
        body = {**item.obj, "metadata": {**meta, "namespace": "default", "generateName": "turnup-preflight-"}}
        try:
            self._client.request(
                "POST",
                item.resource.path("default"),
                body=body,
                accept=METADATA_ONLY,
                query={"fieldManager": FIELD_MANAGER, "dryRun": "All", "fieldValidation": "Strict"},
            )
        except ApiError as error:
            # Only errors of the object itself count. Permissions and quotas in `default` say nothing about its own namespace.
            if error.status == 422 or (error.status in (400, 500) and "strict decoding error" in error.message):
                return Refusal(item, explain(error, item.label, item.identity))
        return Verdict(item, "new", None, tried=False)

    def _would_change(self, item: Item, live: Object, answer: Object) -> bool:
        """Returns whether a dry run changed something, according to the time in managedFields."""
        if merged_managers(live):
            return True
        before, after = _applied_at(live), _applied_at(answer)
        if after is None or before is None or after != before:
            return True
        if not self._is_recent(after):
            return False
        # The dry run may have the same second as the last apply, so the whole objects are compared.
        if answer.get("kind") == _PARTIAL:
            answer = self._dry_run(item, force=self._force, accept=_WHOLE_OBJECT)
        return _content(self._client.request("GET", item.path)[1]) != _content(answer)

    def _is_recent(self, applied: datetime.datetime | None) -> bool:
        """Returns whether a dry run may have got the same time as the last apply."""
        return applied is not None and (self._since is None or applied >= self._since - _RECENT)


def _live_state(item: Item, obj: Object) -> _LiveState:
    applied = owner(obj) == item.label and is_applied(item.obj, obj)
    meta = obj["metadata"]
    # The rest of the object is dropped, because a thousand objects take a lot of memory.
    return _LiveState({"metadata": {key: meta.get(key) for key in ("uid", "resourceVersion")} if applied else meta}, applied)


def _is_namespace(item: Item) -> bool:
    return item.identity.kind == "Namespace" and not item.identity.group


def _moment(date: str | None) -> datetime.datetime | None:
    return parsedate_to_datetime(date) if date else None


def _applied_at(obj: Object) -> datetime.datetime | None:
    """Returns when Turnup last applied an object; None if never."""
    for entry in obj["metadata"].get("managedFields") or []:
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply" and entry.get("time"):
            return datetime.datetime.fromisoformat(entry["time"])
    return None


def _content(obj: Object) -> Object:
    """Returns an object without the fields that every write changes."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "resourceVersion"}
    meta["managedFields"] = [{key: value for key, value in entry.items() if key != "time"} for entry in meta.get("managedFields") or []]
    return {**obj, "metadata": meta}
