"""What left a stack: which of it is deleted, which is let go, which stays. The choice is a pure function."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterable, Mapping

from rules.k8s.tools.api.discovery import Kinds
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.hashed_names import base_of
from rules.k8s.tools.objects.kinds import DATA_KINDS
from rules.k8s.tools.objects.objects import Identity
from rules.k8s.tools.stack.inventory import Inventory, Member, Members

# (kind, namespace, name in the manifest) of a ConfigMap or Secret under a content-hashed name.
Base = tuple[str, str, str]


@dataclass(frozen=True)
class Departed:
    """What a stack had and its present set does not have.

    Attributes:
        pruned: to be deleted when that is asked for, dependents first.
        released: what another stack still has: it only leaves this stack's list.
        generations: older generations of a ConfigMap or Secret of the present set, which have a rule of their own
            (generations.py).
    """

    pruned: tuple[Member, ...] = ()
    released: tuple[Member, ...] = ()
    generations: tuple[Member, ...] = ()


def departed(previous: Mapping[Identity, Member], current: Iterable[Identity], targets: Iterable[str],
             elsewhere: Iterable[Identity] = (), bases: Iterable[Base] = (), order: Iterable[str] = ()) -> Departed:
    """Sorts what left a stack: exactly previous minus current.

    Args:
        previous: what the stack had.
        current: what it has now.
        targets: labels of the k8s_objects in the stack now. What one of them no longer makes is gone for every stack
            that has it; what came from a target that left this stack may still be wanted by another.
        elsewhere: what other stacks have.
        bases: the present set's ConfigMaps and Secrets under content-hashed names.
        order: labels of targets, dependencies first, for the order of deletion.
    """
    now, own, others, kept = set(current), set(targets), set(elsewhere), set(bases)
    pruned, released, generations = [], [], []
    for identity in sorted(previous):
        member = previous[identity]
        if identity in now:
            continue
        if member.base and (identity.kind, identity.namespace, member.base) in kept:
            generations.append(member)
        elif identity in others and member.target not in own:
            released.append(member)
        else:
            pruned.append(member)
    # A target that is not in the stack any more was a dependency of one that is, or of nothing: it goes last.
    place = {label: index for index, label in enumerate(order)}
    pruned.sort(key=lambda member: -place.get(member.target, -1))
    return Departed(tuple(pruned), tuple(released), tuple(generations))


def departed_of(inventory: Inventory, items: Iterable[Item], left_out: Iterable[Item], labels: Iterable[str]) -> Departed:
    """Returns what left a stack.

    Args:
        inventory: what the cluster says.
        items: the present set.
        left_out: what of the stack this cluster must not get (see conditions.py); it has not left.
        labels: the stack's targets, dependencies first.
    """
    items, labels = list(items), list(labels)
    configs = [config for item in items for config in [base_of(item.obj)] if config]
    return departed(
        inventory.members, [item.identity for item in (*items, *left_out)], labels,
        [identity for other in inventory.others for identity, member in other.members.items() if member.present],
        [(config.kind, config.namespace, config.name) for config in configs], labels)


def items_to_prune(members: Iterable[Member], kinds: Kinds) -> tuple[list[Item], list[Member]]:
    """Finds where members live.

    Returns:
        The items, and the members whose kind the cluster does not serve any more: they went with it.
    """
    items, gone = [], []
    for member in members:
        obj = {"apiVersion": member.api_version, "kind": member.identity.kind,
               "metadata": {"name": member.identity.name, "namespace": member.identity.namespace}}
        resource = kinds.of(obj) or kinds.find_any_version(member.identity.group, member.identity.kind)
        if resource is None:
            gone.append(member)
        else:
            items.append(Item(member.target, {**obj, "apiVersion": resource.api_version}, resource, member.identity))
    return items, gone


def sentence(stack: str, members: Iterable[Member], *, data: bool = False) -> str:
    """Says what left a stack and how to delete it; "" when nothing did.

    Args:
        stack: its target.
        members: what left it.
        data: it was kept by a prune, because it may hold data of others.
    """
    members = list(members)
    if not members:
        return ""
    shown = ", ".join(str(member.identity) for member in members[:5])
    more = f" and {len(members) - 5} more" if len(members) > 5 else ""
    stays = " and may hold data of others" if data else ""
    holding = [member for member in members if data or member.identity.kind in DATA_KINDS]
    them = "them" if len(members) != 1 else "it"
    command = f"bazel run {stack}.apply -- --prune"
    if len(holding) == len(members):
        cure = f"delete {them} with '{command} --delete-data'"
    else:
        kinds = ", ".join(sorted({member.identity.kind for member in holding}))
        cure = f"delete {them} with '{command}'" + (f", and with '--delete-data', too, what may hold data of others ({kinds})" if holding else "")
    return f"{stack}: {len(members)} object{'s' * (len(members) != 1)} left the stack{stays}: {shown}{more}; {cure}."


def moved_from_note(stack: str, inventory: Inventory, former: Iterable[str]) -> str:
    """Says in which namespaces nothing of a stack is found that is said to have been its own; "" when there are none.

    Args:
        stack: its target.
        inventory: what the cluster says of the stack.
        former: the namespaces.
    """
    found = {identity.namespace for identity in inventory.members} | (inventory.moved.spans if inventory.moved else frozenset())
    nowhere = [place for place in dict.fromkeys(former) if place not in found]
    if not nowhere:
        return ""
    return f"{stack}: nothing of this stack is found in {', '.join(nowhere)}, which --moved-from names"


def recorded(before: Members, current: Iterable[Member], leaving: Iterable[Member]) -> Members:
    """Returns what a parent lists: the present set, and what has left it and is still on the cluster.

    Args:
        before: what it listed: the UIDs of members that were not touched come from there.
        current: the present set.
        leaving: what left the stack and stays on the cluster.
    """
    result: Members = {member.identity: replace(member, present=False) for member in leaving}
    for member in current:
        known = before.get(member.identity)
        result[member.identity] = replace(member, uid=known.uid) if known and not member.uid else member
    return result
