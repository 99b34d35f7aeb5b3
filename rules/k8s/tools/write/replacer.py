"""The writer of `.replace`: objects become exactly what the manifests say, including fields of other managers."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from rules.k8s.tools.api.client import FIELD_MANAGER, Client, WriteFence
from rules.k8s.tools.api.field_ownership import own_entries, with_apply_entry
from rules.k8s.tools.api.item import Item, Result, attempt, error_sentence, live_metadata
from rules.k8s.tools.api.openapi import Schema, Schemas
from rules.k8s.tools.composition.composition import compose, field_set, removes, union
from rules.k8s.tools.deletion.recreation import check_new, is_wanted, recreate, wait_gone
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.generated_values import with_generated
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.preflight.comparison import content_digest
from rules.k8s.tools.preflight.generated_secrets import GeneratedSecrets
from rules.k8s.tools.preflight.owner_check import check_owner
from rules.k8s.tools.preflight.preflight import check_recreation
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict, is_terminating
from rules.k8s.tools.stack.inventory import Inventory

# How often an object is sent that somebody else changes after it was read.
_ATTEMPTS = 5
# Fields of a spec that the server or a controller sets once and that cannot change.
_GIVEN = {
    ("", "PersistentVolume"): ("claimRef",),
    ("", "PersistentVolumeClaim"): ("storageClassName", "volumeMode", "volumeName"),
    ("", "Service"): ("clusterIP", "clusterIPs"),
    ("batch", "Job"): ("selector",),
}
# Domains of the annotations that bind a claim and its volume.
_VOLUME_DOMAINS = ("pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/")
# Labels that the server adds to a Job's pods.
_JOB_LABELS = ("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name")
# Not up to the manifest: what has to finish before a deletion, and whose dependent the object is.
_KEPT_METADATA = ("finalizers", "ownerReferences")


class _Terminating(Exception):
    """The object to replace is terminating."""

    def __init__(self, live: Object) -> None:
        super().__init__()
        self.live = live


class ReplaceWriter:
    """Replaces live objects by manifests.

    Args:
        client: the API server.
        labels: labels of the stack's targets.
        fence: entered around every write.
        generated: fills the generated values of Secrets.
    """

    def __init__(self, client: Client, labels: Iterable[str], fence: WriteFence, generated: GeneratedSecrets) -> None:
        self._client = client
        self._generated = generated
        self._labels = frozenset(labels)
        self._fence = fence
        self._schemas = Schemas(client)
        self._inventory: Inventory | None = None

    def check(self, items: Iterable[Item], inventory: Inventory, executor: Executor) -> list[Verdict | Refusal]:
        """Returns what replacing would do to each item; a missing object is a refusal."""
        self._inventory = inventory
        return list(executor.map(self._try, self._generated.fill_all(items, executor)))

    def _try(self, item: Item) -> Verdict | Refusal:
        try:
            live, after = self._replace(item, dry=True)
        except ApiError as error:
            if error.status == 404:
                return Refusal(item, f"{item.label}: {item.identity} is not in the cluster; use .create or .apply.")
            if error.status == 422 and is_wanted(item) and (there := live_metadata(self._client, item)):
                return check_recreation(self._client, item, there, error)
            return Refusal(item, error_sentence(item, error))
        except _Terminating as terminating:
            return self._try_new(item, terminating.live)
        except UnreachableError:
            raise
        except TurnupError as error:
            return Refusal(item, str(error))
        same = _digest(after) == _digest(live) and not _owns_more(item, live)
        return Verdict(item, "unchanged" if same else "changed", {"metadata": live["metadata"]})

    def _try_new(self, item: Item, live: Object) -> Verdict | Refusal:
        """Tries an item as a new object, because the live one is terminating."""
        try:
            check_new(self._client, item)
        except ApiError as error:
            return Refusal(item, error_sentence(item, error))
        return Verdict(item, "terminating", {"metadata": live["metadata"]})

    def write(self, verdict: Verdict) -> Result:
        """Replaces one object.

        Raises:
            UnreachableError: the server does not answer.
        """
        item = verdict.item
        if verdict.outcome == "replaced" and verdict.live:
            return recreate(self._client, item, verdict.live, self._fence, self._create)
        return attempt(item, lambda: self._replace_or_recreate(item, verdict.live if verdict.outcome == "terminating" else None))

    def _replace_or_recreate(self, item: Item, terminating: Object | None) -> Result:
        """Replaces an object, or waits until a terminating one is gone and recreates it."""
        if terminating is None:
            try:
                return Result(item, "replaced", self._replace(item, dry=False)[1])
            except _Terminating as found:
                terminating = found.live
        wait_gone(self._client, item, terminating["metadata"]["uid"])
        return self._create(item, None)

    def _create(self, item: Item, _: Object | None) -> Result:
        """Creates an object that was deleted; fails if another one has its name by now."""
        return attempt(
            item,
            lambda: Result(
                item,
                "created",
                self._client.request(
                    "POST",
                    item.resource.path(item.identity.namespace),
                    body=item.obj,
                    fence=self._fence,
                    query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"},
                )[1],
            ),
        )

    def _replace(self, item: Item, *, dry: bool) -> tuple[Object, Object]:
        """Replaces an object by its manifest; returns it as it was before and after.

        Controllers write as well, for example the status during a rollout: an object that changed after it was read is read again.

        Raises:
            TurnupError: the server refuses it, or somebody else created the object.
            _Terminating: the object is terminating.
        """
        attempt = 1
        while True:
            live: Any = self._client.request("GET", item.path)[1]
            if is_terminating(live):
                raise _Terminating(live)
            check_owner(item, live, self._labels, self._inventory, adopt=False)
            try:
                return live, self._send(item, live, dry=dry)
            except ApiError as error:
                if error.status != 409 or attempt == _ATTEMPTS:
                    raise
            attempt += 1

    def _send(self, item: Item, live: Object, *, dry: bool) -> Object:
        """Sends an object. If the server refuses it, sends it once more with the fields of the live object that nobody owns.

        Those are what admission and the scheduler gave the object, such as the node of a Pod, which often cannot be removed.
        """
        body = _replacement(item, live, self._schemas.of(item.resource))
        try:
            return self._put(item, body, dry=dry)
        except ApiError as error:
            if error.status != 422:
                raise
            owned = union(entry.get("fieldsV1") or {} for entry in live["metadata"].get("managedFields") or [] if not entry.get("subresource"))
            try:
                return self._put(item, compose(live, body, self._schemas.of(item.resource), owned, {}), dry=dry)
            except ApiError as other:
                raise error if other.status == 422 else other from None

    def _put(self, item: Item, body: Object, *, dry: bool) -> Object:
        answer: Object = self._client.request(
            "PUT",
            item.path,
            body=body,
            fence=nullcontext if dry else self._fence,
            query={"fieldManager": FIELD_MANAGER, "dryRun": "All" if dry else None, "fieldValidation": "Strict"},
        )[1]
        return answer


def _replacement(item: Item, live: Object, schema: Schema) -> Object:
    """Returns what is sent: the manifest, and from the live object what a manifest cannot say.

    What is kept although the manifest no longer has it, such as the volumeName of a claim, is nobody's then: the next apply would
    remove it.
    """
    # Values that somebody has generated since the item was read are kept.
    item = replace(item, obj=with_generated(item.obj, live))
    was = live["metadata"]
    kept = {key: was[key] for key in _KEPT_METADATA if key in was}
    annotations = {**_controllers_annotations(live), **(item.obj["metadata"].get("annotations") or {})}
    wanted: Object = {**item.obj, "metadata": {**kept, **item.obj["metadata"], "annotations": annotations, "resourceVersion": was["resourceVersion"]}}
    kind = (item.identity.group, item.identity.kind)
    if kind in _GIVEN:
        spec, new = live.get("spec") or {}, wanted.get("spec") or {}
        wanted["spec"] = {**{key: spec[key] for key in _GIVEN[kind] if key in spec}, **new}
        if kind == ("batch", "Job") and "selector" not in new:
            wanted["spec"]["template"] = _with_labels(new.get("template") or {}, spec["template"]["metadata"].get("labels") or {})
    if _owns_more(item, live):
        wanted["metadata"]["managedFields"] = with_apply_entry(live, field_set(item.obj, schema), item.obj["apiVersion"])
    return wanted


def _owns_more(item: Item, live: Object) -> bool:
    """Returns whether an apply has set a field that the manifest lacks, which the next one would remove."""
    return removes(item.obj, union(entry.get("fieldsV1") or {} for entry in own_entries(live) if entry.get("operation") == "Apply"))


def _with_labels(template: Object, labels: dict[str, str]) -> Object:
    """Returns a Job's template with the labels by which the Job selects its pods."""
    meta = template.get("metadata") or {}
    given = {key: labels[key] for key in _JOB_LABELS if key in labels}
    return {**template, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), **given}}}


def _controllers_annotations(live: Object) -> dict[str, str]:
    """Returns the annotations that controllers keep: with the status, as a Deployment's revision, or of a volume and its claim."""
    there = live["metadata"].get("annotations") or {}
    names = {name for name in there if live["kind"].startswith("PersistentVolume") and name.startswith(_VOLUME_DOMAINS)}
    for entry in live["metadata"].get("managedFields") or []:
        if entry.get("subresource") == "status":
            fields = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations") or {}
            names |= {name[2:] for name in fields if name.startswith("f:")}
    return {name: value for name, value in there.items() if name in names}


def _digest(obj: Object) -> bytes:
    return content_digest({key: value for key, value in obj.items() if key != "status"})
