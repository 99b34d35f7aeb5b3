"""The verbs that write objects: a check of everything, images, every object, then the history and, if asked, waiting."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING, Callable, Iterable

from rules.k8s.tools import events, generations, history, rollback, verbs
from rules.k8s.tools.client import Client, Permit
from rules.k8s.tools.commit import commit_of
from rules.k8s.tools.delivery import check_pinned_images, preload, push_built, wait_for_registry
from rules.k8s.tools.engine import Applier, Item, Result, Surroundings, check_namespaces, items_of, live_metadata
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.inventory import Inventory
from rules.k8s.tools.manifests import Object
from rules.k8s.tools.preflight import Preflight
from rules.k8s.tools.pushing import PushReport
from rules.k8s.tools.recreation import recreate, wait_gone
from rules.k8s.tools.refusals import explain
from rules.k8s.tools.replacing import Replacer
from rules.k8s.tools.tidying import tidy
from rules.k8s.tools.transaction import Transaction, Writer
from rules.k8s.tools.verdicts import Refusal, Verdict, check_owner, ending_sentence, is_ending

if TYPE_CHECKING:
    from rules.k8s.tools.run import Run


class Applying:
    """The writer of create, apply and rollback: server-side apply, after a preflight.

    Args:
        client: the API server.
        surroundings: what the run makes.
        force: take fields over from other field managers.
        adopt: take objects over that somebody else has made.
        permit: entered around every write.
        say: writes a line of progress.
        create: refuse objects that are there already.
        going_back: the items are those of an older set.
    """

    def __init__(self, client: Client, surroundings: Surroundings, *, force: bool, adopt: bool, permit: Permit, say: Callable[[str], None],
                 create: bool = False, going_back: bool = False):
        self._client = client
        self._surroundings = surroundings
        self._force = force
        self._adopt = adopt
        self._create = create
        self._going_back = going_back
        self._say = say
        self._permit = permit
        self._applier = Applier(client, surroundings, force=force, permit=permit, say=say)
        self._inventory: Inventory | None = None

    def check(self, items: Iterable[Item], inventory: Inventory, executor: Executor) -> list[Verdict | Refusal]:
        """Says what an apply would do to each item."""
        found = Preflight(self._client, self._surroundings, inventory, force=self._force, adopt=self._adopt, create=self._create,
                          going_back=self._going_back).check(items, executor)
        if self._create:
            verbs.refuse_existing(found)
        self._inventory = inventory
        return found

    def write(self, verdict: Verdict) -> Result:
        """Applies one item."""
        item, live = verdict.item, verdict.live
        if verdict.outcome == "replaced" and live:
            return recreate(self._client, item, live, self._permit, self._applier.apply)
        ending = live if verdict.outcome == "ending" else None
        if verdict.outcome == "untried" or ending:
            try:
                live = self._now(item, ending)
            except ApiError as error:
                return Result(item, "failed", error=explain(error, item.label, item.identity))
            except UnreachableError:
                raise
            except TurnupError as error:
                return Result(item, "failed", error=str(error))
        result = self._applier.apply(item, live)
        if result.live and is_ending(result.live):
            # Somebody deletes it since it was looked at.
            self._say(ending_sentence(item))
            return self.write(Verdict(item, "ending", result.live))
        return result

    def _now(self, item: Item, ending: Object | None) -> Object | None:
        """Returns the metadata of an item's live object, which was not known or not to stay; None when there is none.

        Raises:
            ApiError: the server refuses to tell.
            TurnupError: it is somebody else's, or `ending` does not come to its end.
        """
        if ending:
            wait_gone(self._client, item, ending["metadata"]["uid"])
        live = live_metadata(self._client, item)
        if live:
            check_owner(item, live, self._surroundings.labels, self._inventory, adopt=self._adopt)
        return live


class Recording:
    """Writes down what was applied, for a rollback. Not being able to is no failure of the apply, and is said.

    Args:
        run: the run.
        client: the API server.
        items: what is applied.
        back_to: the revision that the set comes from, None when it comes from the workspace.
    """

    def __init__(self, run: Run, client: Client, items: list[Item], back_to: history.Revision | None = None):
        self._run = run
        self._client = client
        self._items = items
        self._back_to = back_to

    def needed(self) -> bool:
        """Says whether the newest revision is another set, as after a run that was killed before it wrote one."""
        try:
            return not history.is_recorded(self._client, self._run.plan, self._items)
        except TurnupError as error:
            self._say(error)
            return False

    def write(self) -> None:
        """Writes a revision, unless the newest one is the same; with the stack's lease, so that two get no one number."""
        try:
            back = self._back_to
            number = history.record(self._client, self._run.plan, self._items, f"back to {back.number}" if back else "",
                                    commit=lambda: back.commit if back else commit_of(self._run.environ))
        except TurnupError as error:
            self._say(error)
            return
        if number:
            self._run.report.note(f"{self._run.plan.label}: this is revision {number}")

    def _say(self, error: TurnupError) -> None:
        self._run.report.note(f"no revision was written, so .rollback cannot come back to this set: {error}")


def write(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Does create, apply or replace; returns the exit code."""
    options = run.options
    check_namespaces(client, items, executor, run.report.note)
    generations.check_outside(client, items, executor)
    transaction = Transaction(run, client, items, executor, prune=options.prune)
    writer: Writer
    if options.verb == "replace":
        writer = Replacer(client, transaction.surroundings.labels, transaction.lease.permit)
    else:
        writer = Applying(client, transaction.surroundings, force=options.force_conflicts, adopt=options.adopt,
                          permit=transaction.lease.permit, say=run.report.note, create=options.verb == "create")
    transaction.check(writer)
    _deliver(run, client, executor)
    results = transaction.commit(writer, Recording(run, client, items))
    code = run.finish(results)
    _settle(run, client, items, transaction, results, executor)
    return code


def _deliver(run: Run, client: Client, executor: Executor) -> None:
    """Gets images to where the cluster finds them."""
    report = run.report
    preloaded = executor.submit(preload, run.plan, client.connection, run.environ)
    wait_for_registry(run.plan, report.note)
    check_pinned_images(run.plan, executor)
    images, sent = push_built(run.plan, report=PushReport(report.note, report.stream))
    loaded = preloaded.result()
    if images or loaded:
        report.note(f"images: {images} in the registry ({sent} sent)" + (f", {loaded} on the nodes" if loaded else ""))


def roll_back(run: Run, client: Client, _: list[Item], executor: Executor) -> int:
    """Applies a set that was applied before, and deletes what the newest set has more; returns the exit code."""
    report, options = run.report, run.options
    known = history.revisions(client, run.plan)
    if options.list:
        for revision in reversed(known):
            report.emit(rollback.row(run.plan.label, revision, in_use=revision is known[-1]))
        return 0
    newest = items_of(rollback.plan_of(client, run.plan, known[-1]).entries, run.kinds) if known else []
    begun = rollback.begun_since(client, run.plan, newest) if known else None
    revision = rollback.choose(known, options.to, run.plan.label, begun)
    if begun and not options.to:
        report.note(f"{run.plan.label}: the last run did not come to its end; going {'on' if begun.goal else 'back'} to revision {revision.number}")
    # What a target made that had another name then, or has one now, is the stack's own all the same.
    labels = {entry.label for entry in run.plan.entries} | {item.label for item in newest}
    run.plan = rollback.plan_of(client, run.plan, revision)
    items = items_of(run.plan.entries, run.kinds)
    check_namespaces(client, items, executor, report.note)
    sent = rollback.check_needs(client, run.plan, items, revision, executor, report.learn)
    kept = {item.identity for item in sent}
    transaction = Transaction(run, client, items, executor, unsent=[item for item in items if item.identity not in kept], prune=True,
                              only={item.identity for item in rollback.left_over(newest, items)} | (begun.listed if begun else set()),
                              labels=labels, mark=rollback.mark(revision))
    writer = Applying(client, transaction.surroundings, force=options.force_conflicts, adopt=False, permit=transaction.lease.permit,
                      say=report.note, going_back=True)
    transaction.check(writer)
    results = transaction.commit(writer, Recording(run, client, items, revision))
    code = run.finish(results)
    _settle(run, client, items, transaction, results, executor)
    return code


def _settle(run: Run, client: Client, items: list[Item], transaction: Transaction, results: list[Result], executor: Executor) -> None:
    """Waits for what was applied where that was asked for, and removes what is of no use after it."""
    report = run.report
    if run.options.wait:
        from rules.k8s.tools.waiting import wait_ready

        applied = [result.item for result in results if result.outcome not in ("deleted", "absent", "kept")]
        wait_ready(client, run.plan, applied, run.options.wait, report, since=run.waiting_since)
        report.emit(events.ready(run.plan.label))
    tidy(run, client, items, transaction.version, executor)
