"""The writer of `.replace`: objects become exactly what the manifests say, fields of other managers included."""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import nullcontext
from typing import Any, Iterable

from rules.k8s.tools.api.api_errors import explain
from rules.k8s.tools.api.client import FIELD_MANAGER, Client, WriteFence
from rules.k8s.tools.api.item import Item, Result, live_metadata
from rules.k8s.tools.deletion.recreation import check_new, is_wanted, recreate, wait_gone
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.preflight.owner_check import check_owner
from rules.k8s.tools.preflight.preflight import check_recreation
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict, is_terminating
from rules.k8s.tools.stack.inventory import Inventory

# So often an object is sent that somebody else changes between its being read and written.
_ATTEMPTS = 5
# Of the spec, what is given once by the server or a controller and cannot change.
_GIVEN = {
    ("", "PersistentVolume"): ("claimRef",),
    ("", "PersistentVolumeClaim"): ("storageClassName", "volumeMode", "volumeName"),
    ("", "Service"): ("clusterIP", "clusterIPs"),
    ("batch", "Job"): ("selector",),
}
# Annotations by which a claim and its volume hold each other.
_VOLUME_DOMAINS = ("pv.kubernetes.io/", "volume.kubernetes.io/", "volume.beta.kubernetes.io/")
# Labels that the server gives to a Job's pods.
_JOB_LABELS = ("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name")
# Not the manifest's to say: who waits for the object's end, and what it goes with.
_KEPT_METADATA = ("finalizers", "ownerReferences")
_WRITTEN_BY_SERVER = ("resourceVersion", "managedFields", "generation", "uid", "creationTimestamp")


class _Ending(Exception):
    """What is to be replaced is being deleted."""

    def __init__(self, live: Object):
        super().__init__()
        self.live = live


class ReplaceWriter:
    """Replaces live objects by manifests; what is equal already is not written.

    Args:
        client: the API server.
        labels: labels of the stack's targets.
        permit: entered around every write.
    """

    def __init__(self, client: Client, labels: Iterable[str], fence: WriteFence):
        self._client = client
        self._labels = frozenset(labels)
        self._permit = fence
        self._inventory: Inventory | None = None

    def check(self, items: Iterable[Item], inventory: Inventory, executor: Executor) -> list[Verdict | Refusal]:
        """Says what replacing would do to each item; an object that is not there is a refusal."""
        self._inventory = inventory
        return list(executor.map(self._try, items))

    def _try(self, item: Item) -> Verdict | Refusal:
        try:
            live, after = self._replace(item, dry=True)
        except ApiError as error:
            if error.status == 404:
                return Refusal(item, f"{item.label}: {item.identity} is not in the cluster; use .create or .apply.")
            if error.status == 422 and is_wanted(item) and (there := live_metadata(self._client, item)):
                return check_recreation(self._client, item, there, error)
            return Refusal(item, explain(error, item.label, item.identity))
        except _Ending as ending:
            return self._anew(item, ending.live)
        except UnreachableError:
            raise
        except TurnupError as error:
            return Refusal(item, str(error))
        return Verdict(item, "unchanged" if _content(after) == _content(live) else "changed", {"metadata": live["metadata"]})

    def _anew(self, item: Item, live: Object) -> Verdict | Refusal:
        try:
            check_new(self._client, item)
        except ApiError as error:
            return Refusal(item, explain(error, item.label, item.identity))
        return Verdict(item, "terminating", {"metadata": live["metadata"]})

    def write(self, verdict: Verdict) -> Result:
        """Replaces one object."""
        item = verdict.item
        if verdict.outcome == "replaced" and verdict.live:
            return recreate(self._client, item, verdict.live, self._permit, self._make)
        try:
            return self._written(item, verdict.live if verdict.outcome == "terminating" else None)
        except ApiError as error:
            return Result(item, "failed", error=explain(error, item.label, item.identity))
        except UnreachableError:
            raise
        except TurnupError as error:
            return Result(item, "failed", error=str(error))

    def _written(self, item: Item, ending: Object | None) -> Result:
        """Replaces an object, or waits for the end of one that is being deleted, and makes it anew."""
        if ending is None:
            try:
                return Result(item, "replaced", self._replace(item, dry=False)[1])
            except _Ending as found:
                ending = found.live
        wait_gone(self._client, item, ending["metadata"]["uid"])
        return self._make(item, None)

    def _make(self, item: Item, live: Object | None) -> Result:
        """Makes an object that was deleted; another one under its name is a failure."""
        try:
            made = self._client.request("POST", item.resource.path(item.identity.namespace), body=item.obj, fence=self._permit,
                                        query={"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"})[1]
        except ApiError as error:
            return Result(item, "failed", error=explain(error, item.label, item.identity))
        return Result(item, "created", made)

    def _replace(self, item: Item, *, dry: bool) -> tuple[Object, Object]:
        """Returns an object as it was, and as it is now that the manifest has replaced it.

        Controllers write, too, as the status of what is being rolled out: what has changed since it was read is read again.

        Raises:
            TurnupError: the server refuses it, or somebody else has made it.
        """
        attempt = 1
        while True:
            live: Any = self._client.request("GET", item.path)[1]
            if is_terminating(live):
                raise _Ending(live)
            check_owner(item, live, self._labels, self._inventory, adopt=False)
            try:
                return live, self._client.request(
                    "PUT", item.path, body=_replacement(item, live), fence=nullcontext if dry else self._permit,
                    query={"fieldManager": FIELD_MANAGER, "dryRun": "All" if dry else None, "fieldValidation": "Strict"})[1]
            except ApiError as error:
                if error.status != 409 or attempt == _ATTEMPTS:
                    raise
            attempt += 1


def _replacement(item: Item, live: Object) -> Object:
    """Returns what is sent: the manifest, and of the live object what no manifest can say."""
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
    return wanted


def _with_labels(template: Object, labels: dict[str, str]) -> Object:
    """Returns a Job's template with the labels by which the Job finds its pods."""
    meta = template.get("metadata") or {}
    given = {key: labels[key] for key in _JOB_LABELS if key in labels}
    return {**template, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), **given}}}


def _controllers_annotations(live: Object) -> dict[str, str]:
    """Returns the annotations that are controllers' to keep: with the status, as a Deployment's revision, or of a volume and its claim."""
    there = live["metadata"].get("annotations") or {}
    names = {name for name in there if live["kind"].startswith("PersistentVolume") and name.startswith(_VOLUME_DOMAINS)}
    for entry in live["metadata"].get("managedFields") or []:
        if entry.get("subresource") == "status":
            fields = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get("f:annotations") or {}
            names |= {name[2:] for name in fields if name.startswith("f:")}
    return {name: value for name, value in there.items() if name in names}


def _content(obj: Object) -> Object:
    meta = {key: value for key, value in obj["metadata"].items() if key not in _WRITTEN_BY_SERVER}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta}
