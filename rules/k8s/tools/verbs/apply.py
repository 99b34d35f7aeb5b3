"""`.create`, `.apply` and `.replace`: check everything, deliver images, write objects and, if asked, wait."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.images.delivery import check_pinned_images, preload, push_built, wait_for_registry
from rules.k8s.tools.images.push_report import PushReport
from rules.k8s.tools.images.registry_login import ClusterLogin
from rules.k8s.tools.output import events
from rules.k8s.tools.preflight.generated_secrets import GeneratedSecrets
from rules.k8s.tools.preflight.namespaces import check_namespaces
from rules.k8s.tools.preflight.planned_objects import PlannedObjects
from rules.k8s.tools.readiness.capabilities import find_missing
from rules.k8s.tools.stack import generations
from rules.k8s.tools.write.apply_writer import ApplyWriter
from rules.k8s.tools.write.generation_cleanup import clean_up_generations
from rules.k8s.tools.write.live_stack import LiveStack
from rules.k8s.tools.write.recovery import restart_delayed_pods
from rules.k8s.tools.write.replacer import ReplaceWriter
from rules.k8s.tools.write.revision_recorder import RevisionRecorder
from rules.k8s.tools.write.transaction import Transaction
from rules.k8s.tools.write.writer import Writer

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run

# Outcomes after which a user learns what the cluster lacks; an unchanged object has been told of.
_WRITTEN = ("created", "configured", "replaced")


def execute(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Creates, applies or replaces the stack; returns the exit code."""
    options = run.options
    check_namespaces(client, items, executor, run.report.note)
    generations.check_external_configs(client, items, executor)
    stack = LiveStack(run, client, items, executor)
    planned = PlannedObjects.of(items, [entry.label for entry in run.plan.entries])
    generated = GeneratedSecrets(client, run.report.learn)
    writer: Writer
    if options.verb == "replace":
        writer = ReplaceWriter(client, planned.labels, stack.lease.fence, generated)
    else:
        writer = ApplyWriter(
            client,
            planned,
            force=options.force_conflicts,
            adopt=options.adopt,
            fence=stack.lease.fence,
            say=run.report.note,
            generated=generated,
            create=options.verb == "create",
            prune=options.prune,
        )
    recorder = RevisionRecorder(run, client, items)
    transaction = Transaction(run, stack, writer, recorder, prune=options.prune)
    transaction.plan()
    _deliver_images(run, client, executor)
    results = transaction.commit()
    for missing in find_missing(client, [result.item for result in results if result.outcome in _WRITTEN], executor):
        run.report.note(missing.note)
    code = run.finish(results)
    settle(run, stack, items, results, recorder)
    return code


def _deliver_images(run: Run, client: Client, executor: Executor) -> None:
    """Pushes or loads images to where the cluster finds them."""
    report = run.report
    preloaded = executor.submit(preload, run.plan, client.connection, run.environ)
    wait_for_registry(run.plan, report.note)
    check_pinned_images(run.plan, executor)
    images, sent = push_built(run.plan.push_plans, report=PushReport(report.note, report.stream), login=ClusterLogin(lambda: client, report.learn))
    loaded = preloaded.result()
    if images or loaded:
        report.note(f"images: {images} in the registry ({sent} sent)" + (f", {loaded} on the nodes" if loaded else ""))


def settle(run: Run, stack: LiveStack, items: list[Item], results: list[Result], recorder: RevisionRecorder) -> None:
    """Waits for what was applied, if asked for, and then removes old generations of its configuration.

    Args:
        run: the run.
        stack: the stack as it was written.
        items: its objects.
        results: what became of them.
        recorder: records how the wait ended.
    """
    if run.options.wait:
        from rules.k8s.tools.readiness.waiting import wait_ready

        restart_delayed_pods(stack.client, [result.item for result in results if result.outcome == "unchanged"], stack.executor, run.report.note)
        applied = [result.item for result in results if result.outcome not in ("deleted", "absent", "kept")]
        with recorder.concluding():
            wait_ready(stack.client, run.plan, applied, run.options.wait, run.report, since=run.waiting_since)
        run.report.emit(events.ready(run.plan.label))
    clean_up_generations(run, stack.client, items, stack.version, stack.executor, stack.inventory)
