"""Verdicts of the preflight: what an apply would do to an item, or why it would be refused."""

from __future__ import annotations

from dataclasses import dataclass

from rules.k8s.tools.api.item import Item
from rules.k8s.tools.composition.derivation import Derivation
from rules.k8s.tools.objects.objects import Object


@dataclass(frozen=True)
class Verdict:
    """What an apply would do to one item.

    Attributes:
        item: the item.
        outcome: `unchanged`; `new`; `changed`; `replaced`: it has a change of an immutable field, so it is deleted and
            recreated (see deletion/recreation.py); `terminating`: it is recreated once it is gone; or `untried`: it depends
            on something that the run creates.
        live: the live object, mostly with its metadata only; None if it does not exist or is not known.
        tried: whether a dry run of the object itself has confirmed the outcome.
        reason: why it is replaced; else "".
        composed: whether it is written by an update with the composed object (see composer.py); then `live` is the whole object.
        unset: paths of fields that the composed object lacks because they are in the way.
        derivation: what fields of the composed object that nobody owns have to follow; None for none.
        remark: a line about the change; "" for none.
        before: the whole live object, if the preflight was asked to keep it.
        after: what the server would store, if the preflight was asked to keep it.
    """

    item: Item
    outcome: str
    live: Object | None = None
    tried: bool = True
    reason: str = ""
    composed: bool = False
    unset: tuple[str, ...] = ()
    derivation: Derivation | None = None
    remark: str = ""
    before: Object | None = None
    after: Object | None = None

    @property
    def uid(self) -> str:
        """The live object's UID; "" if there is none, or if the object is recreated."""
        return self.live["metadata"].get("uid", "") if self.live and self.outcome not in ("replaced", "terminating") else ""


@dataclass(frozen=True)
class Refusal:
    """An item that would be refused.

    Attributes:
        item: the item.
        sentence: the error message.
    """

    item: Item
    sentence: str


def is_terminating(live: Object) -> bool:
    """Returns whether a live object is terminating, so that changes to it would be lost."""
    return bool(live["metadata"].get("deletionTimestamp"))


def terminating_sentence(item: Item) -> str:
    """Returns the line of progress for an item whose live object is terminating."""
    return f"{item.label}: {item.identity} is terminating; waiting, then recreating it"
