"""What the server says when it refuses an object, as one sentence without a Secret's value."""

from __future__ import annotations

import re

from rules.k8s.tools.api.field_ownership import conflicts
from rules.k8s.tools.api.webhooks import called
from rules.k8s.tools.errors import ApiError, is_namespace_terminating, is_schema_error
from rules.k8s.tools.masking.mask import MASK
from rules.k8s.tools.objects.objects import Identity

# Anything that a message quotes may be a value, of the manifest or of what is stored.
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\{.*\}|(?<=Invalid value: )\S+')

# The server quotes a whole structure in its own language, pages long: the field's name says as much.
_STRUCTURE = re.compile(r"^Invalid value: (?:[\w.\[\]*&]*\{.*\}|map\[.*\]): ", re.DOTALL)

# Who may not do what, in the server's words: they quote names and no value.
_RIGHTS = re.compile(r'^[\w./-]+ "[^"]*" is forbidden: User "[^"]*" cannot [a-z]+ resource ')

# What the server says of fields that have their value for good.
_UNCHANGEABLE = ("field is immutable", "cannot change roleRef", "updates to statefulset spec", "may not change once set")


def words(error: ApiError, identity: Identity) -> str:
    """Returns the server's words. Of a Secret, only the fields and reasons: the message may quote live values, too."""
    causes = [cause for cause in error.details.get("causes") or [] if cause.get("field")]
    if identity.kind == "Secret" and not identity.group:
        return "; ".join(f"{cause['field']}: {cause.get('reason')}" for cause in causes) or _masked(error, identity)
    if any(_STRUCTURE.match(str(cause.get("message"))) for cause in causes):
        return "; ".join(f"{cause['field']}: {_STRUCTURE.sub('', str(cause.get('message')))}" for cause in causes)
    return error.message


def _masked(error: ApiError, identity: Identity) -> str:
    """Returns the server's words about a Secret with what may be one of its values masked."""
    if error.status == 403 and _RIGHTS.match(error.message):
        return error.message
    known = {f'"{name}"' for name in ("", "secrets", identity.name, identity.namespace)}
    return _QUOTED.sub(lambda found: found[0] if found[0] in known else MASK, error.message)


def explain(error: ApiError, label: str, identity: Identity, *, take: str = "--force-conflicts") -> str:
    """Turns a refusal into one sentence that names the object, the reason and the cure.

    Args:
        error: the refusal.
        label: target of the object.
        identity: the object.
        take: the arguments with which fields of others are taken over.
    """
    what = f"{label}: {identity}"
    taken = conflicts(error)
    if taken:
        fields = ", ".join(f"{field} (managed by {manager!r})" for manager, field in taken)
        return (f"{what}: another manager owns {fields}; leave the fields out of the manifest, or take them over with "
                f"'-- {take}'.")
    said = words(error, identity)
    if error.status == 404 and "namespaces" in error.message and identity.namespace:
        return f"{what}: {missing_namespace(identity.namespace)}"
    if error.status == 403 and "exceeded quota" in error.message:
        return f"{what}: the namespace's quota does not allow it ({said}); make room or raise the quota."
    if error.status == 403 and is_namespace_terminating(error.message):
        return f"{what}: the namespace {identity.namespace!r} is being deleted; run it again once it is gone or made anew."
    if error.status == 403:
        return f"{what}: the cluster forbids it ({said}); ask for the rights or use another user."
    if error.status == 422 and any(phrase in error.message for phrase in _UNCHANGEABLE):
        return (f"{what}: the change touches a field that cannot be changed ({said}); leave the field as it is, or delete the object and "
                "apply again, which the annotation 'turnup/on-immutable: recreate' asks for.")
    if error.status in (400, 422, 500) and (is_schema_error(error.message) or "strict decoding error" in error.message):
        return f"{what}: does not fit its schema ({said}); correct the manifest."
    if error.status == 413:
        return f"{what}: is too large for the API server ({said}); split it, or keep the data elsewhere."
    if error.status == 405 or (error.status == 404 and "could not find the requested resource" in error.message):
        return (f"{what}: the cluster keeps no {identity.kind} under a name, so none can be applied ({said}); leave it out, or correct its "
                "apiVersion and kind.")
    hook = called(error.message) if error.status >= 500 else None
    if hook:
        cause = MASK if identity.kind == "Secret" and _QUOTED.search(hook.cause) else hook.cause
        return (f"{what}: {hook} has to be asked about it and does not answer ({cause}); see to what it runs on, or delete its "
                "configuration.")
    if error.status in (400, 422):
        return f"{what}: the cluster finds it invalid ({said}); correct the manifest."
    return f"{what}: the cluster refused it ({error.status} {error.reason}: {said})."


def missing_namespace(namespace: str) -> str:
    """Says that a namespace is missing, and what makes it."""
    return f"the namespace {namespace!r} does not exist; create it with 'bazel run //prod:setup.apply'."
