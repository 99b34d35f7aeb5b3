"""The choice of what to prune: which former members of a stack are deleted, released or kept. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rules.k8s.tools.api.discovery import Kinds
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.objects.hashed_names import base_of
from rules.k8s.tools.objects.kinds import DATA_KINDS
from rules.k8s.tools.objects.objects import ON_REMOVE, Identity
from rules.k8s.tools.stack.inventory import Inventory
from rules.k8s.tools.stack.members import Member, Members

# (kind, namespace, name in the manifest) of a ConfigMap or Secret under a content-hashed name.
Base = tuple[str, str, str]


@dataclass(frozen=True)
class FormerMembers:
    """What a stack had and its present set does not have.

    Attributes:
        prunable: what a prune deletes, dependents first.
        released: what another stack still has: it only leaves this stack's inventory.
        generations: older generations of a ConfigMap or Secret of the present set; generations.py decides about them.
        kept: what has the annotation `turnup/on-remove: keep`; it stays on the cluster.
    """

    prunable: tuple[Member, ...] = ()
    released: tuple[Member, ...] = ()
    generations: tuple[Member, ...] = ()
    kept: tuple[Member, ...] = ()


def sort_former_members(
    previous: Mapping[Identity, Member],
    current: Iterable[Identity],
    targets: Iterable[str],
    elsewhere: Iterable[Identity] = (),
    bases: Iterable[Base] = (),
    order: Iterable[str] = (),
) -> FormerMembers:
    """Sorts what left a stack: exactly previous minus current.

    Args:
        previous: what the stack had.
        current: what it has now.
        targets: labels of the k8s_objects in the stack now. What one of them no longer declares can go from every stack that
            lists it; what came from a target that left this stack may still be wanted by another.
        elsewhere: what other stacks have.
        bases: the present set's ConfigMaps and Secrets under content-hashed names.
        order: labels of targets, dependencies first, for the order of deletion.
    """
    now, own, others, kept = set(current), set(targets), set(elsewhere), set(bases)
    prunable, released, generations = [], [], []
    for identity in sorted(previous):
        member = previous[identity]
        if identity in now:
            continue
        if member.base and (identity.kind, identity.namespace, member.base) in kept:
            generations.append(member)
        elif identity in others and member.target not in own:
            released.append(member)
        else:
            prunable.append(member)
    # A target that left the stack was a dependency of one that stayed, or of nothing: its objects go last.
    place = {label: index for index, label in enumerate(order)}
    prunable.sort(key=lambda member: -place.get(member.target, -1))
    return FormerMembers(tuple(prunable), tuple(released), tuple(generations))


def find_former_members(inventory: Inventory, items: Iterable[Item], left_out: Iterable[Item], labels: Iterable[str]) -> FormerMembers:
    """Returns what left a stack.

    Args:
        inventory: what the cluster lists.
        items: the present set.
        left_out: objects of the stack that this cluster must not get (see conditions.py); they did not leave it.
        labels: the stack's targets, dependencies first.
    """
    items, labels = list(items), list(labels)
    configs = [config for item in items for config in [base_of(item.obj)] if config]
    current = {item.identity for item in (*items, *left_out)}
    mine = inventory.members
    # If another stack lists an object under another target, one of the two lists has a former name and keeps nothing.
    elsewhere = [
        identity
        for other in inventory.others
        for identity, member in other.members.items()
        if member.present and identity in mine and member.target == mine[identity].target
    ]
    found = sort_former_members(
        mine,
        current,
        labels,
        elsewhere,
        [(config.kind, config.namespace, config.name) for config in configs],
        labels,
    )
    return replace(found, kept=tuple(member for identity, member in sorted(inventory.kept.items()) if identity not in current))


def locate_members(members: Iterable[Member], kinds: Kinds) -> tuple[list[Item], list[Member]]:
    """Finds the path of members on the server.

    Returns:
        The members as items, and the members that disappeared because the cluster no longer serves their kind.
    """
    items, gone = [], []
    for member in members:
        obj = {
            "apiVersion": member.api_version,
            "kind": member.identity.kind,
            "metadata": {"name": member.identity.name, "namespace": member.identity.namespace},
        }
        resource = kinds.of(obj) or kinds.find_any_version(member.identity.group, member.identity.kind)
        if resource is None:
            gone.append(member)
        else:
            items.append(Item(member.target, {**obj, "apiVersion": resource.api_version}, resource, member.identity))
    return items, gone


def staying_notes(stack: str, inventory: Inventory, former: FormerMembers) -> list[str]:
    """Returns a sentence for each reason for which something that left a stack stays on the cluster although a prune was asked for.

    Args:
        stack: its target.
        inventory: what the cluster lists.
        former: what left the stack.
    """
    reasons: dict[str, list[Member]] = {}
    for member in former.released:
        holder = next(other.stack for other in inventory.others if member.identity in other.members and other.members[member.identity].present)
        reasons.setdefault(f"{holder} has", []).append(member)
    sentences = []
    for reason, members in reasons.items():
        one = len(members) == 1
        sentences.append(
            f"{stack}: {_count(members)} left the stack and stay{'s' * one}, because {reason} {'it' if one else 'them'} as well: {_names(members)}."
        )
    if former.kept:
        one = len(former.kept) == 1
        sentences.append(
            f"{stack}: {_count(former.kept)} left the stack and stay{'s' * one}, because {'its' if one else 'their'} annotation {ON_REMOVE} is 'keep': "
            f"{_names(former.kept)}."
        )
    return sentences


def unserved_note(stack: str, members: Sequence[Member]) -> str:
    """Returns a sentence on members of kinds that the cluster no longer serves; "" when there are none."""
    if not members:
        return ""
    pronoun = "it leaves" if len(members) == 1 else "they leave"
    return f"{stack}: the cluster no longer serves the kind of {_count(members)} that left the stack, so {pronoun} the list: {_names(members)}."


def _count(members: Sequence[Member]) -> str:
    return f"{len(members)} object{'s' * (len(members) != 1)}"


def _names(members: Sequence[Member]) -> str:
    return ", ".join(str(member.identity) for member in members[:5]) + (f" and {len(members) - 5} more" if len(members) > 5 else "")


def former_members_note(stack: str, members: Iterable[Member], *, data: bool = False) -> str:
    """Returns a sentence on what left a stack and how to delete it; "" when nothing did.

    Args:
        stack: its target.
        members: what left it.
        data: a prune kept it, because it may hold data of others.
    """
    members = list(members)
    if not members:
        return ""
    stays = " and may hold data of others" if data else ""
    holding = [member for member in members if data or member.identity.kind in DATA_KINDS]
    them = "them" if len(members) != 1 else "it"
    command = f"bazel run {stack}.apply -- --prune"
    if len(holding) == len(members):
        cure = f"delete {them} with '{command} --delete-data'"
    else:
        kinds = ", ".join(sorted({member.identity.kind for member in holding}))
        cure = f"delete {them} with '{command}'" + (f"; add '--delete-data' to delete what may hold data of others as well ({kinds})" if holding else "")
    return f"{stack}: {_count(members)} left the stack{stays}: {_names(members)}; {cure}."


def moved_from_note(stack: str, inventory: Inventory, moved_from: Iterable[str]) -> str:
    """Returns a sentence on the namespaces of `--moved-from` that have nothing of a stack; "" when there are none.

    Args:
        stack: its target.
        inventory: what the cluster lists for the stack.
        moved_from: the namespaces.
    """
    predecessor = inventory.predecessor
    found = {identity.namespace for identity in inventory.members} | (predecessor.known_namespaces if predecessor else frozenset())
    empty = [namespace for namespace in dict.fromkeys(moved_from) if namespace not in found]
    if not empty:
        return ""
    return f"{stack}: nothing of this stack was found in {', '.join(empty)}; check the namespace after --moved-from"


def members_to_record(before: Members, current: Iterable[Member], leaving: Iterable[Member]) -> Members:
    """Returns what an inventory lists: the present set, and what left it and is still on the cluster.

    Args:
        before: what it listed; UIDs of members that were not written come from there.
        current: the present set.
        leaving: what left the stack and stays on the cluster.
    """
    result: Members = {member.identity: replace(member, present=False) for member in leaving}
    for member in current:
        known = before.get(member.identity)
        result[member.identity] = replace(member, uid=known.uid) if known and not member.uid else member
    return result
