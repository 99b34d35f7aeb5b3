"""Composer: writes objects by an update where an apply would not lead to what the manifest says (see composition.py)."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, MERGE_PATCH, METADATA_ONLY, Client, WriteFence
from rules.k8s.tools.api.field_ownership import conflicts, is_scattered, own_entries, with_apply_entry
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.api.openapi import Schemas
from rules.k8s.tools.composition.autoscalers import Autoscalers
from rules.k8s.tools.composition.composition import (
    Fields,
    compose,
    field_set,
    has_raw_mapping,
    mirrors_left,
    missing_paths,
    overlaps,
    removes,
    union,
    without,
    without_null,
)
from rules.k8s.tools.composition.derivation import Derivation, derive, former_manifest, says_the_same
from rules.k8s.tools.deletion import recreation
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.generated_values import with_generated
from rules.k8s.tools.objects.objects import Object, is_built_in, is_secret

# How often an object is sent that somebody else changes after it was read.
_ATTEMPTS = 5
# How many fields that others keep are named.
_SHOWN = 5
_REPLICAS = ("spec", "replicas")


class Composer:
    """Composes objects and sends them.

    Args:
        client: client of the API server.
        autoscalers: what scales objects without replicas.
        adopt: whether fields that a person has set with kubectl become Turnup's.
        force: whether fields of other managers become Turnup's.

    Attributes:
        schemas: the schemas of the server's kinds.
    """

    def __init__(self, client: Client, autoscalers: Autoscalers, *, adopt: bool = False, force: bool = False) -> None:
        self._client = client
        self._autoscalers = autoscalers
        self._adopt = adopt
        self._force = force
        self.schemas = Schemas(client)

    def is_needed(self, item: Item, live: Object) -> bool:
        """Returns whether an apply would not lead to what a manifest says.

        Args:
            item: the item.
            live: its live object or the metadata of it, with managedFields.
        """
        owned = self._owned(item, live)
        if is_scattered(live, adopt=self._adopt) or (is_secret(item.obj) and "f:stringData" in owned and "stringData" not in item.obj):
            return True
        if not is_built_in(item.obj):
            return removes(item.obj, owned) or bool(self.releases(item, live))
        return any(mirrors_left(item.obj, owned)) or bool(self.releases(item, live))

    def releases(self, item: Item, live: Object) -> str:
        """Returns the autoscaler that gets spec.replicas from Turnup, "" for none."""
        if (item.obj.get("spec") or {}).get("replicas") is not None or not _names(self._owned(item, live), *_REPLICAS):
            return ""
        return "" if _names(self._others(live), *_REPLICAS) else self._autoscalers.of(item.identity)

    def kept_note(self, item: Item, live: Object) -> str:
        """Returns the line about fields that other managers keep in an adopted object and that the manifest lacks; "" for none."""
        own = own_entries(live, adopt=self._adopt)
        kept = [
            f"{path} (managed by {entry.get('manager')!r})"
            for entry in live["metadata"].get("managedFields") or []
            if entry not in own and not entry.get("subresource")
            for path in missing_paths(item.obj, entry.get("fieldsV1") or {})
        ]
        if not kept:
            return ""
        more = f" and {len(kept) - _SHOWN} more" if len(kept) > _SHOWN else ""
        return f"{item.label}: {item.identity} keeps {', '.join(kept[:_SHOWN])}{more}, which the manifest does not have"

    def check_conflicts(self, item: Item, live: Object) -> None:
        """Checks that no other manager owns a field with another value than the manifest's, unless that is forced.

        In an adoption that includes the managers whose fields become Turnup's: their values are overwritten only if that is forced.

        Raises:
            ApiError: another manager owns such a field.
        """
        others = union(
            entry.get("fieldsV1") or {}
            for entry in live["metadata"].get("managedFields") or []
            if entry.get("manager") != FIELD_MANAGER or entry.get("subresource")
        )
        if self._force or not others or not overlaps(field_set(item.obj, self.schemas.of(item.resource)), others):
            return
        try:
            self._client.request(
                "PATCH", item.path, body=item.obj, content_type=APPLY_PATCH, accept=METADATA_ONLY, query={"fieldManager": FIELD_MANAGER, "dryRun": "All"}
            )
        except ApiError as error:
            if any(manager != FIELD_MANAGER for manager, _ in conflicts(error)):
                raise

    def may_leave_fields(self, item: Item, live: Object) -> bool:
        """Returns whether an apply may leave what a manifest no longer has; the arguments are those of is_needed."""
        return removes(item.obj, self._owned(item, live)) or (is_built_in(item.obj) and has_raw_mapping(item.obj, self.schemas.of(item.resource)))

    def derivation(self, item: Item, live: Object, answer: Object) -> Derivation | None:
        """Returns what the server makes of the former manifest and of this one, if fields that nobody owns have to follow.

        Args:
            item: the item.
            live: its live object or the metadata of it, with managedFields.
            answer: what a dry run would store without them.

        Returns:
            None if all fields are those of a new object already, or if the server does not accept a new object beside the live one.
        """
        schema, owned = self.schemas.of(item.resource), self._owned(item, live)
        kept = self._kept(item, live)
        try:
            new = recreation.as_new(self._client, item, live)
            if says_the_same(answer, new):
                return None
            whole: Any = self._client.request("GET", item.path)[1]
            former = recreation.as_new(self._client, replace(item, obj=former_manifest(whole, owned, schema)), live)
        except UnreachableError:
            raise
        except TurnupError:
            return None
        found = Derivation(former, new)
        return None if derive(answer, whole, found, kept, schema) == answer else found

    def body(self, item: Item, live: Object, unset: Collection[str] = (), derivation: Derivation | None = None) -> Object:
        """Returns the object that should be stored.

        Args:
            item: the item.
            live: its whole live object.
            unset: paths of fields in the way (see composition.compose).
            derivation: what fields that nobody owns have to follow; None for none.
        """
        # Values that somebody has generated since the item was read are kept.
        owned, wanted = self._owned(item, live), with_generated(item.obj, live)
        if self.releases(item, live):
            owned = without(owned, *_REPLICAS)
            wanted = {**wanted, "spec": {key: value for key, value in (wanted.get("spec") or {}).items() if key != _REPLICAS[-1]}}
        if is_secret(wanted) and "f:stringData" in owned:
            # The server has stored it as data.
            owned = union([without(owned, "stringData"), {"f:data": owned["f:stringData"]}])
        mirrors = mirrors_left(wanted, owned) if is_built_in(wanted) else ()
        schema = self.schemas.of(item.resource)
        composed = compose(live, wanted, schema, owned, self._others(live), {*unset, *mirrors})
        return derive(composed, live, derivation, self._kept(item, live), schema) if derivation else composed

    def send(
        self,
        item: Item,
        live: Object,
        unset: Collection[str] = (),
        derivation: Derivation | None = None,
        *,
        fence: WriteFence = nullcontext,
        dry: bool = True,
    ) -> Object:
        """Returns the object as the server stores it, or would store it.

        Args:
            item: the item.
            live: its whole live object; the server refuses if it has changed since.
            unset: as for `body`.
            derivation: as for `body`.
            fence: entered around the request.
            dry: do not store it.

        Raises:
            ApiError: the server refuses it.
        """
        answer: Object = self._client.request(
            "PUT",
            item.path,
            body=self.body(item, live, unset, derivation),
            fence=fence,
            query={"fieldManager": FIELD_MANAGER, "dryRun": "All" if dry else None, "fieldValidation": "Strict"},
        )[1]
        return answer

    def write(
        self, item: Item, live: Object | None, unset: Collection[str] = (), derivation: Derivation | None = None, *, fence: WriteFence = nullcontext
    ) -> Object:
        """Stores an object and makes its fields those of Turnup's last apply.

        Args:
            item: the item.
            live: its whole live object; None to read it.
            unset: as for `body`.
            derivation: as for `body`.
            fence: entered around each write.

        Returns:
            The object as it is stored.

        Raises:
            ApiError: the server refuses it.
        """
        for attempt in range(_ATTEMPTS):
            there: Any = live or self._client.request("GET", item.path)[1]
            try:
                stored = self.send(item, there, unset, derivation, fence=fence, dry=False)
                break
            except ApiError as error:
                if error.status != 409 or attempt + 1 == _ATTEMPTS:
                    raise
                live = None
        self._own(item, stored, fence)
        return stored

    def _own(self, item: Item, stored: Object, fence: WriteFence) -> None:
        """Records the manifest's fields as those of Turnup's last apply.

        Controllers write the status meanwhile. If they always come first, the fields are taken over by a later run.
        """
        fields = field_set(item.obj, self.schemas.of(item.resource))
        for _ in range(_ATTEMPTS):
            managers = with_apply_entry(stored, fields, item.obj["apiVersion"], adopt=self._adopt)
            body = {"metadata": {"managedFields": managers, "resourceVersion": stored["metadata"]["resourceVersion"]}}
            try:
                self._client.request("PATCH", item.path, body=body, content_type=MERGE_PATCH, accept=METADATA_ONLY, fence=fence)
                return
            except ApiError as error:
                if error.status != 409:
                    raise
            stored = self._client.request("GET", item.path, accept=METADATA_ONLY)[1]

    def _kept(self, item: Item, live: Object) -> Fields:
        """Returns the fields that follow no other: those with a value in the manifest, those of other managers, and replicas for an autoscaler."""
        replicas: Fields = {f"f:{_REPLICAS[0]}": {f"f:{_REPLICAS[1]}": {}}} if self.releases(item, live) else {}
        return union([field_set(without_null(item.obj), self.schemas.of(item.resource)), self._others(live), replicas])

    def _owned(self, item: Item, live: Object) -> Fields:
        return union(entry.get("fieldsV1") or {} for entry in own_entries(live, adopt=self._adopt))

    def _others(self, live: Object) -> Fields:
        own = own_entries(live, adopt=self._adopt)
        return union(entry.get("fieldsV1") or {} for entry in live["metadata"].get("managedFields") or [] if entry not in own)


def _names(fields: Fields, *path: str) -> bool:
    """Returns whether a set has a field, or the field that it is part of as a whole."""
    for name in path:
        if f"f:{name}" not in fields:
            return False
        fields = fields[f"f:{name}"]
    return True


def replicas_note(item: Item, live: Object, autoscaler: str) -> str:
    """Returns the line about an object that leaves its replicas to an autoscaler from now on."""
    replicas = (live.get("spec") or {}).get("replicas")
    return f"{item.label}: {item.identity}: spec.replicas stays {replicas}; the HorizontalPodAutoscaler {autoscaler} sets it from now on"
