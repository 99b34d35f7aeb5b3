"""Which of the stacks of one target a stack is, and where what is kept about it lives.

One target may be several stacks: its namespaces are made of the user's name, of a configuration, or of what a branch says.
A list that lives in the namespace of its stack is that stack's alone. Those of stacks that span namespaces, or make their
own, all live in kube-system; there the names of list, lease and revisions have a hash of the namespaces, too (`places_of`).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Iterable

from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.plan import Plan

STACK = "turnup/stack"
# Where the list of a stack of several namespaces lives: only administrators write there, and the list decides what is pruned.
SHARED_NAMESPACE = "kube-system"


@dataclass(frozen=True)
class StackLocation:
    """Which of the stacks of one target a stack is, and where its parent and its lease live.

    Attributes:
        stack: label of the target that is applied.
        namespace: where the parent and the lease live.
        places: the namespaces that the stack is for, sorted.
    """

    stack: str
    namespace: str
    places: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, ...] | None:
        """What the name has a hash of beside the label: the places in SHARED, None elsewhere."""
        return self.places if self.namespace == SHARED_NAMESPACE else None

    @property
    def name(self) -> str:
        """The name of the parent and of the lease."""
        return parent_name(self.stack, self.key)


def parent_name(stack: str, places: Iterable[str] | None = None) -> str:
    """Returns the name of a stack's parent and lease: readable, and unique by eight digits of a SHA-256.

    Args:
        stack: label of the target that is applied.
        places: the namespaces that tell the stack from others of the same target; None where the parent's own does.
    """
    words = re.sub(r"[^a-z0-9]+", "-", stack.lower()).strip("-")[:40].strip("-")
    told = stack if places is None else f"{stack}\n{','.join(places)}"
    return "-".join(part for part in ("turnup", words, hashlib.sha256(told.encode()).hexdigest()[:8]) if part)


def namespace_of(plan: Plan) -> str:
    """Returns the namespace of a stack's targets; SHARED for several, and for objects outside any.

    Such a stack is applied by somebody with rights beyond a namespace. What is kept about it decides what is deleted and what a
    rollback applies, so it is where only such people write.
    """
    found = {entry.document["namespace"] for entry in plan.stack_entries}
    return (found.pop() if len(found) == 1 else "") or SHARED_NAMESPACE


def places_of(plan: Plan) -> tuple[str, ...]:
    """Returns the namespaces that a stack is for, sorted: those of its targets, and those that listed objects name."""
    found = {entry.document["namespace"] for entry in plan.stack_entries}
    found |= {namespace for entry in plan.stack_entries for namespace in entry.document["named_namespaces"]}
    return tuple(sorted(found - {""}))


def locate_stack(plan: Plan, items: Iterable[Item]) -> StackLocation:
    """Returns where a stack's parent and lease live.

    That is the namespace of its targets, or the only one that its objects live in, unless the stack makes that itself: SHARED then.

    Args:
        plan: the stack.
        items: its objects, whose namespaces are there or among them.
    """
    wanted, places = namespace_of(plan), places_of(plan)
    items = list(items)
    made = {item.identity.name for item in items if item.identity.kind == "Namespace" and not item.identity.group}
    used = {item.identity.namespace for item in items} - {""}
    # What an empty stack had is in the namespace of its targets, unless it made that itself: then it is found in SHARED.
    if not items or (wanted in used and wanted not in made):
        return StackLocation(plan.label, wanted, places)
    return StackLocation(plan.label, next(iter(used)) if len(used) == 1 and not used & made else SHARED_NAMESPACE, places)
