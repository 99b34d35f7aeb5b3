"""The history of a stack under a former identity: it moves along when the stack's namespaces change, and goes with the stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.stack.history import (
    CREATED,
    Place,
    Revision,
    complete_revisions,
    delete_secret,
    forget_at,
    make_place,
    number_of,
    place_of,
    post_part,
    secrets_at,
)
from rules.k8s.tools.stack.inventory import ApplySetParent
from rules.k8s.tools.stack.stack_location import SHARED_NAMESPACE


def places_of(parent: ApplySetParent) -> list[Place]:
    """Returns where the revisions of an inventory's stack can be: in the same namespace, or in the shared one if only the inventory is not."""
    namespaces = sorted(parent.known_namespaces)
    candidates = dict.fromkeys((parent.namespace, SHARED_NAMESPACE, *(namespaces if len(namespaces) == 1 else ())))
    return [make_place(parent.stack, namespace, namespaces) for namespace in candidates]


def forget_stack(client: Client, parent: ApplySetParent, plan: Plan, note: Callable[[str], None]) -> None:
    """Deletes the history of another stack of which nothing is left.

    Args:
        client: the API server.
        parent: the stack's inventory.
        plan: the stack of this run, whose own revisions stay.
        note: called with a sentence about revisions that stay.
    """
    for place in places_of(parent):
        if place != place_of(plan):
            forget_at(client, place, note if place.namespace == parent.namespace else lambda text: None)


def revisions_of(client: Client, parent: ApplySetParent, plan: Plan) -> list[Revision]:
    """Returns the revisions of an inventory's stack, oldest first.

    Args:
        client: the API server.
        parent: the inventory of another stack, or the one that the next apply of this stack takes over.
        plan: the stack of this run, whose own revisions do not count.
    """
    for place in places_of(parent):
        if place != place_of(plan) and (found := complete_revisions(_readable(client, place))):
            return found
    return []


def move_history(client: Client, parent: ApplySetParent, plan: Plan, note: Callable[[str], None]) -> None:
    """Moves the revisions of an inventory that a stack takes over to where the stack's own are. A move that was interrupted continues.

    Args:
        client: the API server.
        parent: the former inventory.
        plan: the stack.
        note: called with a sentence if revisions have to stay where they are.

    Raises:
        ApiError: the server refuses for another reason than permissions.
    """
    own = place_of(plan)
    for place in places_of(parent):
        if place == own:
            continue
        secrets = _readable(client, place)
        try:
            for revision in complete_revisions(secrets):
                _move(client, revision, own)
            for obj in secrets:
                delete_secret(client, place, obj)
        except ApiError as error:
            if error.status != 403:
                raise
            note(f"note: revisions of {place.label} stay in {place.namespace}, so .rollback does not list them ({error.message})")


def _readable(client: Client, place: Place) -> list[dict[str, Any]]:
    """Returns the Secrets at a place; none where the account may not read them."""
    try:
        return secrets_at(client, place)
    except ApiError as error:
        if error.status != 403:
            raise
        return []


def _move(client: Client, revision: Revision, own: Place) -> None:
    """Writes a revision at another place, unless it is the last one there, and deletes it where it was."""
    there = secrets_at(client, own)
    known = complete_revisions(there)
    if not known or (known[-1].digest, known[-1].created) != (revision.digest, revision.created):
        number = max(revision.number, max((number_of(obj) for obj in there), default=0) + 1)
        for part, path in reversed(list(enumerate(revision.paths))):
            obj: Any = client.request("GET", path)[1]
            noted = (obj["metadata"].get("annotations") or {}) | ({} if part else {CREATED: revision.created})
            post_part(client, own, number, part, (obj.get("data") or {}).get("revision", ""), noted)
    for path in revision.paths:
        try:
            client.request("DELETE", path)
        except ApiError as error:
            if error.status != 404:
                raise
