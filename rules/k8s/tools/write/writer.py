"""The interface of what writes objects: server-side apply or replace."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from typing import Protocol

from rules.k8s.tools.api.item import Item, Result
from rules.k8s.tools.preflight.verdicts import Refusal, Verdict
from rules.k8s.tools.stack.inventory import Inventory


class Writer(Protocol):
    """Writes objects, by server-side apply or by replacing them."""

    def check(self, items: Iterable[Item], inventory: Inventory, executor: Executor) -> list[Verdict | Refusal]:
        """Returns what writing would do to each item, without writing."""

    def write(self, verdict: Verdict) -> Result:
        """Writes one item."""
