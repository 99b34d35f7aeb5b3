"""Tests of what a stack's own objects are."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.testing.plans import config_map
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.objects import Identity
from rules.k8s.tools.stack.inventory import ApplySetParent, Inventory
from rules.k8s.tools.stack.members import Member
from rules.k8s.tools.stack.ownership import Ownership

IDENTITY = Identity("", "ConfigMap", "dev", "a")
ITEM = Item("//now:dev", config_map("a"), Resource("v1", "ConfigMap", "configmaps", True), IDENTITY)


def ownership(*, uid: str = "1", left: bool = False, kept: bool = False, listed: bool = True) -> Ownership:
    """Returns the ownership of a stack with two targets that lists the object under a former target."""
    target = "//now:dev" if left else "//former:dev"
    members = {IDENTITY: Member(IDENTITY, "v1", target, uid)} if listed else {}
    parent = ApplySetParent("//svc:dev", "dev", {} if kept else members, kept=members if kept else {})
    return Ownership(["//now:dev", "//other:dev"], Inventory(parent), {IDENTITY} if left else ())


def live(target: str, uid: str = "1") -> dict[str, Any]:
    """Returns a live object that a target made; nobody's for ""."""
    return {"metadata": {"name": "a", "uid": uid, "annotations": {"turnup/target": target} if target else {}}}


@pytest.mark.parametrize(
    ("which", "target", "uid", "own"),
    [
        ({}, "//now:dev", "2", True),
        ({}, "//other:dev", "2", True),  # It moved within the stack.
        ({}, "//former:dev", "1", True),  # Its target was renamed.
        ({"kept": True}, "//former:dev", "1", True),
        ({"uid": ""}, "//former:dev", "1", True),
        ({}, "//former:dev", "2", False),
        ({}, "//stranger:dev", "1", False),  # Somebody has adopted it.
        ({}, "", "1", False),
        ({"listed": False}, "//former:dev", "1", False),
        ({"left": True}, "//now:dev", "1", True),
        ({"left": True}, "//now:dev", "2", False),
        ({"left": True}, "//other:dev", "1", False),
        ({"left": True, "uid": ""}, "//now:dev", "2", True),
    ],
)
def test_what_is_own(which, target, uid, own):
    """A stack's targets' objects are its own, and what it lists with its UID, as long as nobody has taken it over."""
    assert ownership(**which).is_own(ITEM, live(target, uid)) is own


def test_the_reason_names_who_made_it():
    """The reason names the other target, or the tool, or the other object under the same name."""
    assert ownership().foreign_reason(ITEM, live("//stranger:dev")) == "was made by //stranger:dev, not by //now:dev"
    assert ownership().foreign_reason(ITEM, live("")) == "was made by someone else, not by //now:dev"
    assert ownership(left=True).foreign_reason(ITEM, live("//now:dev", "2")) == "is not the object that this stack made, but another one under the same name"
