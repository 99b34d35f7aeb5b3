"""Planned objects: what a run itself creates, so that other objects of the run can depend on it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rules.k8s.tools.api.discovery import Kinds
from rules.k8s.tools.api.field_ownership import conflicts
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError

_ACCOUNT = re.compile(r"error looking up service account ([^/\s]+)/([^:\s]+)")


@dataclass(frozen=True)
class PlannedObjects:
    """The namespaces, kinds and Services that a run creates.

    Attributes:
        namespaces: names of the Namespaces among the objects.
        kinds: (apiVersion, kind) that CustomResourceDefinitions among the objects define.
        labels: labels of the targets.
        services: (namespace, name) of the Services among the objects.
        accounts: (namespace, name) of the ServiceAccounts among the objects.
        quotas: (namespace, name) of the ResourceQuotas among the objects.
    """

    namespaces: frozenset[str]
    kinds: frozenset[tuple[str, str]]
    labels: frozenset[str]
    services: frozenset[tuple[str, str]] = frozenset()
    accounts: frozenset[tuple[str, str]] = frozenset()
    quotas: frozenset[tuple[str, str]] = frozenset()

    @staticmethod
    def of(items: Iterable[Item], labels: Iterable[str] = ()) -> PlannedObjects:
        """Returns the planned objects of a run.

        Args:
            items: the items of the run.
            labels: labels of targets that may have no object.
        """
        items = list(items)
        kinds = Kinds(())
        kinds.add_definitions(item.obj for item in items)
        return PlannedObjects(
            frozenset(item.identity.name for item in items if item.identity.kind == "Namespace"),
            frozenset(kinds.defined),
            frozenset(labels) | {item.label for item in items},
            _named(items, "Service"),
            _named(items, "ServiceAccount"),
            _named(items, "ResourceQuota"),
        )

    def makes_namespace(self, item: Item) -> bool:
        """Returns whether the run creates an item's namespace."""
        return item.identity.namespace in self.namespaces

    def makes_kind(self, item: Item) -> bool:
        """Returns whether the run defines an item's kind."""
        return (item.resource.api_version, item.resource.kind) in self.kinds

    def may_succeed_later(self, error: ApiError, item: Item) -> bool:
        """Returns whether a refused request may succeed later, because something it needs is still being created."""
        text = error.message
        if error.status == 404:
            if error.details.get("name") == item.identity.name and error.details.get("kind") == item.resource.plural:
                return False  # The server has the kind. It means an object that the manifest assumes, by its resourceVersion.
            missing_namespace = f'namespaces "{item.identity.namespace}" not found' in text
            return self.makes_kind(item) or (missing_namespace and self.makes_namespace(item))
        if error.status == 403:
            account = _ACCOUNT.search(text)
            # A controller creates the account `default` of a new namespace.
            known = account is not None and (account[2] == "default" or (account[1], account[2]) in self.accounts)
            return known or self._is_below_planned_quota(text, item)
        if error.status == 409:
            # A manifest that assumes a UID or version never fits another one.
            return not conflicts(error) and not {"uid", "resourceVersion"} & item.obj["metadata"].keys()
        return error.status in (500, 503) and ("webhook" in text or "try again" in text)

    def _is_below_planned_quota(self, text: str, item: Item) -> bool:
        """Returns whether a live quota refused an item that the same run raises: its wanted limits are compared by quota.py."""
        found = re.search(r"exceeded quota: ([^,\s]+)", text)
        return bool(found and (item.identity.namespace, found[1]) in self.quotas)


def _named(items: Iterable[Item], kind: str) -> frozenset[tuple[str, str]]:
    """Returns (namespace, name) of the items of a core kind."""
    return frozenset((item.identity.namespace, item.identity.name) for item in items if item.identity.kind == kind and not item.identity.group)
