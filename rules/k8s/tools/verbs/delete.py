"""`.delete`: deletes a stack, what left it and is still in the cluster, and its history."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.deletion.deletion import Deleter
from rules.k8s.tools.stack import generations, history
from rules.k8s.tools.stack.inventory import Inventory, read_inventory, remove_parent, write_parent
from rules.k8s.tools.stack.lease import Lease
from rules.k8s.tools.stack.pruning import departed_of, items_to_prune, moved_from_note
from rules.k8s.tools.stack.stack_location import locate_stack

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


def delete_stack(run: Run, client: Client, items: list[Item], executor: Executor) -> list[Result]:
    """Deletes everything that a stack's targets made, what left the stack before, dependents first, and the stack's history.

    What left it and is still part of another stack stays, as does what somebody else made under the same name, and what the same
    target's stack for other namespaces, as that of another user, has as well.

    Args:
        run: the run.
        client: the API server.
        items: the stack's objects, dependencies first.
        executor: for deleting in parallel.

    Raises:
        TurnupError: somebody else is writing to the stack, and may not be waited for.
    """
    options = run.options
    home = locate_stack(run.plan, items)
    lease = Lease(client, home.stack, home.namespace, run.report.note, wait=not options.no_wait, name=home.name)
    with lease:
        lease.wait_free()
        inventory = read_inventory(client, home, items, options.moved_from)
        # Where nothing was ever applied there is nothing to keep apart, and no reason to make a lease. One without a list was left
        # by a delete that was killed.
        if (inventory.parent.exists or lease.exists) and not lease.acquire():
            # Somebody else wrote in between: what they have listed goes, too.
            inventory = read_inventory(client, home, items, options.moved_from)
        text = moved_from_note(home.stack, inventory, options.moved_from)
        if text:
            run.report.note(text)
        departed = departed_of(inventory, items, (), [entry.label for entry in run.plan.entries])
        left, _ = items_to_prune(departed.pruned, run.kinds)
        graph = {item.label: () for item in left} | {entry.label: entry.deps for entry in run.plan.entries}
        removal = Deleter(client, executor, run.report.result, data=options.delete_data, patience=options.wait or 120.0, fence=lease.fence,
                          uids={member.identity: member.uid for member in departed.pruned})
        shared = _also_elsewhere(run, home.stack, inventory, items)
        stays = {result.item.identity for result in shared}
        results = removal.remove([*left, *(item for item in items if item.identity not in stays)], graph)
        failed = any(result.outcome == "failed" for result in results)
        kept = {result.item.identity for result in results if result.outcome in ("kept", "failed")}
        members = {identity: member for identity, member in inventory.members.items() if identity in kept}
        for parent in (inventory.parent, inventory.moved):
            if parent and parent.exists and failed:
                # What is gone left the stack by this run: the next one does not speak of it.
                gone = {result.item.identity for result in results if result.outcome in ("deleted", "absent")}
                left_there = {identity: member for identity, member in parent.members.items() if identity not in gone}
                if len(left_there) < len(parent.members):
                    write_parent(client, parent, left_there, parent.unfinished)
            elif parent and parent.exists:
                if members and parent is inventory.parent:
                    write_parent(client, parent, members)
                else:
                    remove_parent(client, parent)
        if not failed:
            history.forget(client, run.plan)
        if not members and lease.held:
            lease.remove()
        _forget_emptied(run, client, inventory, results)
        return shared + results


def _also_elsewhere(run: Run, stack: str, inventory: Inventory, items: list[Item]) -> list[Result]:
    """Returns a result for each item that stays, because the same target's stack for other namespaces has it, too."""
    holders = {identity: other for other in inventory.others if other.stack == stack
               for identity, member in other.members.items() if member.present}
    results = [Result(item, "kept", error=f"is part of {stack} for {', '.join(sorted(holders[item.identity].spans))}, too")
               for item in items if item.identity in holders]
    for result in results:
        run.report.result(result)
    return results


def _forget_emptied(run: Run, client: Client, inventory: Inventory, results: list[Result]) -> None:
    """Removes the lists and leases of other stacks of which nothing is left, unless somebody writes to them or has since."""
    gone = {result.item.identity for result in results if result.outcome in ("deleted", "absent")}
    for other in inventory.others:
        if not other.members or not other.members.keys() <= gone:
            continue
        # Who writes to that stack right now lists what it makes: the list is theirs.
        with Lease(client, other.stack, other.namespace, run.report.note, name=other.name) as lease:
            if lease.acquire_if_free():
                remove_parent(client, other)
                lease.remove()


def delete(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Deletes the stack and its history; returns the exit code."""
    return run.finish(delete_stack(run, client, generations.others(client, items, executor) + items, executor))
