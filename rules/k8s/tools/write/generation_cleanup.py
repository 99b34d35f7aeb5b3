"""Removing generations of ConfigMaps and Secrets that nothing needs any more, after an apply and with the stack's lease.

What is needed is asked of the cluster, not remembered: between an apply and the end of its wait somebody else may have
applied another set to the same stack, or gone back to one.
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING, Iterable

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.deletion.deletion import Deleter
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.hashed_names import Config, references
from rules.k8s.tools.objects.objects import is_secret
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.stack import generations, history
from rules.k8s.tools.stack.generations import Held
from rules.k8s.tools.stack.inventory import PART_OF, Inventory, Member, read_inventory, write_parent
from rules.k8s.tools.stack.lease import Lease
from rules.k8s.tools.stack.pruning import items_to_prune
from rules.k8s.tools.stack.stack_location import locate_stack

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run

_PAGE = 500


def clean_up_generations(run: Run, client: Client, items: list[Item], version: str, executor: Executor) -> None:
    """Removes old generations of what was applied; those that a set of somebody else's needs, or their run removes, stay.

    Args:
        run: the run.
        client: the API server.
        items: what was applied.
        version: the resourceVersion of the stack's list when that was done: another one tells of another run since.
        executor: for asking and deleting in parallel.
    """
    home = locate_stack(run.plan, items)
    # Nothing is written where nothing is to be removed: not even the lease.
    if not _choose(run, client, items, version, executor)[0]:
        return
    with Lease(client, home.stack, home.namespace, run.report.note, name=home.name) as lease:
        if not lease.acquire_if_free():
            return  # Whoever is writing now removes them afterwards.
        old, inventory = _choose(run, client, items, version, executor)
        results = Deleter(client, executor, run.report.result, why="an old generation", fence=lease.fence).remove(old, {})
        gone = {result.item.identity for result in results if result.outcome in ("deleted", "absent")}
        if inventory and gone & inventory.parent.members.keys():
            lease.check()
            left = {identity: member for identity, member in inventory.parent.members.items() if identity not in gone}
            write_parent(client, inventory.parent, left, inventory.parent.unfinished)


def _choose(run: Run, client: Client, items: list[Item], version: str, executor: Executor) -> tuple[list[Item], Inventory | None]:
    """Returns the generations that may go, and the stack's inventory; None where it is not known."""
    settled = bool(run.options.wait)
    if not generations.outdated(client, Held.of(items), executor, settled=settled):
        return [], None
    inventory = read_inventory(client, locate_stack(run.plan, items), items)
    known = inventory.readable and inventory.parent.exists
    held = _held(inventory) if known else Held.of(items)
    old = generations.outdated(client, held, executor, settled=settled and inventory.parent.version == version)
    used = _used(run, client, inventory, {item.identity.namespace for item in old}) if old else set()
    if used is None:
        return [], None
    if any(item.identity.kind == "Secret" for item in old):
        used |= _needed_to_go_back(client, run.plan)
    old = [item for item in old if Config(item.identity.kind, item.identity.namespace, item.identity.name) not in used]
    return old, inventory if known else None


def _needed_to_go_back(client: Client, plan: Plan) -> set[Config]:
    """Returns the Secrets that a stack's revisions name: their values are nowhere else. Of a ConfigMap a revision has the content."""
    found: set[Config] = set()
    for revision in history.revisions(client, plan):
        try:
            entries = history.read(client, plan, revision)
        except UnreachableError:
            raise
        except TurnupError as error:
            if isinstance(error, ApiError) and error.status != 404:
                raise
            continue  # It is damaged, or gone by now: nobody can go back to it.
        found |= {Config("Secret", obj["metadata"].get("namespace") or "", obj["metadata"]["name"])
                  for entry in entries for obj in entry.objects if is_secret(obj)}
    return found


def _held(inventory: Inventory) -> Held:
    """Returns which ConfigMaps and Secrets a stack has now, and which generations of them it or another stack uses."""
    own = _present(inventory.parent.members.values())
    every = own + [member for other in inventory.others for member in _present(other.members.values())]
    return Held({Config(member.identity.kind, member.identity.namespace, member.base): member.target for member in own},
                frozenset((member.identity.kind, member.identity.namespace, member.identity.name) for member in every))


def _present(members: Iterable[Member]) -> list[Member]:
    return [member for member in members if member.present and member.base]


def _used(run: Run, client: Client, inventory: Inventory, places: set[str]) -> set[Config] | None:
    """Returns what live objects of the stacks in some namespaces refer to; None where they cannot be read, so that nobody knows."""
    members = [member for parent in (inventory.parent, *inventory.others) for member in parent.members.values()]
    users = [member for member in members if member.identity.namespace in places and not member.base]
    collections = {(item.resource, item.identity.namespace) for item in items_to_prune(users, run.kinds)[0]}
    try:
        return {config for resource, place in sorted(collections, key=str) for config in _references(client, inventory, resource, place)}
    except ApiError as error:
        if error.status in (403, 404, 405, 410):
            return None
        raise


def _references(client: Client, inventory: Inventory, resource: Resource, place: str) -> set[Config]:
    """Returns what the stacks' live objects of one kind and namespace refer to."""
    found: set[Config] = set()
    after = None
    while True:
        page = client.request("GET", resource.path(place), query={
            "labelSelector": f"{PART_OF} in ({','.join(inventory.ids)})", "limit": _PAGE, "continue": after})[1]
        for obj in page.get("items") or []:
            # The objects of a list do not say what they are.
            found.update(references({"apiVersion": resource.api_version, "kind": resource.kind, **obj}))
        after = (page.get("metadata") or {}).get("continue")
        if not after:
            return found
