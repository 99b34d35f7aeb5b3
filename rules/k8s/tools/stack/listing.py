"""Whether a stack lists an object, for runs that only look."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import Identity
from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.stack.inventory import read_inventory
from rules.k8s.tools.stack.members import Members
from rules.k8s.tools.stack.stack_location import locate_stack


def members_of_stack(client: Client, plan: Plan, items: Sequence[Item]) -> Callable[[Identity], bool]:
    """Returns a function that says whether the cluster lists an object for a plan's stack; it reads the list at its first call.

    Args:
        client: client of the API server.
        plan: the plan that the stack is named after.
        items: the stack's objects.
    """

    @functools.cache
    def members() -> Members:
        try:
            return read_inventory(client, locate_stack(plan, items), items).members
        except ApiError:
            return {}

    return lambda identity: identity in members()
