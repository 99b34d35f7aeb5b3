"""A stack as the cluster has it: the common ground of the verbs that write, delete or compare a whole stack."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, live_metadata
from rules.k8s.tools.deletion.deletion import Deleter
from rules.k8s.tools.deletion.ordering import Graph, closure_of
from rules.k8s.tools.errors import ApiError, TurnupError, is_namespace_terminating
from rules.k8s.tools.objects.objects import Identity, is_listed
from rules.k8s.tools.stack.former_history import forget_stack
from rules.k8s.tools.stack.inventory import (
    ApplySetParent,
    Inventory,
    read_inventory,
    read_parent,
    remove_parent,
    with_part_of,
    write_parent,
)
from rules.k8s.tools.stack.lease import Lease
from rules.k8s.tools.stack.members import Member, Members, member_of
from rules.k8s.tools.stack.ownership import Ownership
from rules.k8s.tools.stack.pruning import FormerMembers, find_former_members, locate_members, members_to_record, moved_from_note, staying_notes
from rules.k8s.tools.stack.stack_location import locate_stack

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run

_DELETE_SECONDS = 120.0


class LiveStack:
    """A stack on the cluster: where its records live, its lease, its inventory and what left it.

    Args:
        run: the run: its plan, options and report.
        client: the API server.
        items: the stack's objects on this cluster, dependencies first.
        executor: for requests in parallel.
        moved_from: namespaces that belonged to this stack alone; those of `--moved-from` when None.

    Attributes:
        label: the target that the stack is named after.
        location: where its inventory and lease live.
        items: the stack's objects; `read` adds the label of the ApplySet that each belongs to.
        lease: the stack's lease.
        inventory: what the cluster listed at the last `read`; empty before.
        former: what had left the stack at the last `read`; empty before.
    """

    def __init__(self, run: Run, client: Client, items: Iterable[Item], executor: Executor, *, moved_from: Iterable[str] | None = None) -> None:
        self._plan = run.plan
        self._options = run.options
        self._left_out = run.left_out
        self._moved_from = list(run.options.moved_from if moved_from is None else moved_from)
        self._moved_from_note = ""
        self.client = client
        self.executor = executor
        self.report = run.report
        self.kinds = run.kinds
        self.label = run.plan.label
        self.items = list(items)
        self.location = locate_stack(run.plan, self.items)
        self.lease = Lease(client, self.label, self.location.namespace, run.report.note, wait=not run.options.no_wait, name=self.location.name)
        self.inventory = Inventory(ApplySetParent(self.label, self.location.namespace, {}, exists=False))
        self.former = FormerMembers()

    @property
    def version(self) -> str:
        """The resourceVersion of the inventory as it was last read or written, "" when there is none."""
        return self.inventory.parent.version

    def read(self) -> None:
        """Reads the inventory, and derives from it the objects' ApplySet labels and what left the stack.

        Notes, once, which namespaces of `--moved-from` have nothing of this stack.

        Raises:
            TurnupError: the inventory cannot be read.
        """
        try:
            self.inventory = read_inventory(self.client, self.location, self.items, self._moved_from)
        except ApiError as error:
            raise TurnupError(f"{self.label}: the list of its objects cannot be read ({error.message}). Run it again.") from None
        text = moved_from_note(self.label, self.inventory, self._moved_from)
        if text and text != self._moved_from_note:
            self.report.note(text)
        self._moved_from_note = text
        self.items = [with_part_of(item, self.inventory.part_of(item.identity)) for item in self.items]
        self.former = find_former_members(self.inventory, self.items, self._left_out, [entry.label for entry in self._plan.entries])

    def current_members(self, uids: Mapping[Identity, str], written: Collection[Identity] | None = None) -> Members:
        """Returns the present set as members of the inventory.

        Args:
            uids: the UIDs on the cluster, as far as they are known.
            written: the objects that are as the present set has them; None for all. Others are listed under the target that they
                were listed under, because that is what their annotation says.
        """
        own = self.inventory.parent.id
        return {
            item.identity: self._as_listed(member_of(item, "", self.inventory.part_of(item.identity) == own), uids, written)
            for item in self.items
            if is_listed(item.obj)
        }

    def current_kept(self, uids: Mapping[Identity, str], written: Collection[Identity] | None = None) -> Members:
        """Returns the objects of the present set that nothing prunes, as members. The arguments are those of current_members."""
        return {item.identity: self._as_listed(member_of(item), uids, written) for item in self.items if not is_listed(item.obj)}

    def _as_listed(self, member: Member, uids: Mapping[Identity, str], written: Collection[Identity] | None) -> Member:
        known = self.inventory.find(member.identity)
        # An object that is about to be recreated has no UID yet: whatever the run creates is the stack's own, even if it is killed.
        member = replace(member, uid=uids.get(member.identity, known.uid if known else ""))
        if not known or written is None or member.identity in written:
            return member
        return replace(member, target=known.target)

    def final_members(self, uids: Mapping[Identity, str], gone: Collection[Identity] = (), written: Collection[Identity] | None = None) -> Members:
        """Returns what the inventory lists once everything is written.

        Args:
            uids: the UIDs on the cluster, as far as they are known.
            gone: what left the stack and is no longer on the cluster, or belongs to somebody else.
            written: as for current_members.
        """
        leaving = [member for member in (*self.former.prunable, *self.former.generations) if member.identity not in gone]
        return members_to_record(self.inventory.members, self.current_members(uids, written).values(), leaving)

    def write_inventory(self, members: Members, unfinished: str = "", kept: Members | None = None) -> None:
        """Writes the inventory. Without the right to do so, notes that nothing can be pruned later.

        Args:
            members: what it lists.
            unfinished: what is going on; "" once everything is written.
            kept: what else it lists that nothing prunes; None for what it had.

        Raises:
            TurnupError: the lease was lost, or the server refuses.
        """
        if not self.inventory.readable:
            return
        # A run that took the lease since then has written an inventory of its own.
        self.lease.check()
        try:
            parent = write_parent(self.client, self.inventory.parent, members, unfinished, kept=kept, graph=self._graph_to_record(members))
            self.inventory = replace(self.inventory, parent=parent)
        except ApiError as error:
            if error.status != 403 or is_namespace_terminating(error.message):
                raise TurnupError(f"{self.label}: the list of its objects cannot be written ({error.message}). Run it again.") from None
            self.report.note(f"note: this account may not write ConfigMaps in {self.location.namespace}, so objects that leave {self.label} cannot be pruned")
            self.inventory = replace(self.inventory, readable=False)

    def _graph_to_record(self, members: Members) -> dict[str, tuple[str, ...]]:
        """Returns the graph of the stack's targets and, as far as something of theirs is listed, of targets that left it."""
        present = {entry.label: tuple(sorted(entry.deps)) for entry in self._plan.entries}
        labels = present.keys() | {member.target for member in members.values()}
        known = self.inventory.graph
        former = {label: tuple(sorted(closure_of(known, label) & labels)) for label in labels - present.keys() if label in known}
        graph = former | present
        return graph if any(graph.values()) else {}

    def update_others(self, gone: Collection[Identity], uids: Mapping[Identity, str], *, remove: bool = False) -> None:
        """Keeps the inventories of other stacks true that list the same objects. What another run writes right now lists itself.

        Args:
            gone: what this run deleted.
            uids: the UIDs of what this run wrote.
            remove: also remove the inventories, leases and revisions of stacks that have no objects left.
        """
        for other in self.inventory.others:
            if _without_gone(other, gone, uids) == dict(other.members):
                continue
            try:
                self._update_other(other, gone, uids, remove=remove)
            except ApiError as error:
                self.report.note(f"note: the list of {other.stack} in {other.namespace} could not be updated ({error.message})")

    def _update_other(self, other: ApplySetParent, gone: Collection[Identity], uids: Mapping[Identity, str], *, remove: bool) -> None:
        with self.lease_of(other) as lease:
            present = read_parent(self.client, other) if lease.acquire_if_free() else None
            if not present:
                return
            members = _without_gone(present, gone, uids)
            if members or not remove or present.version != other.version:
                # What was written after this run had read it is about to list more.
                write_parent(self.client, present, members, present.unfinished)
            elif remove_parent(self.client, present):
                forget_stack(self.client, present, self._plan, self.report.note)
                lease.remove()

    def note_staying(self) -> None:
        """Notes what left the stack and stays although a prune was asked for."""
        for text in staying_notes(self.label, self.inventory, replace(self.former, kept=tuple(self.live_kept()))):
            self.report.note(text)

    def live_kept(self) -> list[Member]:
        """Returns what left the stack, is still on the cluster, and has the annotation `turnup/on-remove: keep`."""
        items = {item.identity: item for item in locate_members(self.former.kept, self.kinds)[0]}
        found = self.executor.map(lambda item: live_metadata(self.client, item), items.values())
        lives = {identity: live["metadata"]["uid"] for identity, live in zip(items, found, strict=True) if live}
        return [member for member in self.former.kept if member.uid and lives.get(member.identity) == member.uid]

    def lease_of(self, parent: ApplySetParent, *, wait: bool = True) -> Lease:
        """Returns the lease of another inventory.

        Args:
            parent: the inventory.
            wait: wait for another holder; False: refuse.
        """
        return Lease(self.client, parent.stack, parent.namespace, self.report.note, wait=wait, name=parent.name)

    @contextmanager
    def predecessor_lease(self) -> Iterator[None]:
        """Holds the lease of the inventory that this stack takes over, if there is one, so that nobody else writes it."""
        predecessor = self.inventory.predecessor
        if not predecessor or not predecessor.exists:
            yield
            return
        with self.lease_of(predecessor, wait=False) as lease:
            lease.wait_free()
            lease.acquire()
            yield
            lease.remove()

    def deleter(self, why: str = "") -> Deleter:
        """Returns what deletes objects of this stack, and of what left it just those that the inventory lists.

        Args:
            why: why objects are deleted, for the report; "" when that is obvious.
        """
        return Deleter(
            self.client,
            self.executor,
            self.report.result,
            ownership=Ownership(
                [entry.label for entry in self._plan.entries],
                self.inventory,
                {member.identity for member in (*self.former.prunable, *self.former.generations)},
            ),
            data=self._options.delete_data,
            timeout=self._options.wait or _DELETE_SECONDS,
            each=not self._options.wait,
            fence=self.lease.fence,
            why=why,
        )

    def graph_with(self, items: Iterable[Item]) -> Graph:
        """Returns the graph of the stack's targets, and of those of other items, as far as the inventory has it."""
        present = {entry.label: entry.deps for entry in self._plan.entries}
        return {item.label: () for item in items} | self.inventory.graph | present


def _without_gone(parent: ApplySetParent, gone: Collection[Identity], uids: Mapping[Identity, str]) -> Members:
    """Returns what a parent lists, without what is gone and with the UIDs of what was recreated."""
    return {
        identity: replace(member, uid=uids[identity]) if member.uid and uids.get(identity) else member
        for identity, member in parent.members.items()
        if identity not in gone
    }
