"""Going back to a set that was applied before: which one, whether all that it needs is there, and what it leaves over."""

from __future__ import annotations

import re
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Iterable

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, items_of
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.images.delivery import check_pinned_images
from rules.k8s.tools.masking.mask import Learn
from rules.k8s.tools.objects.hashed_names import base_of
from rules.k8s.tools.objects.objects import Identity, Object, is_secret
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.output.events import Event
from rules.k8s.tools.preflight.namespaces import check_namespaces
from rules.k8s.tools.stack import history
from rules.k8s.tools.stack.history import Revision
from rules.k8s.tools.stack.inventory import read_inventory
from rules.k8s.tools.stack.stack_location import locate_stack
from rules.k8s.tools.verbs.apply import settle
from rules.k8s.tools.write.apply_writer import ApplyWriter
from rules.k8s.tools.write.revision_recorder import RevisionRecorder
from rules.k8s.tools.write.transaction import Transaction

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


@dataclass(frozen=True)
class UnfinishedRun:
    """A run that did not come to its end.

    Attributes:
        listed: what the stack lists as present since then, generations of ConfigMaps and Secrets aside.
        goal: the revision that it went back to, 0 when it was no rollback.
    """

    listed: frozenset[Identity]
    goal: int


def mark(revision: Revision) -> str:
    """Returns what a stack's list says while it goes back to a revision: the same command again goes on with it."""
    return f"rollback:{revision.number}"


def choose(known: list[Revision], wanted: int, label: str, begun: UnfinishedRun | None) -> Revision:
    """Returns the revision to go back to.

    Args:
        known: the stack's revisions, oldest first.
        wanted: its number; 0 for the one before the present set.
        label: the stack's target, for errors.
        begun: the run since the newest of them that did not come to its end: the present set is none of them; None for none.

    Raises:
        TurnupError: there is no such revision.
    """
    if not known:
        raise TurnupError(f"{label}: has no revisions in this namespace; the first is written by the next .apply.")
    if wanted:
        for revision in known:
            if revision.number == wanted:
                return revision
        numbers = ", ".join(str(revision.number) for revision in known)
        raise TurnupError(f"{label}: has no revision {wanted}; choose one of {numbers}.")
    if begun:
        return next((revision for revision in known if revision.number == begun.goal), known[-1])
    if len(known) < 2:
        raise TurnupError(f"{label}: has only revision {known[0].number}, so there is nothing to go back to.")
    return known[-2]


def begun_since(client: Client, plan: Plan, newest: list[Item]) -> UnfinishedRun | None:
    """Returns the run that has begun since a stack's newest revision and did not come to its end, None for none.

    Args:
        client: the API server.
        plan: the stack.
        newest: the objects of its newest revision.
    """
    parent = read_inventory(client, locate_stack(plan, newest), newest).parent
    if not parent.unfinished:
        return None
    goal = re.search(r"\brollback:([0-9]+)\b", parent.unfinished)
    return UnfinishedRun(frozenset(identity for identity, member in parent.members.items() if member.present and not member.base),
                 int(goal[1]) if goal else 0)


def row(label: str, revision: Revision, *, in_use: bool) -> Event:
    """Returns the event that tells of one revision of a stack."""
    return {"event": "revision", "target": label, "revision": revision.number, "created": revision.created,
            "objects": revision.objects, "note": revision.note, "commit": revision.commit, "in_use": in_use}


def plan_of(client: Client, plan: Plan, revision: Revision) -> Plan:
    """Returns the plan of a revision: the same stack with the objects of then, and nothing to build or push.

    Raises:
        TurnupError: the revision is damaged, or holds what the stack's environment may not.
    """
    entries = history.read(client, plan, revision)
    places = {(entry.environment, entry.document["namespace"]) for entry in plan.stack_entries}
    if all(environment for environment, _ in places):
        # Whoever may write Secrets in the namespace could have put something else into one.
        namespaces = {namespace for _, namespace in places}
        for entry in entries:
            if (entry.environment, entry.document["namespace"]) not in places or any(
                    obj["metadata"].get("namespace") not in namespaces for obj in entry.objects):
                raise TurnupError(f"{plan.label}: revision {revision.number} holds objects outside of {', '.join(sorted(namespaces))}, which "
                                  "no apply of this target writes; go back to another one with '-- --to=REVISION'.")
    return replace(plan, entries=entries, push_plans=(), preloads=(), built=plan.stack_entries)


def check_needs(client: Client, plan: Plan, items: Iterable[Item], revision: Revision, executor: Executor, learn: Learn) -> list[Item]:
    """Checks that the images and Secrets that a revision runs with are still there, before anything is written.

    Args:
        client: the API server.
        plan: the revision's plan.
        items: its objects.
        revision: for errors.
        executor: for asking in parallel.
        learn: takes note of the values of the Secrets, which this run has from nowhere else and pods may log.

    Returns:
        The items to apply: all but the Secrets, whose values no revision has.

    Raises:
        TurnupError: an image or a Secret is gone.
    """
    where = f"{plan.label}: revision {revision.number}"
    cure = "go back to another revision with '-- --to=REVISION'"
    check_pinned_images(plan, executor, advice=cure)
    items = list(items)
    kept = [item for item in items if is_secret(item.obj)]
    for item, live in zip(kept, executor.map(lambda item: _read(client, item), kept)):
        learn([live] if live else [])
        if live is None:
            raise TurnupError(f"{where}: needs {item.identity}, which is gone, and no revision holds the values of Secrets; nothing was "
                              f"sent. Make it again, or {cure}.")
    return [item for item in items if not is_secret(item.obj)]


def _read(client: Client, item: Item) -> Object | None:
    """Returns a live Secret, None when it is absent or may not be read."""
    try:
        live: Object = client.request("GET", item.path)[1]
        return live
    except ApiError as error:
        if error.status in (403, 404):
            return None
        raise


def left_over(newest: Iterable[Item], items: Iterable[Item]) -> list[Item]:
    """Returns what the newest set added and an older one does not have.

    Generations of ConfigMaps and Secrets are not among them: those have their own rule (generations.py).
    """
    wanted = {item.identity for item in items}
    return [item for item in newest if item.identity not in wanted and not base_of(item.obj)]


def roll_back(run: Run, client: Client, _: list[Item], executor: Executor) -> int:
    """Applies a set that was applied before, and deletes what the newest set has more; returns the exit code."""
    report, options = run.report, run.options
    known = history.revisions(client, run.plan)
    if options.list:
        for revision in reversed(known):
            report.emit(row(run.plan.label, revision, in_use=revision is known[-1]))
        return 0
    newest = items_of(plan_of(client, run.plan, known[-1]).entries, run.kinds) if known else []
    begun = begun_since(client, run.plan, newest) if known else None
    revision = choose(known, options.to, run.plan.label, begun)
    if begun and not options.to:
        report.note(f"{run.plan.label}: the last run did not come to its end; going {'on' if begun.goal else 'back'} to revision {revision.number}")
    # What a target made that had another name then, or has one now, is the stack's own all the same.
    labels = {entry.label for entry in run.plan.entries} | {item.label for item in newest}
    run.plan = plan_of(client, run.plan, revision)
    items = items_of(run.plan.entries, run.kinds)
    check_namespaces(client, items, executor, report.note)
    sent = check_needs(client, run.plan, items, revision, executor, report.learn)
    kept = {item.identity for item in sent}
    transaction = Transaction(run, client, items, executor, unsent=[item for item in items if item.identity not in kept], prune=True,
                              only={item.identity for item in left_over(newest, items)} | (begun.listed if begun else set()),
                              labels=labels, mark=mark(revision))
    writer = ApplyWriter(client, transaction.planned, force=options.force_conflicts, adopt=False, fence=transaction.lease.fence,
                      say=report.note, going_back=True)
    transaction.check(writer)
    results = transaction.commit(writer, RevisionRecorder(run, client, items, revision))
    code = run.finish(results)
    settle(run, client, items, transaction, results, executor)
    return code
