"""Field ownership in server-side apply: conflicts, our own field managers, and who created an object.

The server records in managedFields which manager set which fields by which operation.
`.replace` is an Update and `.apply` an Apply. An Apply does not remove fields that an
Update set, so the first apply after a replace, or after an adoption, takes those fields
over (see composition/composition.py). The functions here are pure.
"""

from __future__ import annotations

import datetime
import json
from typing import Any

from rules.k8s.tools.api.client import FIELD_MANAGER
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Object

# Managers by which a person writes whole objects with kubectl. Not kubectl-rollout, whose annotation restarts pods.
_OF_KUBECTL = ("before-first-apply", "kubectl", "kubectl-client-side-apply", "kubectl-create", "kubectl-edit", "kubectl-replace")


def conflicts(error: ApiError) -> list[tuple[str, str]]:
    """Returns the (manager, field) pairs of a server-side apply conflict; [] for other errors."""
    pairs = []
    for cause in error.details.get("causes") or []:
        if cause.get("reason") == "FieldManagerConflict":
            words = cause.get("message", "").split('"')
            pairs.append((words[1] if len(words) > 2 else "another manager", cause.get("field", "")))
    return pairs


def own_entries(live: Object, *, adopt: bool = False) -> list[dict[str, Any]]:
    """Returns the entries of managedFields whose fields are Turnup's, or become Turnup's.

    Args:
        live: a live object or its metadata, with managedFields.
        adopt: whether the fields count that a person has set with kubectl.
    """
    return [
        entry
        for entry in live["metadata"].get("managedFields") or []
        if not entry.get("subresource") and (entry.get("manager") == FIELD_MANAGER or (adopt and entry.get("manager") in _OF_KUBECTL))
    ]


def is_scattered(live: Object, *, adopt: bool = False) -> bool:
    """Returns whether entries other than that of Turnup's last apply have fields that are Turnup's. The arguments are those of own_entries."""
    return any(entry.get("manager") != FIELD_MANAGER or entry.get("operation") != "Apply" for entry in own_entries(live, adopt=adopt))


def is_alone(live: Object) -> bool:
    """Returns whether no manager but Turnup has set fields of a live object, apart from its status."""
    return all(entry.get("subresource") or entry.get("manager") == FIELD_MANAGER for entry in live["metadata"].get("managedFields") or [])


def with_apply_entry(live: Object, fields: dict[str, Any], api_version: str, *, adopt: bool = False) -> list[dict[str, Any]]:
    """Returns managedFields in which one Apply entry of Turnup has the place of all entries that are Turnup's.

    Args:
        live: a live object or its metadata, with managedFields.
        fields: what the entry owns.
        api_version: the version that the fields are written in.
        adopt: as for own_entries.
    """
    own = own_entries(live, adopt=adopt)
    entry = {
        "manager": FIELD_MANAGER,
        "operation": "Apply",
        "apiVersion": api_version,
        "time": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return [each for each in live["metadata"].get("managedFields") or [] if each not in own] + [entry]


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
    entries = [entry for entry in meta.get("managedFields") or [] if entry.get("manager") and not entry.get("subresource")]
    # Of several at the same second, the one that set most has created it.
    first = min(entries, key=lambda entry: (entry.get("time") or "", -len(json.dumps(entry.get("fieldsV1") or {}))), default=None)
    return repr(first["manager"]) if first else "someone else"
