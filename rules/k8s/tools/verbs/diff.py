"""`.diff`: what an apply would change, object by object."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING, Iterable

from rules.k8s.tools.api.api_errors import explain, server_message
from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, Client
from rules.k8s.tools.api.item import Item, read_live
from rules.k8s.tools.deletion import recreation
from rules.k8s.tools.deletion.deletion import Deleter
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.masking.mask import Learn
from rules.k8s.tools.objects.hashed_names import base_of
from rules.k8s.tools.objects.objects import Object, owner
from rules.k8s.tools.output import events
from rules.k8s.tools.output.render import diff_objects
from rules.k8s.tools.preflight.comparison import is_applied
from rules.k8s.tools.preflight.verdicts import is_terminating
from rules.k8s.tools.stack import generations
from rules.k8s.tools.stack.inventory import read_inventory, with_part_of
from rules.k8s.tools.stack.pruning import departed_of, items_to_prune, moved_from_note, sentence
from rules.k8s.tools.stack.stack_location import locate_stack

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run





def diff_items(client: Client, items: Iterable[Item], executor: Executor, learn: Learn, *, force: bool = False) -> list[tuple[Item, str]]:
    """Returns each item that an apply would change, with a unified diff.

    The server itself computes the outcome (dry run); Secrets are masked after that. A new generation of a ConfigMap or Secret is
    compared with the newest one that there is.

    Raises:
        TurnupError: the server refuses an object.
    """
    items = list(items)
    former = generations.newest(client, items, executor)

    def one(item: Item) -> tuple[Item, str]:
        live = read_live(client, item)
        learn([live] if live else [])
        if live and is_terminating(live):
            return item, _anew(client, item)
        if live and is_applied(item.obj, live):
            return item, ""
        try:
            wanted = client.request("PATCH", item.path, body=item.obj, content_type=APPLY_PATCH, query={
                "fieldManager": FIELD_MANAGER, "dryRun": "All", "force": "true" if force else None})[1]
        except ApiError as error:
            if error.status == 404 and live is None:
                wanted = item.obj  # Its namespace or kind is not there yet.
            elif error.status == 422 and live and owner(live) == item.label and recreation.is_wanted(item):
                return item, _replacement(client, item, live, error)
            else:
                raise TurnupError(explain(error, item.label, item.identity)) from None
        base = base_of(item.obj)
        if live is None and base in former:
            live = read_live(client, former[base])
            learn([live] if live else [])
        return item, diff_objects(str(item.identity), live, wanted)

    return [(item, text) for item, text in executor.map(one, items) if text]


def _replacement(client: Client, item: Item, live: Object, error: ApiError) -> str:
    """Returns the diff of an object that is deleted and made again, and says so in its first line.

    Raises:
        TurnupError: the server would not take it as a new object either.
    """
    try:
        wanted = recreation.as_new(client, item, live)
    except ApiError:
        raise TurnupError(explain(error, item.label, item.identity)) from None
    head = f"# {item.identity} is replaced, that is deleted and made again: {' '.join(server_message(error, item.identity).split())}"
    return f"{head}\n{diff_objects(str(item.identity), live, wanted)}"


def _anew(client: Client, item: Item) -> str:
    """Returns the diff of an object whose name one has that is being deleted, and says so in its first line.

    Raises:
        TurnupError: the server would not take it as a new object.
    """
    try:
        wanted = recreation.as_new(client, item)
    except ApiError as error:
        raise TurnupError(explain(error, item.label, item.identity)) from None
    return f"# {item.identity} is being deleted; an apply waits for its end and makes it anew\n{diff_objects(str(item.identity), None, wanted)}"


def diff(run: Run, client: Client, items: list[Item], executor: Executor) -> int:
    """Says what an apply would change; returns 1 when that is something."""
    found = diff_stack(run, client, items, executor)
    for item, text in found:
        run.report.emit(events.difference(item, text))
    return 1 if found else 0


def diff_stack(run: Run, client: Client, items: list[Item], executor: Executor) -> list[tuple[Item, str]]:
    """Returns a unified diff of everything that an apply with the same options would change or prune.

    Raises:
        TurnupError: the server refuses an object.
    """
    inventory = read_inventory(client, locate_stack(run.plan, items), items, run.options.moved_from)
    text = moved_from_note(run.plan.label, inventory, run.options.moved_from)
    if text:
        run.report.note(text)
    found = diff_items(client, [with_part_of(item, inventory.part_of(item.identity)) for item in items], executor, run.report.learn,
                       force=run.options.force_conflicts)
    departed = departed_of(inventory, items, run.left_out, [entry.label for entry in run.plan.entries])
    if not run.options.prune:
        text = sentence(run.plan.label, departed.pruned)
        if text:
            run.report.note(text)
        return found
    if not inventory.readable:
        raise TurnupError(f"{run.plan.label}: this account may not read ConfigMaps in the stack's namespace, where the list of its objects is; "
                          "ask for that right, or run without --prune.")
    removal = Deleter(client, executor, run.report.result, data=run.options.delete_data,
                      uids={member.identity: member.uid for member in departed.pruned})
    for item in items_to_prune(departed.pruned, run.kinds)[0]:
        live = read_live(client, item)
        if live is None:
            continue
        kept = removal.reason_to_keep(item, live)
        if kept:
            run.report.note(f"{item.identity} left the stack and stays: it {kept}")
            continue
        run.report.learn([live])
        found.append((item, diff_objects(str(item.identity), live, None)))
    return found
