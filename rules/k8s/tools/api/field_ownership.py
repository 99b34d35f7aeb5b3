"""Field ownership: what server-side apply says about it, and how an earlier replace is merged_managers.

The server keeps, per manager and operation, which fields it set (managedFields).
`.replace` is an Update, `.apply` an Apply: fields that an Update set are not removed
when an Apply leaves them out. So the first apply after a replace turns the one into
the other; pure functions here, requests in engine.py.
"""

from __future__ import annotations

from typing import Any

from rules.k8s.tools.api.client import FIELD_MANAGER
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Object


def conflicts(error: ApiError) -> list[tuple[str, str]]:
    """Returns the (manager, field) pairs of a server-side apply conflict, [] for other errors."""
    pairs = []
    for cause in error.details.get("causes") or []:
        if cause.get("reason") == "FieldManagerConflict":
            words = cause.get("message", "").split('"')
            pairs.append((words[1] if len(words) > 2 else "another manager", cause.get("field", "")))
    return pairs


def merged_managers(live: Object) -> list[dict[str, Any]] | None:
    """Returns the managedFields in which our Apply owns what our Update set.

    Args:
        live: an object or its metadata, with managedFields.

    Returns:
        None when there is no Update of ours: nothing to do.
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


def foreign_owner(live: Object) -> str:
    """Says who made an object that no target of Turnup has applied, as far as the object tells.

    Args:
        live: an object or its metadata, with managedFields.
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
    return repr(managers[0]) if managers else "somebody else"


def _union(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Joins two sets of fields in the FieldsV1 notation: nested mappings with empty leaves."""
    return {**one, **{key: _union(one.get(key) or {}, value) for key, value in other.items()}}
