"""Owner check: the refusal of live objects that belong to someone else. stack/ownership.py decides which ones do."""

from __future__ import annotations

from collections.abc import Collection

from rules.k8s.tools.api.client import FIELD_MANAGER
from rules.k8s.tools.api.field_ownership import describe_creator
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import OWNER_ANNOTATION, Object, owner
from rules.k8s.tools.stack.inventory import Inventory
from rules.k8s.tools.stack.ownership import Ownership


def check_owner(item: Item, live: Object, labels: Collection[str], inventory: Inventory | None, *, adopt: bool) -> None:
    """Checks that a live object may be written.

    Args:
        item: the item to write.
        live: the live object of that name, or its metadata.
        labels: labels of the stack's targets. An object may move from one of them to another.
        inventory: the stack's inventory; None if unknown. Objects that it lists stay with the stack when their target is renamed.
        adopt: whether to take over objects of other owners.

    Raises:
        TurnupError: someone else owns the object.
    """
    if not adopt and is_owned_by_others(item, live, labels, inventory):
        raise TurnupError(owner_sentence(item, live))


def is_owned_by_others(item: Item, live: Object, labels: Collection[str], inventory: Inventory | None) -> bool:
    """Returns whether someone else owns a live object. The arguments are those of check_owner."""
    return not Ownership(labels, inventory).is_own(item, live)


def owner_sentence(item: Item, live: Object, *, force: bool = False, fields: str = "") -> str:
    """Returns the error message for an object of another owner, with the flags that take it over.

    Args:
        item: the item to write.
        live: the live object of that name, or its metadata.
        force: whether fields of other field managers must be taken over, too.
        fields: those fields; "" if unknown.
    """
    what = f"{item.label}: {item.identity}"
    takeover = f"'.apply -- --adopt{' --force-conflicts' if force else ''}'{f' (others manage {fields})' if fields else ''}"
    if owner(live):
        return f"{what} belongs to {owner(live)}, which applied it; rename one of the two, or take it over with {takeover}."
    if describe_creator(live) == repr(FIELD_MANAGER):
        return (
            f"{what} was created by Turnup, but its annotation {OWNER_ANNOTATION!r}, which names the target, has been removed; if it "
            f"is yours, take it over with {takeover}."
        )
    return f"{what} already exists and was created by {describe_creator(live)}; rename yours, or take it over with {takeover}."
