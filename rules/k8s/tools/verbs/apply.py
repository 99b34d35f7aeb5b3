"""`.create`, `.apply` and `.replace`: checks everything, delivers images, writes objects and, if asked, waits."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.images.delivery import check_pinned_images, preload, push_built, wait_for_registry
from rules.k8s.tools.images.push_report import PushReport
from rules.k8s.tools.output import events
from rules.k8s.tools.preflight.namespaces import check_namespaces
from rules.k8s.tools.stack import generations
from rules.k8s.tools.write.apply_writer import ApplyWriter
from rules.k8s.tools.write.generation_cleanup import clean_up_generations
from rules.k8s.tools.write.replacer import ReplaceWriter
from rules.k8s.tools.write.revision_recorder import RevisionRecorder
from rules.k8s.tools.write.transaction import Transaction
from rules.k8s.tools.write.writer import Writer

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


def write(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Does create, apply or replace; returns the exit code."""
    options = run.options
    check_namespaces(client, items, executor, run.report.note)
    generations.check_outside(client, items, executor)
    transaction = Transaction(run, client, items, executor, prune=options.prune)
    writer: Writer
    if options.verb == "replace":
        writer = ReplaceWriter(client, transaction.planned.labels, transaction.lease.fence)
    else:
        writer = ApplyWriter(client, transaction.planned, force=options.force_conflicts, adopt=options.adopt,
                          fence=transaction.lease.fence, say=run.report.note, create=options.verb == "create")
    transaction.check(writer)
    _deliver(run, client, executor)
    results = transaction.commit(writer, RevisionRecorder(run, client, items))
    code = run.finish(results)
    settle(run, client, items, transaction, results, executor)
    return code


def _deliver(run: Run, client: Client, executor: Executor) -> None:
    """Gets images to where the cluster finds them."""
    report = run.report
    preloaded = executor.submit(preload, run.plan, client.connection, run.environ)
    wait_for_registry(run.plan, report.note)
    check_pinned_images(run.plan, executor)
    images, sent = push_built(run.plan.push_plans, report=PushReport(report.note, report.stream))
    loaded = preloaded.result()
    if images or loaded:
        report.note(f"images: {images} in the registry ({sent} sent)" + (f", {loaded} on the nodes" if loaded else ""))


def settle(run: Run, client: Client, items: list[Item], transaction: Transaction, results: list[Result], executor: Executor) -> None:
    """Waits for what was applied where that was asked for, and removes what is of no use after it."""
    report = run.report
    if run.options.wait:
        from rules.k8s.tools.readiness.waiting import wait_ready

        applied = [result.item for result in results if result.outcome not in ("deleted", "absent", "kept")]
        wait_ready(client, run.plan, applied, run.options.wait, report, since=run.waiting_since)
        report.emit(events.ready(run.plan.label))
    clean_up_generations(run, client, items, transaction.version, executor)
