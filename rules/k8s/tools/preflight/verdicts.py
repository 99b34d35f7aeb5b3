"""What a check of an object before the first write comes to: what would become of it, or why it is refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection

from rules.k8s.tools.api.client import FIELD_MANAGER
from rules.k8s.tools.api.field_ownership import foreign_owner
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import OWNER_ANNOTATION, Object, owner
from rules.k8s.tools.stack.inventory import Inventory


@dataclass(frozen=True)
class Verdict:
    """What an apply would do to one item.

    Attributes:
        item: the item.
        outcome: `unchanged`; `new`; `changed`; `replaced`, for what cannot be changed and is deleted and made again (see
            recreation.py); `ending`, for what is being deleted and is made anew once it is gone; or `untried`, for what depends
            on something that the run makes.
        live: metadata of the live object, as an object; None when there is none or it is not known.
        tried: the server has said so; False where it could not be asked about the object itself.
        reason: why it is replaced.
    """

    item: Item
    outcome: str
    live: Object | None = None
    tried: bool = True
    reason: str = ""

    @property
    def uid(self) -> str:
        """The live object's UID, "" when there is none, or none that stays."""
        return self.live["metadata"].get("uid", "") if self.live and self.outcome not in ("replaced", "terminating") else ""


@dataclass(frozen=True)
class Refusal:
    """An item that would be refused, and the sentence that says why."""

    item: Item
    sentence: str


def check_owner(item: Item, live: Object, labels: Collection[str], inventory: Inventory | None, *, adopt: bool) -> None:
    """Refuses what somebody else has made.

    Args:
        item: what is to be written.
        live: the live object under its name, or its metadata.
        labels: labels of the stack's targets: what one of them made may move to another.
        inventory: what the stack has, None where that is not known: what a target of it made that has another name by now is its own.
        adopt: take it over, whoever made it.

    Raises:
        TurnupError: naming the owner.
    """
    if not adopt and is_foreign(item, live, labels, inventory):
        raise TurnupError(foreign_owner_sentence(item, live))


def is_foreign(item: Item, live: Object, labels: Collection[str], inventory: Inventory | None) -> bool:
    """Says whether somebody else has made a live object; see check_owner."""
    return not (owner(live) == item.label or owner(live) in labels or (inventory and inventory.is_own(item.identity, live)))


def foreign_owner_sentence(item: Item, live: Object, *, force: bool = False, fields: str = "") -> str:
    """Says who has made a live object, and all that it takes to make it one's own.

    Args:
        item: what is to be written.
        live: the live object under its name, or its metadata.
        force: fields have to be taken over, too.
        fields: which, where that is known.
    """
    what = f"{item.label}: {item.identity}"
    take = f"'.apply -- --adopt{' --force-conflicts' if force else ''}'{f' (others manage {fields})' if fields else ''}"
    if owner(live):
        return f"{what} belongs to {owner(live)}, which applied it; rename one of the two, or take it over with {take}."
    if foreign_owner(live) == repr(FIELD_MANAGER):
        return (f"{what} was made by Turnup, and somebody has removed its annotation {OWNER_ANNOTATION!r}, which says for which target; if it "
                f"is yours, take it over with {take}.")
    return f"{what} is there already and was made by {foreign_owner(live)}; rename yours, or take it over with {take}."


def is_terminating(live: Object) -> bool:
    """Says whether a live object is being deleted: whatever is written into it goes with it."""
    return bool(live["metadata"].get("deletionTimestamp"))


def terminating_sentence(item: Item) -> str:
    """Says what becomes of an object whose name one has that is being deleted."""
    return f"{item.label}: {item.identity} is being deleted; its end is waited for, and it is made anew"
