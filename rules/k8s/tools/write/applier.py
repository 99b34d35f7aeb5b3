"""Server-side apply of one object, repeated until the server has accepted it.

An object whose namespace or definition is only just being created is sent again until the server accepts it or the time is
up. What a whole run does, and in which order, is in transaction.py.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import nullcontext

from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, METADATA_ONLY, Client, WriteFence
from rules.k8s.tools.api.item import Item, Result, attempt, live_metadata
from rules.k8s.tools.api.webhooks import Webhook, parse_webhook_failure
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.preflight.generated_secrets import GeneratedSecrets
from rules.k8s.tools.preflight.planned_objects import PlannedObjects


class Applier:
    """Sends items until the server has accepted each.

    Args:
        client: the API server.
        planned: what the run creates; one item may need another.
        force: take fields over from other field managers.
        timeout: seconds to keep trying while something that items need is being created, and no item is accepted meanwhile.
        fence: entered around every write.
        say: writes a line of progress.
        generated: fills the generated values of Secrets; None if no item has any.
    """

    def __init__(
        self,
        client: Client,
        planned: PlannedObjects,
        *,
        force: bool = False,
        timeout: float = 60.0,
        fence: WriteFence = nullcontext,
        say: Callable[[str], None] = lambda text: None,
        generated: GeneratedSecrets | None = None,
    ) -> None:
        self._client = client
        self._planned = planned
        self._force = force
        self._timeout = timeout
        self._stuck_since: float | None = None
        self._fence = fence
        self._say = say
        self._said: set[str] = set()
        self._generated = generated

    def apply(self, item: Item, before: Object | None) -> Result:
        """Writes one item.

        Args:
            item: the item.
            before: metadata of its live object, as an object; None when there is none.

        Raises:
            UnreachableError: the server does not answer.
        """
        return attempt(item, lambda: self._apply(item, before))

    def _apply(self, item: Item, before: Object | None) -> Result:
        retries = 0
        while True:
            try:
                status, live = self._send(item)
            except ApiError as error:
                if not self._planned.may_succeed_later(error, item) or not self._may_retry():
                    raise
                self._say_hook(item, parse_webhook_failure(error.message))
                time.sleep(min(1.0, 0.05 * 2**retries) * random.uniform(0.8, 1.2))
                retries += 1
                if error.status == 409:
                    before = live_metadata(self._client, item)
                continue
            self._stuck_since = None
            if status == 201 or before is None:
                return Result(item, "created", live)
            changed = live["metadata"].get("resourceVersion") != before["metadata"].get("resourceVersion")
            return Result(item, "configured" if changed else "unchanged", live)

    def _send(self, item: Item) -> tuple[int, Object]:
        """Sends one item once; returns the HTTP status and the metadata of the object."""
        return self._client.request(
            "PATCH",
            item.path,
            body=(self._generated.to_write(item) if self._generated else item).obj,
            content_type=APPLY_PATCH,
            accept=METADATA_ONLY,
            fence=self._fence,
            query={"fieldManager": FIELD_MANAGER, "force": "true" if self._force else None},
        )

    def _say_hook(self, item: Item, hook: Webhook | None) -> None:
        """Reports once of each webhook that an object waits for it."""
        if hook and hook.name not in self._said:
            self._said.add(hook.name)
            self._say(f"{item.label}: {item.identity} waits until {hook} answers ({hook.cause})")

    def _may_retry(self) -> bool:
        """Returns whether to try again. All items share the time; otherwise each would wait as long for what never comes."""
        if self._stuck_since is None:
            self._stuck_since = time.monotonic()
        return time.monotonic() - self._stuck_since < self._timeout
