"""`.delete`: deletes a stack, what left it and is still on the cluster, and its history."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.objects.objects import ON_REMOVE, Identity
from rules.k8s.tools.stack import generations, history
from rules.k8s.tools.stack.former_history import forget_stack
from rules.k8s.tools.stack.inventory import remove_parent, write_parent
from rules.k8s.tools.stack.pruning import locate_members, unserved_note
from rules.k8s.tools.write.live_stack import LiveStack

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


def execute(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Deletes the stack and its history; returns the exit code."""
    return run.finish(delete_stack(run, client, generations.list_others(client, items, executor) + items, executor))


def delete_stack(run: Run, client: Client, items: list[Item], executor: Executor) -> list[Result]:
    """Deletes everything that a stack has and what left it before, dependents first, and the stack's history.

    An object stays if it left the stack and is part of another one or is annotated to stay, if somebody else created it under the
    same name, or if it also belongs to the same target's stack for other namespaces, such as another user's. The result says so.

    Args:
        run: the run.
        client: the API server.
        items: the stack's objects, dependencies first.
        executor: for requests in parallel.

    Raises:
        TurnupError: somebody else is writing to the stack, and may not be waited for.
    """
    stack = LiveStack(run, client, items, executor)
    with stack.lease as lease:
        lease.wait_free()
        stack.read()
        # If nothing was ever applied, there are no other writers to keep out, and no lease is created. A lease without an inventory
        # is left over from a delete that was killed.
        if (stack.inventory.parent.exists or lease.exists) and not lease.acquire():
            stack.read()  # Somebody else wrote in between: what they listed is deleted as well.
        if not stack.inventory.readable:
            run.report.note(f"note: this account may not read ConfigMaps in {stack.location.namespace}, so objects that left {stack.label} before stay")
        left, unserved = locate_members((*stack.former.prunable, *stack.former.generations), stack.kinds)
        if unserved:
            run.report.note(unserved_note(stack.label, unserved))
        # Generations of targets that have another name by now go, too, whatever their annotation says: their configuration is deleted, and has not left.
        listed = (*stack.inventory.members.values(), *stack.former.kept)
        left += generations.list_others(client, [*items, *left], executor, listed)
        elsewhere = _keep_elsewhere(stack) + _keep_left(stack, {item.identity for item in left})
        stays = {result.item.identity for result in elsewhere}
        deleter = stack.deleter()
        with stack.predecessor_lease():
            results = deleter.remove([*left, *(item for item in stack.items if item.identity not in stays)], stack.graph_with(left))
            foreign = {result.item.identity for result in results if result.live and deleter.reason_to_forget(result.item, result.live)}
            remaining = _update_inventory(stack, results, foreign)
            if all(result.outcome != "failed" for result in results):
                history.forget(client, run.plan, run.report.note)
                if stack.inventory.predecessor:
                    forget_stack(client, stack.inventory.predecessor, run.plan, run.report.note)
        if not remaining and lease.held:
            lease.remove()
        stack.update_others({result.item.identity for result in results if result.outcome in ("deleted", "absent")}, {}, remove=True)
        return elsewhere + results


def _keep_elsewhere(stack: LiveStack) -> list[Result]:
    """Reports each item that stays because the same target's stack for other namespaces has it as well; returns the results."""
    holders = {
        identity: other for other in stack.inventory.others if other.stack == stack.label for identity, member in other.members.items() if member.present
    }
    results = [
        Result(item, "kept", error=f"is also part of {stack.label} for {', '.join(sorted(holders[item.identity].known_namespaces))}")
        for item in stack.items
        if item.identity in holders
    ]
    for result in results:
        stack.report.result(result)
    return results


def _keep_left(stack: LiveStack, going: AbstractSet[Identity]) -> list[Result]:
    """Reports what left the stack and stays, because another stack has it or because its annotation says so; returns the results.

    Args:
        stack: the stack.
        going: what is deleted all the same.
    """
    released = {member.identity: next(other.stack for other in stack.inventory.others if member.identity in other.members) for member in stack.former.released}
    staying = [member for member in (*stack.former.released, *stack.live_kept()) if member.identity not in going]
    items, _ = locate_members(staying, stack.kinds)
    results = [
        Result(item, "kept", error=f"is also part of {released[item.identity]}" if item.identity in released else f"has the annotation {ON_REMOVE}: keep")
        for item in items
    ]
    for result in results:
        stack.report.result(result)
    return results


def _update_inventory(stack: LiveStack, results: list[Result], foreign: set[Identity]) -> bool:
    """Takes what was deleted, and what is somebody else's by now, off the stack's inventory, and removes an inventory that lists nothing.

    Returns:
        Whether objects of the stack remain.
    """
    inventory = stack.inventory
    remaining = {result.item.identity for result in results if result.outcome in ("kept", "failed")} - foreign
    members = {identity: member for identity, member in inventory.members.items() if identity in remaining}
    failed = any(result.outcome == "failed" for result in results)
    for parent in (inventory.parent, inventory.predecessor):
        if not parent or not parent.exists:
            continue
        if failed:
            # This run deleted what is gone: the next one must not report it as having left the stack.
            gone = {result.item.identity for result in results if result.outcome in ("deleted", "absent")} | foreign
            listed = {identity: member for identity, member in parent.members.items() if identity not in gone}
            if len(listed) < len(parent.members):
                write_parent(stack.client, parent, listed, parent.unfinished)
        elif members and parent is inventory.parent:
            write_parent(stack.client, parent, members)
        else:
            remove_parent(stack.client, parent)
    return bool(members)
