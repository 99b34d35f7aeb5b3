"""The writer of `.create`, `.apply` and `.rollback`: server-side apply, after a preflight."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor

from rules.k8s.tools.api.client import Client, WriteFence
from rules.k8s.tools.api.item import Item, Result, attempt, live_metadata
from rules.k8s.tools.composition.autoscalers import Autoscalers
from rules.k8s.tools.composition.composer import Composer
from rules.k8s.tools.deletion.recreation import recreate, wait_gone
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.preflight.generated_secrets import GeneratedSecrets
from rules.k8s.tools.preflight.owner_check import check_owner
from rules.k8s.tools.preflight.planned_objects import PlannedObjects
from rules.k8s.tools.preflight.preflight import Preflight
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict, is_terminating, terminating_sentence
from rules.k8s.tools.stack.inventory import Inventory
from rules.k8s.tools.write.applier import Applier
from rules.k8s.tools.write.recovery import rerun_failed_jobs


class ApplyWriter:
    """Writes objects by server-side apply, after a preflight.

    Args:
        client: the API server.
        planned: what the run creates.
        force: take fields over from other field managers.
        adopt: take over objects that somebody else created.
        fence: entered around every write.
        say: writes a line of progress.
        generated: fills the generated values of Secrets.
        create: refuse objects that exist.
        rolling_back: the items are an older set.
        prune: the run deletes what left the stack.
    """

    def __init__(
        self,
        client: Client,
        planned: PlannedObjects,
        *,
        force: bool,
        adopt: bool,
        fence: WriteFence,
        say: Callable[[str], None],
        generated: GeneratedSecrets,
        create: bool = False,
        rolling_back: bool = False,
        prune: bool = False,
    ) -> None:
        self._client = client
        self._planned = planned
        self._force = force
        self._adopt = adopt
        self._create = create
        self._rolling_back = rolling_back
        self._prune = prune
        self._say = say
        self._fence = fence
        self._generated = generated
        self._applier = Applier(client, planned, force=force, fence=fence, say=say, generated=generated)
        self._inventory: Inventory | None = None
        self._composer = Composer(client, Autoscalers(client), adopt=adopt, force=force)
        self._said: set[str] = set()

    def check(self, items: Iterable[Item], inventory: Inventory, executor: Executor) -> list[Verdict | Refusal]:
        """Returns what an apply would do to each item.

        Raises:
            TurnupError: an object that `.create` would create exists.
        """
        items = self._generated.fill_all(items, executor)
        self._composer = Composer(self._client, Autoscalers(self._client, items), adopt=self._adopt, force=self._force)
        found = Preflight(
            self._client,
            self._planned,
            inventory,
            force=self._force,
            adopt=self._adopt,
            create=self._create,
            rolling_back=self._rolling_back,
            composer=self._composer,
            prune=self._prune,
        ).check(items, executor)
        if self._create:
            refuse_existing(found)
        found = rerun_failed_jobs(self._client, found, executor)
        self._inventory = inventory
        if not any(isinstance(each, Refusal) for each in found):
            self._say_remarks([each.remark for each in found if isinstance(each, Verdict) and each.remark])
        return found

    def _say_remarks(self, remarks: Iterable[str]) -> None:
        """Says each remark once: a run that waits for the lease checks again."""
        for remark in remarks:
            if remark not in self._said:
                self._said.add(remark)
                self._say(remark)

    def write(self, verdict: Verdict) -> Result:
        """Applies one item.

        Raises:
            UnreachableError: the server does not answer.
        """
        return attempt(verdict.item, lambda: self._write(verdict))

    def _write(self, verdict: Verdict) -> Result:
        item, live = verdict.item, verdict.live
        if verdict.outcome == "replaced" and live:
            return recreate(self._client, item, live, self._fence, self._applier.apply)
        terminating = live if verdict.outcome == "terminating" else None
        if verdict.outcome == "untried" or terminating:
            live = self._read_again(item, terminating)
        if verdict.composed or (verdict.outcome == "untried" and live and self._composer.is_needed(item, live)):
            return Result(
                item, "configured", self._composer.write(item, live if verdict.composed else None, verdict.unset, verdict.derivation, fence=self._fence)
            )
        result = self._applier.apply(item, live)
        if result.live and is_terminating(result.live):
            # Somebody has deleted it since the preflight.
            self._say(terminating_sentence(item))
            return self._write(Verdict(item, "terminating", result.live))
        return result

    def _read_again(self, item: Item, terminating: Object | None) -> Object | None:
        """Returns the metadata of an item's live object, which the preflight could not know; None when there is none.

        Args:
            item: the item.
            terminating: metadata of the object that must be gone first, if the preflight saw one.

        Raises:
            ApiError: the server refuses to tell.
            TurnupError: it belongs to somebody else, or `terminating` stays.
        """
        if terminating:
            wait_gone(self._client, item, terminating["metadata"]["uid"])
        live = live_metadata(self._client, item)
        if live:
            check_owner(item, live, self._planned.labels, self._inventory, adopt=self._adopt)
        return live


def refuse_existing(found: Iterable[Verdict | Refusal]) -> None:
    """Refuses a `.create` if any of its objects exists, before anything is written.

    Args:
        found: what a preflight for a create has found.

    Raises:
        TurnupError: naming the objects that exist.
    """
    there = [each.item for each in found if isinstance(each, Verdict) and each.live and each.outcome != "terminating"]
    if there:
        raise TurnupError(
            f"{there[0].label}: {_some([str(item.identity) for item in there])} already in the cluster; nothing was sent. "
            "Use .apply to change existing objects."
        )


def _some(names: list[str]) -> str:
    """Returns up to three names and the verb that fits, as the beginning of a sentence."""
    shown = ", ".join(names[:3])
    more = f" and {len(names) - 3} more are" if len(names) > 3 else (" are" if len(names) > 1 else " is")
    return shown + more
