"""The removal of generations of ConfigMaps and Secrets that nothing needs any more, after an apply and under the stack's lease.

The cluster tells what is needed, not this run's memory: between an apply and the end of its wait, somebody else may have
applied another set to the same stack or rolled it back.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.objects import is_secret
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.objects.references import Config, references
from rules.k8s.tools.stack import generations, history
from rules.k8s.tools.stack.former_history import revisions_of
from rules.k8s.tools.stack.generations import StackConfigs
from rules.k8s.tools.stack.inventory import PART_OF, Inventory
from rules.k8s.tools.stack.members import Member
from rules.k8s.tools.stack.pruning import locate_members
from rules.k8s.tools.write.live_stack import LiveStack

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run

_PAGE = 500


def clean_up_generations(run: Run, client: Client, items: list[Item], version: str, executor: Executor, known: Inventory) -> None:
    """Removes old generations of what was applied, except those that another set needs.

    Args:
        run: the run.
        client: the API server.
        items: what was applied.
        version: the resourceVersion of the stack's inventory after the apply: a different one means that somebody else ran since.
        executor: for requests in parallel.
        known: the stack's inventory as the apply left it.
    """
    stack = LiveStack(run, client, items, executor, moved_from=())
    settled = bool(run.options.wait)
    # If there is nothing to remove, nothing is written: not even the lease.
    if not _choose(stack, run.plan, version, known, settled=settled):
        return
    with stack.lease as lease:
        if not lease.acquire_if_free():
            return  # Whoever writes now removes them afterwards.
        old = _choose(stack, run.plan, version, known, settled=settled)
        results = stack.deleter("an old generation").remove(old, {})
        gone = {result.item.identity for result in results if result.outcome in ("deleted", "absent")}
        stack.update_others(gone, {})
        parent = stack.inventory.parent
        if parent.exists and gone & parent.members.keys():
            stack.write_inventory({identity: member for identity, member in parent.members.items() if identity not in gone}, parent.unfinished)


def _choose(stack: LiveStack, plan: Plan, version: str, known: Inventory, *, settled: bool) -> list[Item]:
    """Returns the generations that can be removed. Reads the stack's inventory if there may be any."""
    client, own = stack.client, StackConfigs.of(stack.items, known.members.values())
    if not generations.list_obsolete(client, own, stack.executor, settled=settled):
        return []
    stack.read()
    inventory = stack.inventory
    if inventory.readable and inventory.parent.exists:
        own = _stack_configs(inventory)
    old = generations.list_obsolete(client, own, stack.executor, settled=settled and stack.version == version)
    used = _used(stack, {item.identity.namespace for item in old}) if old else set()
    if used is None:
        return []
    if any(item.identity.kind == "Secret" for item in old):
        used |= _needed_for_rollback(client, plan, inventory)
    return [item for item in old if Config(item.identity.kind, item.identity.namespace, item.identity.name) not in used]


def _needed_for_rollback(client: Client, plan: Plan, inventory: Inventory) -> set[Config]:
    """Returns the Secrets that revisions of a stack, and of those that share objects with it, name.

    Only the Secrets have their values; a revision has a ConfigMap's content.
    """
    found: set[Config] = set()
    others = [revision for parent in inventory.others for revision in revisions_of(client, parent, plan)]
    for revision in [*history.revisions(client, plan), *others]:
        try:
            entries = history.read(client, plan, revision)
        except UnreachableError:
            raise
        except TurnupError as error:
            if isinstance(error, ApiError) and error.status != 404:
                raise
            continue  # It is damaged or gone, so nobody can roll back to it.
        found |= {
            Config("Secret", obj["metadata"].get("namespace") or "", obj["metadata"]["name"]) for entry in entries for obj in entry.objects if is_secret(obj)
        }
    return found


def _stack_configs(inventory: Inventory) -> StackConfigs:
    """Returns which ConfigMaps and Secrets a stack has now, and which generations of them it or another stack uses."""
    own = _present(inventory.parent.members.values())
    every = own + [member for other in inventory.others for member in _present(other.members.values())]
    return StackConfigs(
        {Config(member.identity.kind, member.identity.namespace, member.base): member.target for member in own},
        frozenset((member.identity.kind, member.identity.namespace, member.identity.name) for member in every),
        frozenset(member.uid for member in inventory.members.values() if member.base and member.uid),
    )


def _present(members: Iterable[Member]) -> list[Member]:
    return [member for member in members if member.present and member.base]


def _used(stack: LiveStack, namespaces: set[str]) -> set[Config] | None:
    """Returns what live objects of the stacks in some namespaces refer to; None where the account may not read them."""
    inventory = stack.inventory
    members = [member for parent in (inventory.parent, *inventory.others) for member in parent.members.values()]
    users = [member for member in members if member.identity.namespace in namespaces and not member.base]
    collections = {(item.resource, item.identity.namespace) for item in locate_members(users, stack.kinds)[0]}
    try:
        return {config for resource, namespace in sorted(collections, key=str) for config in _references(stack.client, inventory, resource, namespace)}
    except ApiError as error:
        if error.status in (403, 404, 405, 410):
            return None
        raise


def _references(client: Client, inventory: Inventory, resource: Resource, namespace: str) -> set[Config]:
    """Returns what the stacks' live objects of one kind and namespace refer to."""
    found: set[Config] = set()
    after = None
    while True:
        page = client.request(
            "GET", resource.path(namespace), query={"labelSelector": f"{PART_OF} in ({','.join(inventory.ids)})", "limit": _PAGE, "continue": after}
        )[1]
        for obj in page.get("items") or []:
            # Objects in a list have no apiVersion and kind.
            found.update(references({"apiVersion": resource.api_version, "kind": resource.kind, **obj}))
        after = (page.get("metadata") or {}).get("continue")
        if not after:
            return found
