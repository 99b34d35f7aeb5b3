"""Identifies a stack and where its records live.

One target can be several stacks, because its namespaces may derive from the user's name, a configuration or a branch. An
inventory in the namespace of its stack belongs to that stack alone. The inventories of stacks that span namespaces, or that
create their own, all live in kube-system. There the names of inventory, lease and revisions also contain a hash of the
stack's namespaces (`stack_namespaces`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.plan import Plan

STACK = "turnup/stack"
# Where records of a stack of several namespaces live: only administrators write there, and the inventory decides what is pruned.
SHARED_NAMESPACE = "kube-system"


@dataclass(frozen=True)
class StackLocation:
    """Identifies a stack and where its records live.

    Attributes:
        stack: label of the target that is applied.
        namespace: where the inventory and the lease live.
        namespaces: the namespaces of the stack, sorted.
    """

    stack: str
    namespace: str
    namespaces: tuple[str, ...] = ()

    @property
    def hashed_namespaces(self) -> tuple[str, ...] | None:
        """The namespaces that the records' name has a hash of: the stack's own in SHARED_NAMESPACE, None elsewhere."""
        return self.namespaces if self.namespace == SHARED_NAMESPACE else None

    @property
    def name(self) -> str:
        """The name of the inventory and of the lease."""
        return parent_name(self.stack, self.hashed_namespaces)


def parent_name(stack: str, namespaces: Iterable[str] | None = None) -> str:
    """Returns the name of a stack's inventory and lease: readable, and unique by eight digits of a SHA-256.

    Args:
        stack: label of the target that is applied.
        namespaces: what distinguishes the stack from others of the same target; None where the namespace of the inventory does.
    """
    words = re.sub(r"[^a-z0-9]+", "-", stack.lower()).strip("-")[:40].strip("-")
    unique = stack if namespaces is None else f"{stack}\n{','.join(namespaces)}"
    return "-".join(part for part in ("turnup", words, hashlib.sha256(unique.encode()).hexdigest()[:8]) if part)


def record_namespace(plan: Plan) -> str:
    """Returns the namespace of a stack's targets; SHARED_NAMESPACE for several, and for objects outside any namespace.

    Whoever applies such a stack has rights beyond one namespace. The records decide what is deleted and what a rollback applies,
    so they live where only such users can write.
    """
    found = {entry.document["namespace"] for entry in plan.stack_entries}
    return (found.pop() if len(found) == 1 else "") or SHARED_NAMESPACE


def stack_namespaces(plan: Plan) -> tuple[str, ...]:
    """Returns the namespaces of a stack, sorted: those of its targets, and those that listed objects name."""
    found = {entry.document["namespace"] for entry in plan.stack_entries}
    found |= {namespace for entry in plan.stack_entries for namespace in entry.document["named_namespaces"]}
    return tuple(sorted(found - {""}))


def locate_stack(plan: Plan, items: Iterable[Item]) -> StackLocation:
    """Returns where a stack's inventory and lease live.

    They live in the namespace of its targets, or in the only one that its objects use. If the stack creates that namespace
    itself, or uses several, they live in SHARED_NAMESPACE.

    Args:
        plan: the stack.
        items: its objects. The namespaces that they use exist or are among them.
    """
    wanted, namespaces = record_namespace(plan), stack_namespaces(plan)
    items = list(items)
    created = {item.identity.name for item in items if item.identity.kind == "Namespace" and not item.identity.group}
    used = {item.identity.namespace for item in items} - {""}
    # An empty stack's records are in the namespace of its targets. If the stack once created that, they are in SHARED_NAMESPACE,
    # where read_inventory looks as well.
    if not items or (wanted in used and wanted not in created):
        return StackLocation(plan.label, wanted, namespaces)
    return StackLocation(plan.label, next(iter(used)) if len(used) == 1 and not used & created else SHARED_NAMESPACE, namespaces)
