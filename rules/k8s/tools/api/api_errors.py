"""Error messages for objects that the API server refuses; they never contain a Secret's value."""

from __future__ import annotations

import re

from rules.k8s.tools.api.field_ownership import conflicts
from rules.k8s.tools.api.webhooks import parse_webhook_failure
from rules.k8s.tools.errors import ApiError, is_namespace_terminating, is_schema_error
from rules.k8s.tools.masking.mask import MASK
from rules.k8s.tools.objects.objects import Identity

# Quoted text may be a value from the manifest or from the stored object.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\{.*\}|(?<=Invalid value: )\S+')

# The server may print a whole structure in Go syntax, pages long. The field's name is enough.
_STRUCTURE = re.compile(r"^Invalid value: (?:[\w.\[\]*&]*\{.*\}|map\[.*\]): ", re.DOTALL)

# The message for missing permissions: it quotes names only, so nothing in it needs masking.
_RIGHTS = re.compile(r'^[\w./-]+ "[^"]*" is forbidden: User "[^"]*" cannot [a-z]+ resource ')

# The server's words for a change of an immutable field.
_IMMUTABLE = ("field is immutable", "cannot change roleRef", "updates to statefulset spec", "may not change once set")


def server_message(error: ApiError, identity: Identity) -> str:
    """Returns the server's message.

    For a Secret, returns only the fields and reasons, because the message may also quote live values.

    Args:
        error: the refusal.
        identity: the refused object.
    """
    causes = [cause for cause in error.details.get("causes") or [] if cause.get("field")]
    if identity.kind == "Secret" and not identity.group:
        return "; ".join(f"{cause['field']}: {cause.get('reason')}" for cause in causes) or _masked(error, identity)
    if any(_STRUCTURE.match(str(cause.get("message"))) for cause in causes):
        return "; ".join(f"{cause['field']}: {_STRUCTURE.sub('', str(cause.get('message')))}" for cause in causes)
    return error.message


def _masked(error: ApiError, identity: Identity) -> str:
    """Returns the server's message about a Secret, with everything masked that may be a value."""
    if error.status == 403 and _RIGHTS.match(error.message):
        return error.message
    known = {f'"{name}"' for name in ("", "secrets", identity.name, identity.namespace)}
    return _QUOTED.sub(lambda found: found[0] if found[0] in known else MASK, error.message)


def is_missing_right(error: ApiError) -> bool:
    """Returns whether the account lacks a right; False if something else forbids the request, such as an admission rule."""
    return error.status == 403 and bool(_RIGHTS.match(error.message))


def explain(error: ApiError, label: str, identity: Identity, *, takeover_flags: str = "--force-conflicts") -> str:
    """Returns one sentence with the object, the reason of a refusal and the fix.

    Args:
        error: the refusal.
        label: label of the object's target.
        identity: the refused object.
        takeover_flags: command-line flags that take over fields of other field managers.
    """
    what = f"{label}: {identity}"
    conflicting = conflicts(error)
    if conflicting:
        fields = ", ".join(f"{field} (managed by {manager!r})" for manager, field in conflicting)
        return f"{what}: another manager owns {fields}; leave the fields out of the manifest, or take them over with '-- {takeover_flags}'."
    message = server_message(error, identity)
    if error.status == 404 and "namespaces" in error.message and identity.namespace:
        return f"{what}: {missing_namespace_sentence(identity.namespace)}"
    if error.status == 403 and "exceeded quota" in error.message:
        return f"{what}: the namespace's quota does not allow it ({message}); make room or raise the quota."
    if error.status == 403 and is_namespace_terminating(error.message):
        return f"{what}: the namespace {identity.namespace!r} is terminating; run the command again when it is gone or recreated."
    if error.status == 403:
        return f"{what}: the cluster forbids it ({message}); ask for the permission, or use another user."
    if error.status == 422 and any(phrase in error.message for phrase in _IMMUTABLE):
        return (
            f"{what}: the change touches an immutable field ({message}); leave the field as it is, or delete the object and "
            "apply again, which the annotation 'turnup/on-immutable: recreate' does for you."
        )
    if error.status in (400, 422, 500) and (is_schema_error(error.message) or "strict decoding error" in error.message):
        return f"{what} does not fit its schema ({message}); correct the manifest."
    if error.status == 413:
        return f"{what} is too large for the API server ({message}); split it, or keep the data elsewhere."
    if error.status == 405 or (error.status == 404 and "could not find the requested resource" in error.message):
        return f"{what}: {identity.kind} objects are not stored, so they cannot be applied ({message}); leave it out, or correct its apiVersion and kind."
    webhook = parse_webhook_failure(error.message) if error.status >= 500 else None
    if webhook:
        cause = MASK if identity.kind == "Secret" and _QUOTED.search(webhook.cause) else webhook.cause
        return f"{what}: {webhook} must admit it but does not answer ({cause}); fix the webhook, or delete its configuration."
    if error.status in (400, 422):
        return f"{what}: the cluster finds it invalid ({message}); correct the manifest."
    return f"{what}: the cluster refused it ({error.status} {error.reason}: {message})."


def missing_namespace_sentence(namespace: str) -> str:
    """Returns the sentence for a missing namespace, with the command that creates it."""
    return f"the namespace {namespace!r} does not exist; create it with 'bazel run //prod:setup.apply'."
