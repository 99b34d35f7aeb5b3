"""The verbs that write objects: a check of everything, images, every object, then the history and, if asked, waiting."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import TYPE_CHECKING, Callable, Iterable

from rules.k8s.tools.api.api_errors import explain
from rules.k8s.tools.api.client import Client, WriteFence
from rules.k8s.tools.api.item import Item, Result, live_metadata
from rules.k8s.tools.deletion.recreation import recreate, wait_gone
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.preflight.owner_check import check_owner
from rules.k8s.tools.preflight.planned_objects import PlannedObjects
from rules.k8s.tools.preflight.preflight import Preflight
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict, is_terminating, terminating_sentence
from rules.k8s.tools.stack.inventory import Inventory
from rules.k8s.tools.write.applier import Applier

if TYPE_CHECKING:
    pass


class ApplyWriter:
    """The writer of create, apply and rollback: server-side apply, after a preflight.

    Args:
        client: the API server.
        planned: what the run makes.
        force: take fields over from other field managers.
        adopt: take objects over that somebody else has made.
        permit: entered around every write.
        say: writes a line of progress.
        create: refuse objects that are there already.
        going_back: the items are those of an older set.
    """

    def __init__(self, client: Client, planned: PlannedObjects, *, force: bool, adopt: bool, fence: WriteFence, say: Callable[[str], None],
                 create: bool = False, going_back: bool = False):
        self._client = client
        self._surroundings = planned
        self._force = force
        self._adopt = adopt
        self._create = create
        self._going_back = going_back
        self._say = say
        self._permit = fence
        self._applier = Applier(client, planned, force=force, fence=fence, say=say)
        self._inventory: Inventory | None = None

    def check(self, items: Iterable[Item], inventory: Inventory, executor: Executor) -> list[Verdict | Refusal]:
        """Says what an apply would do to each item."""
        found = Preflight(self._client, self._surroundings, inventory, force=self._force, adopt=self._adopt, create=self._create,
                          going_back=self._going_back).check(items, executor)
        if self._create:
            refuse_existing(found)
        self._inventory = inventory
        return found

    def write(self, verdict: Verdict) -> Result:
        """Applies one item."""
        item, live = verdict.item, verdict.live
        if verdict.outcome == "replaced" and live:
            return recreate(self._client, item, live, self._permit, self._applier.apply)
        ending = live if verdict.outcome == "terminating" else None
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
        if result.live and is_terminating(result.live):
            # Somebody deletes it since it was looked at.
            self._say(terminating_sentence(item))
            return self.write(Verdict(item, "terminating", result.live))
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


def refuse_existing(found: Iterable[Verdict | Refusal]) -> None:
    """Refuses a `create` of which any object is there already, before anything is written.

    Args:
        found: what a preflight for a create has found.

    Raises:
        TurnupError: naming the objects that exist.
    """
    there = [each.item for each in found if isinstance(each, Verdict) and each.live and each.outcome != "terminating"]
    if there:
        raise TurnupError(f"{there[0].label}: {_some([str(item.identity) for item in there])} already in the cluster; nothing was sent. Use .apply to change what is there.")


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    more = f" and {len(names) - 3} more are" if len(names) > 3 else (" are" if len(names) > 1 else " is")
    return shown + more
