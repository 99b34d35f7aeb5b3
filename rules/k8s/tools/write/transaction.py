"""A stack as one transaction: look, check everything, take the lease, write, prune, write down what is there.

    check()    1. waits for another run that holds the stack's lease
               2. reads the inventory: what the stack has on the cluster
               3. preflight: a refusal anywhere ends the run with every reason, and nothing was written
    commit()   4. nothing to do: ends here, without a request that writes
               5. takes the lease; checks again when somebody else wrote in between
               6. lists in the inventory what is about to be made, before it is made
               7. writes what differs, in the order that was asked for
               8. prunes, when everything was written and that was asked for
               9. lists what is there now, writes a revision, and gives the lease back

A run that is killed between two of these leaves a state from which the next one goes on: the inventory never lists less
than what the stack has.
"""

from __future__ import annotations

from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Collection, Iterable, Iterator

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.deletion.deletion import Deleter
from rules.k8s.tools.errors import ApiError, TurnupError, is_namespace_terminating
from rules.k8s.tools.objects.kinds import HOLD_DATA
from rules.k8s.tools.objects.objects import Identity, is_listed
from rules.k8s.tools.preflight.planned_objects import PlannedObjects
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict
from rules.k8s.tools.stack.inventory import (
    ApplySetParent,
    Inventory,
    Member,
    Members,
    member_of,
    read_inventory,
    remove_parent,
    with_part_of,
    write_parent,
)
from rules.k8s.tools.stack.lease import Lease
from rules.k8s.tools.stack.pruning import Departed, departed_of, items_to_prune, moved_from_note, recorded, sentence
from rules.k8s.tools.stack.stack_location import locate_stack
from rules.k8s.tools.write.revision_recorder import RevisionRecorder
from rules.k8s.tools.write.write_order import write_all
from rules.k8s.tools.write.writer import Writer

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run




class Transaction:
    """One run of a verb that writes a stack.

    Args:
        run: the run: its plan, options and way out.
        client: the API server.
        items: the stack's objects on this cluster.
        executor: for asking and writing in parallel.
        unsent: items that are part of the stack and are not written by this run.
        prune: delete what left the stack.
        only: what of it may be deleted; None for all. Where the inventory cannot be read nothing is deleted then.
        labels: other targets whose objects are the stack's own.
        mark: what the inventory says is going on until all is written.

    Attributes:
        lease: the stack's lease, for the writer to check.
    """

    def __init__(self, run: Run, client: Client, items: Iterable[Item], executor: Executor, *, unsent: Iterable[Item] = (), prune: bool = False,
                 only: Collection[Identity] | None = None, labels: Iterable[str] = (), mark: str = "apply"):
        self._run = run
        self._client = client
        self._executor = executor
        self._unsent = {item.identity for item in unsent}
        self._items = list(items)
        self._prune = prune
        self._only = only
        self._doing = mark
        self._stack = run.plan.label
        self._home = locate_stack(run.plan, self._items)
        self._inventory = Inventory(ApplySetParent(self._stack, self._home.namespace, {}, exists=False))
        self._departed = Departed()
        self._unfound = ""
        self._verdicts: list[Verdict] = []
        self.planned = PlannedObjects.of(self._items, (*labels, *(entry.label for entry in run.plan.entries)))
        self.lease = Lease(client, self._stack, self._home.namespace, run.report.note, wait=not run.options.no_wait, name=self._home.name)
        self._pruning = self._removal()

    def check(self, writer: Writer) -> None:
        """Finds out what there is to do, without writing.

        Raises:
            TurnupError: somebody else holds the lease and may not be waited for, or something would be refused: the
                other reasons have been said.
        """
        self.lease.wait_free()
        self._look()
        found = writer.check([item for item in self._items if item.identity not in self._unsent], self._inventory, self._executor)
        refusals = [each.sentence for each in found if isinstance(each, Refusal)]
        if self._prune:
            self._pruning = self._removal()
            refusals += self._pruning.refusals(self._to_prune()[0])
        if refusals:
            for text in refusals if len(refusals) > 1 else ():
                self._run.report.error(text, TurnupError.exit_code)
            raise TurnupError(f"{refusals[0]} Nothing was written." if len(refusals) == 1 else
                              f"{self._stack}: {len(refusals)} refusals in {len(self._items)} objects; nothing was written.")
        self._verdicts = [each for each in found if isinstance(each, Verdict)]

    def commit(self, writer: Writer, recorder: RevisionRecorder) -> list[Result]:
        """Writes what differs; returns a result for each item and each object that was pruned.

        Raises:
            TurnupError: the inventory cannot be written, or a dependency did not get ready.
        """
        with self.lease:
            if self._is_done() and not recorder.needed() and not self.lease.is_left:
                return self._say_done()
            if not self.lease.acquire():
                self.check(writer)
            if self._is_done():
                recorder.write()
                return self._say_done()
            with self._former_lease():
                return self._write(writer, recorder)

    @property
    def version(self) -> str:
        """The resourceVersion of the inventory as this run has read or written it, "" when there is none."""
        return self._inventory.parent.version

    def _say_done(self) -> list[Result]:
        """Says that nothing differs; returns the results."""
        self._say_departed()
        unchanged = [Result(verdict.item, "unchanged", verdict.live) for verdict in self._verdicts]
        for result in unchanged:
            self._run.report.result(result)
        return unchanged

    def _write(self, writer: Writer, recorder: RevisionRecorder) -> list[Result]:
        """Writes what differs, with the lease."""
        before = self._inventory.members
        self._list({**before, **self._current({})}, self._mark)
        results, trouble = write_all(self._run, self._client, writer, self._verdicts, self._executor)
        pruned: list[Result] = []
        complete = not trouble and all(result.outcome != "failed" for result in results)
        if self._prune and complete:
            pruned = self._delete_departed()
        self._finish(before, results, pruned, complete)
        if trouble:
            raise TurnupError(trouble)
        if complete:
            self.lease.check()
            recorder.write()
        return results + pruned

    @property
    def _mark(self) -> str:
        """What the inventory says while not all that it lists has been written."""
        moved = self._inventory.moved
        return f"{self._doing} {moved.namespace}/{moved.name}" if moved else self._doing

    @contextmanager
    def _former_lease(self) -> Iterator[None]:
        """Keeps others from the list that this stack takes over."""
        moved = self._inventory.moved
        if not moved or not moved.exists:
            yield
            return
        lease = Lease(self._client, self._stack, moved.namespace, self._run.report.note, wait=False, name=moved.name)
        with lease:
            lease.wait_free()
            lease.acquire()
            yield
            lease.remove()

    def _look(self) -> None:
        """Reads the inventory and gives every object the label of the set that it belongs to."""
        try:
            self._inventory = read_inventory(self._client, self._home, self._items, self._run.options.moved_from)
        except ApiError as error:
            raise TurnupError(f"{self._stack}: the list of its objects cannot be read ({error.message}); nothing was written.") from None
        text = moved_from_note(self._stack, self._inventory, self._run.options.moved_from)
        if text and text != self._unfound:
            self._run.report.note(text)
        self._unfound = text
        if self._only is not None and not self._inventory.readable:
            self._prune = False
            self._run.report.note(f"note: this account may not read ConfigMaps in {self._home.namespace}, so what this set does not have stays")
        if self._prune and not self._inventory.readable:
            raise TurnupError(f"{self._stack}: this account may not read ConfigMaps in {self._home.namespace}, where the list of the stack's objects is; "
                              "nothing was written. Ask for that right, or run without --prune.")
        self._items = [with_part_of(item, self._inventory.part_of(item.identity)) for item in self._items]
        self._departed = departed_of(self._inventory, self._items, self._run.left_out, [entry.label for entry in self._run.plan.entries])

    def _is_done(self) -> bool:
        """Says whether nothing has to be written at all."""
        inventory = self._inventory
        items, gone = self._to_prune()
        deletes = self._prune and (bool(gone) or self._pruning.has_work(items))
        if any(verdict.outcome != "unchanged" for verdict in self._verdicts) or deletes or inventory.moved:
            return False
        return not inventory.readable or (dict(inventory.parent.members) == self._final({}) and not inventory.parent.unfinished)

    def _current(self, uids: dict) -> Members:
        """Returns the present set as members."""
        known = {verdict.item.identity: verdict.uid for verdict in self._verdicts} | uids
        own = self._inventory.parent.id
        return {item.identity: member_of(item, known.get(item.identity, ""), self._inventory.part_of(item.identity) == own)
                for item in self._items if is_listed(item.obj)}

    def _final(self, uids: dict, gone: Iterable = ()) -> Members:
        """Returns what the parent lists once everything is written."""
        gone = set(gone)
        leaving = [member for member in (*self._departed.pruned, *self._departed.generations) if member.identity not in gone]
        return recorded(self._inventory.members, self._current(uids).values(), leaving)

    def _list(self, members: Members, unfinished: str = "") -> None:
        """Writes the inventory; an account that may not keeps none."""
        if not self._inventory.readable:
            return
        # Whoever has the lease now has written a list of their own.
        self.lease.check()
        try:
            self._inventory = replace(self._inventory, parent=write_parent(self._client, self._inventory.parent, members, unfinished))
        except ApiError as error:
            if error.status != 403 or is_namespace_terminating(error.message):
                raise TurnupError(f"{self._stack}: the list of its objects cannot be written ({error.message}); run it again.") from None
            self._run.report.note(f"note: this account may not write ConfigMaps in {self._home.namespace}, so what leaves {self._stack} cannot be pruned")
            self._inventory = replace(self._inventory, readable=False)

    def _leaving(self) -> list[Member]:
        """Returns what is to be deleted when that is asked for."""
        return [member for member in self._departed.pruned if self._only is None or member.identity in self._only]

    def _to_prune(self) -> tuple[list[Item], list[Member]]:
        return items_to_prune(self._leaving(), self._run.kinds)

    def _removal(self) -> Deleter:
        uids = {member.identity: member.uid for member in self._departed.pruned}
        return Deleter(self._client, self._executor, self._run.report.result, data=self._run.options.delete_data, uids=uids,
                       patience=self._run.options.wait or 120.0, fence=self.lease.fence, why="left the stack")

    def _delete_departed(self) -> list[Result]:
        items, _ = self._to_prune()
        graph = {item.label: () for item in items} | {entry.label: entry.deps for entry in self._run.plan.entries}
        return self._pruning.remove(items, graph)

    def _finish(self, before: Members, results: list[Result], pruned: list[Result], complete: bool) -> None:
        """Lists what is there now."""
        uids = {result.item.identity: result.live["metadata"].get("uid", "") for result in results if result.live}
        gone = {result.item.identity for result in pruned if result.outcome in ("deleted", "absent")}
        gone |= {member.identity for member in self._to_prune()[1]}
        # Another's by now: listed, it would be named at every apply, and none deletes it.
        gone |= {result.item.identity for result in pruned
                 if result.outcome == "kept" and result.live and self._pruning.reason_to_forget(result.item, result.live)}
        if not complete:
            # What could not be written may be there or not: nothing is taken off the list.
            self._list({**before, **self._final(uids, gone)}, self._mark)
            return
        if self._inventory.moved and self._inventory.readable:
            # While the inventory still says that it takes that one over: a run that is killed in between goes on with it.
            remove_parent(self._client, self._inventory.moved)
        self._list(self._final(uids, gone))
        self._departed = replace(self._departed, pruned=tuple(member for member in self._departed.pruned if member.identity not in gone))
        self._say_departed()

    def _say_departed(self) -> None:
        """Says what left the stack and is still on the cluster."""
        if not self._prune:
            text = sentence(self._stack, self._departed.pruned)
        else:
            # A StatefulSet that was not deleted would have taken its claims along.
            text = sentence(self._stack, [member for member in self._leaving() if member.identity.kind in HOLD_DATA], data=True)
        if text:
            self._run.report.note(text)
