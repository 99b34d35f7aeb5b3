"""`.rollback`: applies an earlier set again: which one, whether everything that it needs still exists, and what it deletes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, items_of
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.images.delivery import check_pinned_images
from rules.k8s.tools.masking.mask import Learn
from rules.k8s.tools.objects.hashed_names import base_of
from rules.k8s.tools.objects.objects import Identity, is_secret
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.objects.references import Config
from rules.k8s.tools.output.events import Event
from rules.k8s.tools.preflight.generated_secrets import GeneratedSecrets
from rules.k8s.tools.preflight.namespaces import check_namespaces
from rules.k8s.tools.preflight.planned_objects import PlannedObjects
from rules.k8s.tools.stack import history
from rules.k8s.tools.stack.former_history import revisions_of
from rules.k8s.tools.stack.history import Revision
from rules.k8s.tools.stack.inventory import read_inventory
from rules.k8s.tools.stack.members import Member
from rules.k8s.tools.stack.stack_location import locate_stack
from rules.k8s.tools.verbs.apply import settle
from rules.k8s.tools.write.apply_writer import ApplyWriter
from rules.k8s.tools.write.live_stack import LiveStack
from rules.k8s.tools.write.revision_recorder import RevisionRecorder
from rules.k8s.tools.write.transaction import Transaction

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that did not finish.

    Attributes:
        listed: what the stack has listed as present since then.
        goal: the revision that it rolled back to, 0 if it was not a rollback.
    """

    listed: frozenset[Identity]
    goal: int


def rollback_operation(revision: Revision) -> str:
    """Returns what a stack's inventory says while it rolls back to a revision, so that the same command can continue."""
    return f"rollback:{revision.number}"


def choose(known: list[Revision], wanted: int, label: str, unfinished: UnfinishedRun | None) -> Revision:
    """Returns the revision to roll back to.

    Args:
        known: the stack's revisions, oldest first.
        wanted: its number; 0 for the last other set that was ready or, if none was, the last one that nobody waited for.
        label: the stack's target, for errors.
        unfinished: the run since the newest of them that did not finish, so that the present set is none of them; None for none.

    Raises:
        TurnupError: that revision does not exist.
    """
    if not known:
        raise TurnupError(f"{label} has no revisions in this namespace; the first is written by the next .apply.")
    if wanted:
        for revision in known:
            if revision.number == wanted:
                return revision
        numbers = ", ".join(str(revision.number) for revision in known)
        raise TurnupError(f"{label} has no revision {wanted}; choose one of {numbers}.")
    goal = next((revision for revision in known if unfinished and revision.number == unfinished.goal), None)
    if goal:
        return goal
    candidates = _candidates(known, unfinished)
    if not candidates:
        raise TurnupError(f"{label} has only revision {known[0].number}, so there is nothing to roll back to.")
    for outcome in (history.READY, history.NOT_WAITED_FOR):
        found = [revision for revision in candidates if revision.outcome == outcome]
        if found:
            return found[-1]
    raise TurnupError(f"{label}: no earlier revision was ready ({_outcomes(candidates)}). Choose one with '-- --to=REVISION'.")


def _candidates(known: list[Revision], unfinished: UnfinishedRun | None) -> list[Revision]:
    """Returns the revisions that differ from the present set, oldest first."""
    return known if unfinished else [revision for revision in known if revision.digest != known[-1].digest]


def _outcomes(revisions: Iterable[Revision]) -> str:
    words = {
        history.NOT_WAITED_FOR: "was not waited for",
        history.FAILED: "failed",
        history.INTERRUPTED: "was interrupted",
        history.WAITING: "is being waited for",
    }
    return ", ".join(f"revision {revision.number} {words.get(revision.outcome, revision.outcome)}" for revision in revisions)


def skipped_note(known: list[Revision], chosen: Revision, label: str, unfinished: UnfinishedRun | None) -> str:
    """Returns a sentence on the newer revisions that a rollback without --to does not go to, "" for none. The arguments are those of choose."""
    skipped = [revision for revision in _candidates(known, unfinished) if revision.number > chosen.number]
    if not skipped or (unfinished and unfinished.goal == chosen.number):
        return ""
    what = "the last that was ready" if chosen.outcome == history.READY else "the last that did not fail"
    return f"{label}: rolling back to revision {chosen.number}, {what} ({_outcomes(skipped)}); choose another one with '-- --to=REVISION'"


def unfinished_since(client: Client, plan: Plan, newest: list[Item]) -> UnfinishedRun | None:
    """Returns the run that began after a stack's newest revision and did not finish, None for none.

    Args:
        client: the API server.
        plan: the stack.
        newest: the objects of its newest revision.
    """
    inventory = read_inventory(client, locate_stack(plan, newest), newest)
    parent = inventory.parent if inventory.parent.exists else inventory.predecessor or inventory.parent
    if not parent.unfinished:
        return None
    goal = re.search(r"\brollback:([0-9]+)\b", parent.unfinished)
    return UnfinishedRun(frozenset(identity for identity, member in parent.members.items() if member.present), int(goal[1]) if goal else 0)


def row(label: str, revision: Revision, *, in_use: bool) -> Event:
    """Returns the event that describes one revision of a stack."""
    return {
        "event": "revision",
        "target": label,
        "revision": revision.number,
        "created": revision.created,
        "objects": revision.objects,
        "outcome": revision.outcome,
        "note": revision.note,
        "commit": revision.commit,
        "in_use": in_use,
    }


def plan_of(client: Client, plan: Plan, revision: Revision) -> Plan:
    """Returns the plan of a revision: the same stack with that revision's objects, and nothing to build or push.

    Raises:
        TurnupError: the revision is damaged, or contains objects that the stack's environment may not have.
    """
    entries = history.read(client, plan, revision)
    allowed = {(entry.environment, entry.document["namespace"]) for entry in plan.stack_entries}
    if all(environment for environment, _ in allowed):
        # Anyone who may write Secrets in the namespace could have put something else into one.
        namespaces = {namespace for _, namespace in allowed}
        for entry in entries:
            if (entry.environment, entry.document["namespace"]) not in allowed or any(
                obj["metadata"].get("namespace") not in namespaces for obj in entry.objects
            ):
                raise TurnupError(
                    f"{plan.label}: revision {revision.number} contains objects outside of {', '.join(sorted(namespaces))}, which "
                    "this target never applies; roll back to another one with '-- --to=REVISION'."
                )
    return replace(plan, entries=entries, push_plans=(), preloads=(), built=plan.stack_entries)


def check_needs(client: Client, plan: Plan, items: Iterable[Item], revision: Revision, executor: Executor, learn: Learn) -> list[Item]:
    """Checks that the images and Secrets that a revision needs still exist, before anything is written.

    Args:
        client: the API server.
        plan: the revision's plan.
        items: its objects.
        revision: for errors.
        executor: for asking in parallel.
        learn: called with the live Secrets, so that their values are masked; this run knows them from nowhere else, and pods may log them.

    Returns:
        The items to apply: all but the Secrets, because revisions do not contain their values.

    Raises:
        TurnupError: an image or a Secret is gone.
    """
    where = f"{plan.label}: revision {revision.number}"
    cure = "roll back to another revision with '-- --to=REVISION'"
    check_pinned_images(plan, executor, advice=cure)
    items = list(items)
    kept = [item for item in items if is_secret(item.obj)]
    for item, live in zip(kept, executor.map(lambda item: client.get_or_none(item.path, absent=(403, 404)), kept), strict=False):
        learn([live] if live else [])
        if live is None:
            raise TurnupError(
                f"{where} needs {item.identity}, which is gone, and revisions do not contain the values of Secrets; nothing was "
                f"sent. Create it again, or {cure}."
            )
    return [item for item in items if not is_secret(item.obj)]


def is_added(newest: Iterable[Item], items: Iterable[Item], unfinished: UnfinishedRun | None) -> Callable[[Member], bool]:
    """Returns a function that says whether a rollback deletes a member that the older set does not have.

    That is what the newest set added, all generations of a ConfigMap or Secret that the older set lacks, and what a run since then
    has listed. A Secret under a content-hashed name in the newest set stays: a rollback to that set needs its values.

    Args:
        newest: the newest set.
        items: the older set.
        unfinished: the run since then that did not finish, None for none.
    """
    newest, wanted = list(newest), list(items)
    present = {item.identity for item in newest}
    added = present - {item.identity for item in wanted}
    configs = {base_of(item.obj) for item in newest} - {base_of(item.obj) for item in wanted}
    listed = unfinished.listed if unfinished else frozenset()

    def goes(member: Member) -> bool:
        identity = member.identity
        if member.base and identity.kind == "Secret" and (identity in present or identity not in listed):
            return False
        return identity in added or identity in listed or bool(member.base and Config(identity.kind, identity.namespace, member.base) in configs)

    return goes


def known_revisions(client: Client, run: Run) -> list[Revision]:
    """Returns a stack's revisions, oldest first: its own, or if it has none, those of the stack that its next apply takes over."""
    known = history.revisions(client, run.plan)
    if known:
        return known
    try:
        items = items_of(run.plan.entries, run.kinds)
    except TurnupError:
        return []  # The present set has kinds that the cluster lacks, so it was never applied.
    former = read_inventory(client, locate_stack(run.plan, items), items).predecessor
    return revisions_of(client, former, run.plan) if former else []


def execute(run: Run, client: Client, _: list[Item], executor: Executor) -> int:
    """Applies an earlier set, and deletes what the newest set has beyond it; returns the exit code."""
    report, options = run.report, run.options
    known = known_revisions(client, run)
    if options.list:
        for revision in reversed(known):
            report.emit(row(run.plan.label, revision, in_use=revision is known[-1]))
        return 0
    newest = items_of(plan_of(client, run.plan, known[-1]).entries, run.kinds) if known else []
    unfinished = unfinished_since(client, run.plan, newest) if known else None
    revision = choose(known, options.to, run.plan.label, unfinished)
    if unfinished and not options.to:
        report.note(
            f"{run.plan.label}: the last run did not finish; {'continuing to roll' if unfinished.goal else 'rolling'} back to revision {revision.number}"
        )
    if known and not options.to and (text := skipped_note(known, revision, run.plan.label, unfinished)):
        report.note(text)
    # Objects of a target that had another name then, or has one now, are the stack's own nevertheless.
    labels = {entry.label for entry in run.plan.entries} | {item.label for item in newest}
    run.plan = plan_of(client, run.plan, revision)
    items = items_of(run.plan.entries, run.kinds)
    check_namespaces(client, items, executor, report.note)
    to_write = check_needs(client, run.plan, items, revision, executor, report.learn)
    written = {item.identity for item in to_write}
    stack = LiveStack(run, client, items, executor)
    planned = PlannedObjects.of(items, (*labels, *(entry.label for entry in run.plan.entries)))
    writer = ApplyWriter(
        client,
        planned,
        force=options.force_conflicts,
        adopt=False,
        fence=stack.lease.fence,
        say=report.note,
        generated=GeneratedSecrets(client, report.learn),
        rolling_back=True,
        prune=True,
    )
    recorder = RevisionRecorder(run, client, items, revision)
    transaction = Transaction(
        run,
        stack,
        writer,
        recorder,
        prune=True,
        untouched=[item for item in items if item.identity not in written],
        prune_only=is_added(newest, items, unfinished),
        operation=rollback_operation(revision),
    )
    transaction.plan()
    results = transaction.commit()
    code = run.finish(results)
    settle(run, stack, items, results, recorder)
    return code
