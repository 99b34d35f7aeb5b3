"""`.diff`: prints what an apply would change, object by object.

The preflight of the apply decides: what it would not write has no diff, and what it would refuse is an error with the same sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.api_errors import explain
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item, read_live
from rules.k8s.tools.composition.autoscalers import Autoscalers
from rules.k8s.tools.composition.composer import Composer
from rules.k8s.tools.deletion import recreation
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.hashed_names import base_of
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.objects.references import Config
from rules.k8s.tools.output import events
from rules.k8s.tools.output.render import diff_objects
from rules.k8s.tools.preflight.generated_secrets import GeneratedSecrets
from rules.k8s.tools.preflight.planned_objects import PlannedObjects
from rules.k8s.tools.preflight.preflight import Preflight
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict
from rules.k8s.tools.stack import generations
from rules.k8s.tools.stack.pruning import former_members_note, locate_members
from rules.k8s.tools.write.live_stack import LiveStack

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


def execute(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Prints what an apply would change; returns 1 if that is something."""
    found = diff_stack(run, client, items, executor)
    for item, text in found:
        run.report.emit(events.difference(item, text))
    return 1 if found else 0


def diff_stack(run: Run, client: Client, items: list[Item], executor: Executor) -> list[tuple[Item, str]]:
    """Returns a unified diff of everything that an apply with the same options would change or prune.

    Raises:
        TurnupError: the apply would be refused. If there is more than one refusal, each has been reported.
    """
    generations.check_external_configs(client, items, executor)
    stack = LiveStack(run, client, items, executor)
    stack.read()
    found = _diff_verdicts(run, stack, _check(run, stack))
    if run.options.prune:
        return found + _diff_prunable(stack)
    text = former_members_note(stack.label, stack.former.prunable)
    if text:
        run.report.note(text)
    return found


def _check(run: Run, stack: LiveStack) -> list[Verdict]:
    """Returns what an apply would do to each object.

    Raises:
        TurnupError: it would be refused.
    """
    options = run.options
    planned = PlannedObjects.of(stack.items, [entry.label for entry in run.plan.entries])
    composer = Composer(stack.client, Autoscalers(stack.client, stack.items), adopt=options.adopt, force=options.force_conflicts)
    preflight = Preflight(stack.client, planned, stack.inventory, force=options.force_conflicts, adopt=options.adopt, composer=composer, keep=True)
    items = GeneratedSecrets(stack.client, run.report.learn).fill_all(stack.items, stack.executor)
    found = preflight.check(items, stack.executor)
    refusals = [each.sentence for each in found if isinstance(each, Refusal)]
    for text in refusals[:-1]:
        run.report.error(text, 2)
    if refusals:
        raise TurnupError(refusals[-1])
    return [each for each in found if isinstance(each, Verdict)]


def _diff_verdicts(run: Run, stack: LiveStack, verdicts: list[Verdict]) -> list[tuple[Item, str]]:
    """Returns each item that an apply would change, with a unified diff.

    Secrets are masked. A new generation of a ConfigMap or Secret is compared with the newest existing one.
    """
    former = generations.find_newest(stack.client, stack.items, stack.executor)

    def one(verdict: Verdict) -> tuple[Item, str]:
        head, before, after = _sides(stack.client, verdict, former)
        run.report.learn([obj for obj in (before, after) if obj])
        text = diff_objects(str(verdict.item.identity), before, after)
        return verdict.item, "".join(f"# {line}\n" for line in head) + text

    changed = [verdict for verdict in verdicts if verdict.outcome != "unchanged"]
    return [(item, text) for item, text in stack.executor.map(one, changed) if text]


def _sides(client: Client, verdict: Verdict, former: Mapping[Config, Item]) -> tuple[list[str], Object | None, Object]:
    """Returns the lines above a diff, and the object before and after the apply.

    Raises:
        TurnupError: the server would not take it as a new object.
    """
    item, head = verdict.item, [verdict.remark] if verdict.remark else []
    if verdict.outcome == "terminating":
        return [*head, f"{item.identity} is terminating; an apply waits until it is gone and recreates it"], None, _as_new(client, item)
    if verdict.outcome == "replaced":
        live = read_live(client, item)
        reason = " ".join(verdict.reason.split())
        return [*head, f"{item.identity} is replaced, that is deleted and recreated: {reason}"], live, _as_new(client, item, live)
    if verdict.outcome == "new":
        base = base_of(item.obj)
        return head, read_live(client, former[base]) if base and base in former else None, verdict.after or item.obj
    if verdict.outcome == "untried":
        return head, read_live(client, item) if verdict.live else None, item.obj
    return head, verdict.before or read_live(client, item), verdict.after or item.obj


def _as_new(client: Client, item: Item, live: Object | None = None) -> Object:
    try:
        return recreation.as_new(client, item, live)
    except ApiError as error:
        raise TurnupError(explain(error, item.label, item.identity)) from None


def _diff_prunable(stack: LiveStack) -> list[tuple[Item, str]]:
    """Returns a unified diff of each object that a prune would delete, and notes those that it would keep."""
    if not stack.inventory.readable:
        raise TurnupError(
            f"{stack.label}: this account may not read ConfigMaps in the stack's namespace, where the list of its objects is; "
            "ask for that right, or run without --prune."
        )
    stack.note_staying()
    deleter = stack.deleter()
    found = []
    for item in locate_members(stack.former.prunable, stack.kinds)[0]:
        live = read_live(stack.client, item)
        if live is None:
            continue
        kept = deleter.reason_to_keep(item, live)
        if kept:
            stack.report.note(f"{item.identity} left the stack and stays: it {kept}")
            continue
        stack.report.learn([live])
        found.append((item, diff_objects(str(item.identity), live, None)))
    return found
