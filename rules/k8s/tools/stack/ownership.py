"""Ownership: whether a live object is a stack's own. Every verb that changes or deletes objects decides by this module."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from rules.k8s.tools.api.field_ownership import describe_creator
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.objects import Identity, Object, owner
from rules.k8s.tools.stack.inventory import Inventory


@dataclass(frozen=True)
class Ownership:
    """Decides which live objects are a stack's own.

    An object of the present set is the stack's own if one of the stack's targets made it, or if the stack lists it with its UID
    and nobody has taken it over since: then its target was renamed, or it moved to another target. An object that left the
    stack must be exactly the listed one, made by the listed target.

    Attributes:
        labels: labels of the stack's targets.
        inventory: what the stack lists; None if that is unknown.
        left: the objects that left the stack.
    """

    labels: Collection[str]
    inventory: Inventory | None = None
    left: Collection[Identity] = ()

    def is_own(self, item: Item, live: Object) -> bool:
        """Returns whether a live object is the stack's own.

        Args:
            item: an object of the stack, now or formerly.
            live: the live object of that name, or its metadata.
        """
        return not self.foreign_reason(item, live)

    def foreign_reason(self, item: Item, live: Object) -> str:
        """Returns why a live object is not the stack's own, as the end of a sentence; "" if it is. The arguments are those of is_own."""
        made_by, uid = owner(live), live["metadata"].get("uid")
        listed = self.inventory.find(item.identity) if self.inventory else None
        stranger = f"was made by {made_by or describe_creator(live)}, not by {item.label}"
        if item.identity in self.left:
            if made_by != item.label:
                return stranger
            return "" if not listed or listed.uid in ("", uid) else "is not the object that this stack made, but another one under the same name"
        if made_by and (made_by == item.label or made_by in self.labels):
            return ""
        # Without a UID the list was written by a run that was killed before it had created the object.
        return "" if made_by and listed and listed.target == made_by and listed.uid in ("", uid) else stranger
