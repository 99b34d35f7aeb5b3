"""The verbs that only say what other modules find out: show, diff, describe; and delete."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools import events, generations, verbs
from rules.k8s.tools.client import Client
from rules.k8s.tools.engine import Item
from rules.k8s.tools.stacks import delete_stack, diff_stack

if TYPE_CHECKING:
    from rules.k8s.tools.run import Run


def show(run: Run) -> int:
    """Says every object as it would be applied; returns the exit code."""
    for entry in run.plan.entries:
        for obj in entry.objects:
            run.report.emit(events.manifest(entry.label, obj))
    return 0


def diff(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Says what an apply would change; returns 1 when that is something."""
    found = diff_stack(run, client, items, executor)
    for item, text in found:
        run.report.emit(events.difference(item, text))
    return 1 if found else 0


def describe(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Says what there is to know about every live object; returns the exit code."""
    for item, text in verbs.describe(client, items, executor, run.report.learn):
        run.report.emit(events.description(item, text))
    return 0


def delete(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Deletes the stack and its history; returns the exit code."""
    return run.finish(delete_stack(run, client, generations.others(client, items, executor) + items, executor))
