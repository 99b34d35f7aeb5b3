"""Preflight: what an apply would do to each object, and what would be refused, before the first write.

1. The stack's objects are listed, with one request per kind and namespace. Objects that an apply would not change (see
   comparison.py) need no further request.
2. All others are sent as dry runs. The server checks schema, admission, permissions and immutable fields. What it would store
   is compared with what it has stored. If only field ownership would change, the object is unchanged, and is not written.
3. An object in a namespace that the same run creates is tried as a new object in `default`. An object that needs a
   definition of the same run is not tried. Both are checked for permissions.

All refusals are reported together, and then nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from contextlib import suppress

from rules.k8s.tools.api.api_errors import explain, server_message
from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, METADATA_ONLY, Client
from rules.k8s.tools.api.field_ownership import conflicts
from rules.k8s.tools.api.item import Item, live_metadata
from rules.k8s.tools.api.openapi import blank_keys, has_blank_in_list
from rules.k8s.tools.api.webhooks import StartingWebhooks, parse_webhook_failure
from rules.k8s.tools.composition.composer import Composer, replicas_note
from rules.k8s.tools.composition.composition import paths_in_the_way
from rules.k8s.tools.composition.derivation import Derivation
from rules.k8s.tools.deletion import recreation
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.preflight.comparison import content_digest, dropped_fields
from rules.k8s.tools.preflight.limits import check_rights
from rules.k8s.tools.preflight.live_states import UNKNOWN, LiveState, LiveStates
from rules.k8s.tools.preflight.owner_check import is_owned_by_others, owner_sentence
from rules.k8s.tools.preflight.planned_objects import PlannedObjects
from rules.k8s.tools.preflight.quota_check import QuotaCheck
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict, is_terminating
from rules.k8s.tools.stack.inventory import Inventory

# How often an object is tried that somebody else changes meanwhile.
_ATTEMPTS = 3


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
        composer: composes objects that an apply would not make what the manifests say.
        keep: whether verdicts have `before` and `after`.
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
        composer: Composer,
        keep: bool = False,
        prune: bool = False,
    ) -> None:
        self._client = client
        self._planned = planned
        self._inventory = inventory
        self._force = force
        self._adopt = adopt
        self._create = create
        self._rolling_back = rolling_back
        self._composer = composer
        self._keep = keep
        self._states = LiveStates(client, inventory, lambda item, live: keep or composer.is_needed(item, live))
        self._prune = prune
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
        known = self._states.read_all(items, executor)
        asked = [item for item in items if not known.get(item.identity, UNKNOWN).applied]
        found: dict[Identity, Verdict | Refusal] = {}
        for wave in ([item for item in asked if _is_namespace(item)], [item for item in asked if not _is_namespace(item)]):
            found |= zip([item.identity for item in wave], executor.map(lambda item: self._try(item, known.get(item.identity, UNKNOWN)), wave), strict=True)
            self._absent |= {
                item.identity.name for item in wave if isinstance(each := found[item.identity], Verdict) and each.outcome == "new" and _is_namespace(item)
            }
        rights = check_rights(self._client, [each.item for each in found.values() if isinstance(each, Verdict) and not each.tried], executor)
        found |= {refusal.item.identity: refusal for refusal in rights}
        left = (self._inventory.members.keys() - {item.identity for item in items}) if self._prune else frozenset()
        quotas = QuotaCheck(self._client, executor, left, lambda item: self._dry_run(item, force=True))
        found |= {refusal.item.identity: refusal for refusal in quotas.refusals(items, found)}
        found |= {item.identity: Refusal(item, sentence) for item in items if (sentence := recreation.refusal(item))}
        return [found.get(item.identity) or Verdict(item, "unchanged", known[item.identity].meta) for item in items]

    def _try(self, item: Item, known: LiveState) -> Verdict | Refusal:
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
            self._check_keys(item)
            if live and self._composer.is_needed(item, live):
                return self._try_composed(item, known)
            answer = self._dry_run(item, force=self._force)
            if not answer["metadata"].get("resourceVersion"):
                return Verdict(item, "new", remark=_dropped_note(item, answer), after=answer if self._keep else None)
            if is_terminating(answer):
                return self._check_terminating(item, answer)
            if self._create:
                return Verdict(item, "changed", answer)
            if live is None:
                # The object was not in the list by label: someone else may own it.
                known = self._read(item)
                if known.applied:
                    return Verdict(item, "unchanged", known.meta)
                if known.meta and self._is_owned_by_others(item, known.meta):
                    return Refusal(item, owner_sentence(item, known.meta, force=self._force))
                if known.meta and self._composer.is_needed(item, known.meta):
                    return self._try_composed(item, known)
            return self._compared(item, known, answer)
        except ApiError as error:
            return self._refused(item, live, error)
        except UnreachableError:
            raise
        except TurnupError as error:
            return Refusal(item, str(error))

    def _dry_run(self, item: Item, *, force: bool) -> Object:
        answer: Object = self._client.request(
            "PATCH",
            item.path,
            body=item.obj,
            content_type=APPLY_PATCH,
            query={"fieldManager": FIELD_MANAGER, "dryRun": "All", "fieldValidation": "Strict", "force": "true" if force else None},
        )[1]
        return answer

    def _read(self, item: Item) -> LiveState:
        return self._states.state_of(item, self._client.request("GET", item.path)[1])

    def _check_keys(self, item: Item) -> None:
        """Checks that no key of a list's element is null, empty or missing.

        Raises:
            TurnupError: one is, so each apply would add the element once more, or be refused.
        """
        paths = list(blank_keys(item.obj, self._composer.schemas.of(item.resource))) if has_blank_in_list(item.obj) else []
        if paths:
            raise TurnupError(
                f"{item.label}: {item.identity}: {', '.join(paths)} identifies an element of its list, but is null, empty or missing, so the server "
                "would not find the element again; give it a value, or remove the element."
            )

    def _compared(self, item: Item, known: LiveState, answer: Object) -> Verdict:
        """Returns the verdict for what a dry run would store, compared with what is stored."""
        for _ in range(_ATTEMPTS):
            if known.applied or known.version == answer["metadata"].get("resourceVersion"):
                break
            # Somebody has changed the object since it was read, for example its status.
            known = self._read(item)
            if known.version != answer["metadata"].get("resourceVersion"):
                answer = self._dry_run(item, force=self._force)
        same = known.applied or known.digest == content_digest(answer)
        # A removed field may stay under another name, which the server fills it in from.
        follows = known.meta and not known.applied and (not same or known.has_more or self._composer.may_leave_fields(item, known.meta))
        if follows and known.meta and (derivation := self._composer.derivation(item, known.meta, answer)):
            return self._try_composed(item, known, derivation=derivation)
        return Verdict(item, "unchanged", known.meta) if same else self._changed(item, known, answer)

    def _changed(self, item: Item, known: LiveState, answer: Object) -> Verdict:
        remark = self._adoption_note(item, known.meta) or _dropped_note(item, answer)
        return Verdict(item, "changed", known.meta, remark=remark, before=known.whole if self._keep else None, after=answer if self._keep else None)

    def _try_composed(self, item: Item, known: LiveState, unset: Iterable[str] = (), derivation: Derivation | None = None) -> Verdict:
        """Returns the verdict for an object that is written by an update.

        Raises:
            ApiError: the server refuses it.
        """
        composer, chosen = self._composer, tuple(unset)
        for attempt in range(_ATTEMPTS):
            live: Object = known.whole or self._client.request("GET", item.path)[1]
            try:
                composer.check_conflicts(item, live)
                answer = composer.send(item, live, chosen, derivation)
                if derivation is None and (derivation := composer.derivation(item, live, answer)):
                    answer = composer.send(item, live, chosen, derivation)
                break
            except ApiError as error:
                choices = paths_in_the_way(error.details.get("causes") or [], live, item.obj) if error.status == 422 and not chosen else []
                if choices:
                    return self._try_composed_again(item, known, choices, error)
                if error.status != 409 or conflicts(error) or attempt + 1 == _ATTEMPTS:
                    raise
                known = LiveState()
        autoscaler = composer.releases(item, live)
        if not autoscaler and content_digest(answer) == content_digest(live):
            return Verdict(item, "unchanged", {"metadata": live["metadata"]})
        remark = replicas_note(item, live, autoscaler) if autoscaler else self._adoption_note(item, live) or _dropped_note(item, answer)
        return Verdict(
            item,
            "changed",
            live,
            composed=True,
            unset=chosen,
            derivation=derivation,
            remark=remark,
            before=live if self._keep else None,
            after=answer if self._keep else None,
        )

    def _adoption_note(self, item: Item, live: Object | None) -> str:
        """Returns the line about what others keep in an object that this run adopts; "" for other objects."""
        adopted = self._adopt and live and is_owned_by_others(item, live, self._planned.labels, self._inventory)
        return self._composer.kept_note(item, live) if adopted and live else ""

    def _try_composed_again(self, item: Item, known: LiveState, choices: Iterable[Iterable[str]], error: ApiError) -> Verdict:
        """Tries an object without the fields of each choice that nobody owns; raises the first error if the server refuses all of them."""
        for unset in choices:
            with suppress(ApiError):
                return self._try_composed(item, known, unset)
        raise error

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
            if live and self._composer.is_needed(item, live):
                try:
                    return self._try_composed(item, LiveState())
                except ApiError as other:
                    error = other
        if self._may_succeed_later(error, item):
            return self._stand_in(item)
        if error.status == 400 and "dry run" in error.message:
            return Verdict(item, "untried", live, tried=False)  # An admission webhook has side effects, so it does not support dry runs.
        if error.status == 422 and live:
            try:
                return self._try_composed(item, LiveState())
            except ApiError:
                pass  # No field that nobody owns is in the way: the refusal stands.
        if (
            error.status == 422
            and live
            and not is_owned_by_others(item, live, self._planned.labels, self._inventory)
            and (recreation.is_wanted(item) or (self._rolling_back and recreation.is_asked_by(item, live)))
        ):
            return check_recreation(self._client, item, live, error)
        if conflicts(error) and self._adopt:
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


def _is_namespace(item: Item) -> bool:
    return item.identity.kind == "Namespace" and not item.identity.group


def _dropped_note(item: Item, answer: Object) -> str:
    """Returns the line about fields that the server would not store; "" for none."""
    body = {key: value for key, value in item.obj.items() if key not in ("metadata", "stringData")}
    paths = list(dropped_fields(body, answer))
    return f"{item.label}: {item.identity}: the cluster does not store {', '.join(paths)}; a feature that it needs may be switched off" if paths else ""
