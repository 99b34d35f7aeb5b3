"""A stack as one transaction: plan, check everything, take the lease, write, prune, record what is there.

    plan()     1. waits for another run that holds the stack's lease
               2. reads the inventory: what the stack has on the cluster
               3. runs the preflight: any refusal ends the run with every reason, and nothing was written
    commit()   4. ends here when there is nothing to do, without a request that writes
               5. takes the lease; plans again if somebody else wrote in between
               6. lists in the inventory what it is about to create, before creating it
               7. writes what differs, in the requested order
               8. prunes, if requested and everything was written
               9. lists what is there now, writes a revision, and returns the lease

A run that is killed between two of these steps leaves a state from which the next run continues: the inventory never lists
less than what the stack has.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.kinds import HOLD_DATA
from rules.k8s.tools.objects.objects import Identity, is_secret
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict
from rules.k8s.tools.stack.inventory import remove_parent
from rules.k8s.tools.stack.members import Member, Members
from rules.k8s.tools.stack.pruning import former_members_note, locate_members, unserved_note
from rules.k8s.tools.write.live_stack import LiveStack
from rules.k8s.tools.write.revision_recorder import RevisionRecorder
from rules.k8s.tools.write.write_order import write_all
from rules.k8s.tools.write.writer import Writer

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


class Transaction:
    """One run of a verb that writes a stack.

    Args:
        run: the run, for the order in which objects are written.
        stack: the stack.
        writer: how an object is written.
        recorder: records the set as a revision.
        untouched: items that are part of the stack and that this run does not write.
        prune: delete what left the stack.
        prune_only: returns whether a member that left the stack may be deleted; None for all. When set and the inventory cannot be
            read, nothing is deleted.
        operation: what the inventory says is going on until everything is written.
    """

    def __init__(
        self,
        run: Run,
        stack: LiveStack,
        writer: Writer,
        recorder: RevisionRecorder,
        *,
        untouched: Iterable[Item] = (),
        prune: bool = False,
        prune_only: Callable[[Member], bool] | None = None,
        operation: str = "apply",
    ) -> None:
        self._run = run
        self._stack = stack
        self._writer = writer
        self._recorder = recorder
        self._untouched = {item.identity for item in untouched}
        self._prune = prune
        self._prune_only = prune_only
        self._operation = operation
        self._verdicts: list[Verdict] = []
        self._deleter = stack.deleter()

    def plan(self) -> None:
        """Finds out what there is to do, without writing.

        Raises:
            TurnupError: somebody else holds the lease and may not be waited for, or something would be refused. If there is
                more than one refusal, each has been reported.
        """
        stack = self._stack
        stack.lease.wait_free()
        stack.read()
        self._check_prune()
        found = self._writer.check([item for item in stack.items if item.identity not in self._untouched], stack.inventory, stack.executor)
        refusals = [each.sentence for each in found if isinstance(each, Refusal)]
        if self._prune:
            self._deleter = stack.deleter("left the stack")
            refusals += self._deleter.refusals(self._locate_prunable()[0])
        if refusals:
            for text in refusals if len(refusals) > 1 else ():
                stack.report.error(text, TurnupError.exit_code)
            raise TurnupError(
                f"{refusals[0]} Nothing was written."
                if len(refusals) == 1
                else f"{stack.label}: {len(refusals)} refusals in {len(stack.items)} objects; nothing was written."
            )
        self._verdicts = [each for each in found if isinstance(each, Verdict)]

    def commit(self) -> list[Result]:
        """Writes what differs.

        Returns:
            A result for each item and each object that was pruned.

        Raises:
            TurnupError: the inventory cannot be written, or a dependency did not become ready.
        """
        lease = self._stack.lease
        with lease:
            if self._is_up_to_date() and not self._recorder.needed() and not lease.is_abandoned:
                return self._report_unchanged()
            if not lease.acquire():
                self.plan()
            if self._is_up_to_date():
                self._recorder.write()
                return self._report_unchanged()
            with self._stack.predecessor_lease():
                return self._write()

    def _check_prune(self) -> None:
        """Checks that an inventory that decides what is pruned can be read.

        Raises:
            TurnupError: it cannot, and pruning was asked for.
        """
        stack = self._stack
        if stack.inventory.readable or not self._prune:
            return
        if self._prune_only is None:
            raise TurnupError(
                f"{stack.label}: this account may not read ConfigMaps in {stack.location.namespace}, where the list of the stack's "
                "objects is; nothing was written. Ask for that right, or run without --prune."
            )
        self._prune = False
        stack.report.note(f"note: this account may not read ConfigMaps in {stack.location.namespace}, so objects that this set does not have stay")

    def _report_unchanged(self) -> list[Result]:
        """Reports that nothing differs, and returns the results."""
        self._report_former_members()
        unchanged = [Result(verdict.item, "unchanged", verdict.live) for verdict in self._verdicts]
        for result in unchanged:
            self._stack.report.result(result)
        return unchanged

    def _write(self) -> list[Result]:
        """Writes what differs; the lease is held."""
        stack = self._stack
        before = stack.inventory.members
        unchanged = {verdict.item.identity for verdict in self._verdicts if verdict.outcome == "unchanged"}
        kept = {**stack.inventory.kept, **stack.current_kept(self._uids(), unchanged)}
        stack.write_inventory({**before, **stack.current_members(self._uids(), unchanged)}, self._unfinished, kept)
        results, failure = write_all(self._run, stack.client, self._writer, self._verdicts, stack.executor)
        pruned: list[Result] = []
        complete = not failure and all(result.outcome != "failed" for result in results)
        if self._prune and complete:
            items, _ = self._locate_prunable()
            pruned = self._deleter.remove(items, stack.graph_with(items))
            self._report_lost_secrets(pruned)
        self._record_members(before, results, pruned, complete)
        if failure:
            raise TurnupError(failure)
        if complete:
            stack.lease.check()
            self._recorder.write()
        return results + pruned

    def _report_lost_secrets(self, pruned: Iterable[Result]) -> None:
        """Reports Secrets that are gone with their values, which revisions do not contain; a rollback deletes only what it does not need."""
        lost = [str(result.item.identity) for result in pruned if result.outcome == "deleted" and is_secret(result.item.obj)]
        if lost and self._prune_only is None:
            self._stack.report.note(f"note: .rollback can no longer return to revisions with {', '.join(lost)}, because only the cluster had the values")

    @property
    def _unfinished(self) -> str:
        """What the inventory says while not everything that it lists has been written."""
        predecessor = self._stack.inventory.predecessor
        return f"{self._operation} {predecessor.namespace}/{predecessor.name}" if predecessor else self._operation

    def _uids(self, written: Mapping[Identity, str] | None = None) -> dict[Identity, str]:
        """Returns the UIDs of live objects: those that the preflight saw, and those of what was written since."""
        return {verdict.item.identity: verdict.uid for verdict in self._verdicts} | dict(written or {})

    def _written(self) -> set[Identity]:
        """Returns what is as the present set has it once everything is written."""
        return {item.identity for item in self._stack.items} - self._untouched

    def _is_up_to_date(self) -> bool:
        """Returns whether there is nothing to write at all."""
        inventory = self._stack.inventory
        items, gone = self._locate_prunable()
        deletes = self._prune and (bool(gone) or self._deleter.has_work(items))
        if any(verdict.outcome != "unchanged" for verdict in self._verdicts) or deletes or inventory.predecessor:
            return False
        kept = self._stack.current_kept(self._uids(), self._written())
        listed = (
            dict(inventory.parent.members) == self._stack.final_members(self._uids(), (), self._written()) and kept.items() <= inventory.parent.kept.items()
        )
        return not inventory.readable or (listed and not inventory.parent.unfinished)

    def _prunable(self) -> list[Member]:
        """Returns what is deleted if pruning is asked for."""
        return [member for member in self._stack.former.prunable if self._prune_only is None or self._prune_only(member)]

    def _locate_prunable(self) -> tuple[list[Item], list[Member]]:
        return locate_members(self._prunable(), self._stack.kinds)

    def _record_members(self, before: Members, results: list[Result], pruned: list[Result], complete: bool) -> None:
        """Lists in the inventory what is there now.

        Args:
            before: what it listed before the run.
            results: what became of the items.
            pruned: what became of the objects to prune.
            complete: everything was written.
        """
        stack = self._stack
        written = {result.item.identity: result.live["metadata"].get("uid", "") for result in results if result.live}
        uids = self._uids(written)
        gone = {result.item.identity for result in pruned if result.outcome in ("deleted", "absent")}
        gone |= {member.identity for member in self._locate_prunable()[1]}
        # Objects that belong to somebody else by now: if listed, every apply would name them, and none could delete them.
        gone |= {
            result.item.identity for result in pruned if result.outcome == "kept" and result.live and self._deleter.reason_to_forget(result.item, result.live)
        }
        stack.update_others({result.item.identity for result in pruned if result.outcome in ("deleted", "absent")}, written)
        if not complete:
            # An object that could not be written may be there or not: the inventory keeps everything it listed.
            kept = {**stack.inventory.kept, **stack.current_kept(uids, written)}
            stack.write_inventory({**before, **stack.final_members(uids, gone, written)}, self._unfinished, kept)
            return
        current = stack.final_members(uids, gone, self._written())
        kept = {identity: member for identity, member in stack.inventory.kept.items() if identity not in current}
        if stack.inventory.predecessor and stack.inventory.readable:
            # The inventory still says that it takes this one over, so a run that is killed in between can be continued.
            self._recorder.take_over(stack.inventory.predecessor)
            remove_parent(stack.client, stack.inventory.predecessor)
        stack.write_inventory(current, kept={**kept, **stack.current_kept(uids, self._written())})
        self._report_former_members(gone)

    def _report_former_members(self, gone: Collection[Identity] = ()) -> None:
        """Reports what left the stack and is still on the cluster; `gone` is not."""
        stack = self._stack
        left = [member for member in stack.former.prunable if member.identity not in gone]
        spared = [member for member in left if not self._prune or (self._prune_only is not None and not self._prune_only(member))]
        notes = [former_members_note(stack.label, spared)]
        if self._prune:
            left = [member for member in left if member not in spared]
            # A StatefulSet that was not deleted would have taken its claims along.
            data = [member for member in left if member.identity.kind in HOLD_DATA]
            notes.append(former_members_note(stack.label, data, data=True))
            reasons = [(member.identity, self._deleter.reason_it_stays(member.identity)) for member in left if member not in data]
            notes += [f"{stack.label}: {identity} left the stack and stays: it {reason}." for identity, reason in reasons if reason]
            notes.append(unserved_note(stack.label, self._locate_prunable()[1]))
            stack.note_staying()
        for text in filter(None, notes):
            stack.report.note(text)
