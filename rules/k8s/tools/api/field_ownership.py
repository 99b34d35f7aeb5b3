"""Field ownership in server-side apply: conflicts, our own field managers, and who created an object.

The server records in managedFields which manager set which fields by which operation.
`.replace` is an Update and `.apply` an Apply. An Apply does not remove fields that an
Update set, so the first apply after a replace merges the Update's entry into the
Apply's. The functions here are pure; write/applier.py sends the requests.
"""

from __future__ import annotations

from typing import Any

from rules.k8s.tools.api.client import FIELD_MANAGER
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Object


def conflicts(error: ApiError) -> list[tuple[str, str]]:
    """Returns the (manager, field) pairs of a server-side apply conflict; [] for other errors."""
    pairs = []
    for cause in error.details.get("causes") or []:
        if cause.get("reason") == "FieldManagerConflict":
            words = cause.get("message", "").split('"')
            pairs.append((words[1] if len(words) > 2 else "another manager", cause.get("field", "")))
    return pairs


def merged_managers(live: Object) -> list[dict[str, Any]] | None:
    """Returns managedFields in which Turnup's Apply also owns what Turnup's Update set.

    Args:
        live: a live object or its metadata, with managedFields.

    Returns:
        The new managedFields; None if Turnup has no Update entry, so nothing needs merging.
    """
    entries = live["metadata"].get("managedFields") or []
    ours = [entry for entry in entries if entry.get("manager") == FIELD_MANAGER and not entry.get("subresource")]
    if not any(entry.get("operation") == "Update" for entry in ours):
        return None
    newest = max(ours, key=lambda entry: entry.get("time") or "")
    fields: dict[str, Any] = {}
    for entry in ours:
        fields = _union(fields, entry.get("fieldsV1") or {})
    return [entry for entry in entries if entry not in ours] + [{**newest, "operation": "Apply", "fieldsV1": fields}]


def describe_creator(live: Object) -> str:
    """Returns who created an object that no target of Turnup applied, as far as its metadata tells.

    Args:
        live: a live object or its metadata, with managedFields.
    """
    meta = live["metadata"]
    labels, annotations = meta.get("labels") or {}, meta.get("annotations") or {}
    if annotations.get("meta.helm.sh/release-name"):
        return f"Helm, release {annotations['meta.helm.sh/release-name']!r}"
    tracking = annotations.get("argocd.argoproj.io/tracking-id") or labels.get("argocd.argoproj.io/instance")
    if tracking:
        return f"Argo CD, application {tracking.partition(':')[0]!r}"
    controller = next((owner for owner in meta.get("ownerReferences") or [] if owner.get("controller")), None)
    if controller:
        return f"{controller.get('kind')} {controller.get('name')!r}"
    if labels.get("app.kubernetes.io/managed-by"):
        return repr(labels["app.kubernetes.io/managed-by"])
    managers = [entry.get("manager") for entry in meta.get("managedFields") or [] if entry.get("manager") and not entry.get("subresource")]
    return repr(managers[0]) if managers else "someone else"


def _union(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Returns the union of two FieldsV1 sets, which are nested mappings with empty leaves."""
    return {**one, **{key: _union(one.get(key) or {}, value) for key, value in other.items()}}
