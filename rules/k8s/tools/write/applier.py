"""One object on its way to the cluster: where it lives, and sending it until the server has taken it.

An object whose namespace or definition is only just being made is sent again until it is taken or the deadline has
passed. What a whole run does, and in which order, is in transaction.py.
"""

from __future__ import annotations

import random
import time
from contextlib import nullcontext
from typing import Callable

from rules.k8s.tools.api.api_errors import explain
from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, MERGE_PATCH, METADATA_ONLY, Client, WriteFence
from rules.k8s.tools.api.field_ownership import merged_managers
from rules.k8s.tools.api.item import Item, Result, live_metadata
from rules.k8s.tools.api.webhooks import Webhook, parse_webhook_failure
from rules.k8s.tools.errors import ApiError, TurnupError, UnreachableError
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.preflight.planned_objects import PlannedObjects


class Applier:
    """Sends items until the server has taken each.

    Args:
        client: the API server.
        planned: what the run makes: what one item needs may be another item.
        force: take fields over from other field managers.
        patience: seconds to go on trying while something that items need is being made, and no item is taken meanwhile.
        permit: entered around every write.
        say: writes a line of progress.
    """

    def __init__(self, client: Client, planned: PlannedObjects, *, force: bool = False, patience: float = 60.0,
                 fence: WriteFence = nullcontext, say: Callable[[str], None] = lambda text: None):
        self._client = client
        self._surroundings = planned
        self._force = force
        self._patience = patience
        self._stuck_since: float | None = None
        self._permit = fence
        self._say = say
        self._said: set[str] = set()

    def apply(self, item: Item, before: Object | None) -> Result:
        """Writes one item.

        Args:
            item: the item.
            before: metadata of its live object, as an object; None when there is none.
        """
        attempt = 0
        while True:
            try:
                managers = merged_managers(before) if before else None
                if before and managers:
                    self._client.request("PATCH", item.path, content_type=MERGE_PATCH, accept=METADATA_ONLY, fence=self._permit, body={
                        "metadata": {"managedFields": managers, "resourceVersion": before["metadata"]["resourceVersion"]}})
                status, live = self._client.request(
                    "PATCH", item.path, body=item.obj, content_type=APPLY_PATCH, accept=METADATA_ONLY, fence=self._permit,
                    query={"fieldManager": FIELD_MANAGER, "force": "true" if self._force else None})
            except ApiError as error:
                if self._surroundings.may_succeed_later(error, item) and self._is_patient():
                    self._say_hook(item, parse_webhook_failure(error.message))
                    time.sleep(min(1.0, 0.05 * 2 ** attempt) * random.uniform(0.8, 1.2))
                    attempt += 1
                    if error.status == 409:
                        before = live_metadata(self._client, item)
                    continue
                return Result(item, "failed", error=explain(error, item.label, item.identity))
            except UnreachableError:
                raise
            except TurnupError as error:
                return Result(item, "failed", error=str(error))
            self._stuck_since = None
            if status == 201 or before is None:
                return Result(item, "created", live)
            changed = live["metadata"].get("resourceVersion") != before["metadata"].get("resourceVersion")
            return Result(item, "configured" if changed else "unchanged", live)

    def _say_hook(self, item: Item, hook: Webhook | None) -> None:
        """Says once of each webhook that it is waited for."""
        if hook and hook.name not in self._said:
            self._said.add(hook.name)
            self._say(f"{item.label}: {item.identity} waits until {hook} answers ({hook.cause})")

    def _is_patient(self) -> bool:
        """Says whether to try again. All items share the time: one after the other they would wait for what never comes."""
        if self._stuck_since is None:
            self._stuck_since = time.monotonic()
        return time.monotonic() - self._stuck_since < self._patience


