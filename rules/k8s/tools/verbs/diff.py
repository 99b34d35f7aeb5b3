"""`.diff`: prints what an apply would change, object by object."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from rules.k8s.tools.api.api_errors import explain, server_message
from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, Client
from rules.k8s.tools.api.item import Item, read_live
from rules.k8s.tools.deletion import recreation
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.masking.mask import Learn
from rules.k8s.tools.objects.hashed_names import base_of
from rules.k8s.tools.objects.objects import Object, owner
from rules.k8s.tools.output import events
from rules.k8s.tools.output.render import diff_objects
from rules.k8s.tools.preflight.comparison import is_applied
from rules.k8s.tools.preflight.verdicts import is_terminating
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
        TurnupError: the server refuses an object.
    """
    stack = LiveStack(run, client, items, executor)
    stack.read()
    found = diff_items(client, stack.items, executor, run.report.learn, force=run.options.force_conflicts)
    if run.options.prune:
        return found + _diff_prunable(stack)
    text = former_members_note(stack.label, stack.former.prunable)
    if text:
        run.report.note(text)
    return found


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


def diff_items(client: Client, items: Iterable[Item], executor: Executor, learn: Learn, *, force: bool = False) -> list[tuple[Item, str]]:
    """Returns each item that an apply would change, with a unified diff.

    The server computes the outcome (dry run); Secrets are masked after that. A new generation of a ConfigMap or Secret is
    compared with the newest existing one.

    Raises:
        TurnupError: the server refuses an object.
    """
    items = list(items)
    former = generations.find_newest(client, items, executor)

    def one(item: Item) -> tuple[Item, str]:
        live = read_live(client, item)
        learn([live] if live else [])
        if live and is_terminating(live):
            return item, _recreated(client, item)
        if live and is_applied(item.obj, live):
            return item, ""
        try:
            wanted = client.request(
                "PATCH",
                item.path,
                body=item.obj,
                content_type=APPLY_PATCH,
                query={"fieldManager": FIELD_MANAGER, "dryRun": "All", "force": "true" if force else None},
            )[1]
        except ApiError as error:
            if error.status == 404 and live is None:
                wanted = item.obj  # Its namespace or kind does not exist yet.
            elif error.status == 422 and live and owner(live) == item.label and recreation.is_wanted(item):
                return item, _replaced(client, item, live, error)
            else:
                raise TurnupError(explain(error, item.label, item.identity)) from None
        base = base_of(item.obj)
        if live is None and base in former:
            live = read_live(client, former[base])
            learn([live] if live else [])
        return item, diff_objects(str(item.identity), live, wanted)

    return [(item, text) for item, text in executor.map(one, items) if text]


def _replaced(client: Client, item: Item, live: Object, error: ApiError) -> str:
    """Returns the diff of an object that is deleted and recreated; the first line says so.

    Raises:
        TurnupError: the server would not take it as a new object either.
    """
    try:
        wanted = recreation.as_new(client, item, live)
    except ApiError:
        raise TurnupError(explain(error, item.label, item.identity)) from None
    head = f"# {item.identity} is replaced, that is deleted and recreated: {' '.join(server_message(error, item.identity).split())}"
    return f"{head}\n{diff_objects(str(item.identity), live, wanted)}"


def _recreated(client: Client, item: Item) -> str:
    """Returns the diff of an object whose former namesake is terminating; the first line says so.

    Raises:
        TurnupError: the server would not take it as a new object.
    """
    try:
        wanted = recreation.as_new(client, item)
    except ApiError as error:
        raise TurnupError(explain(error, item.label, item.identity)) from None
    return f"# {item.identity} is terminating; an apply waits until it is gone and recreates it\n{diff_objects(str(item.identity), None, wanted)}"
