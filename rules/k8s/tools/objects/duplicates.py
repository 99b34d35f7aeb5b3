"""Objects that a closure contains twice: the only place that judges it, for the build and for what only the API server knows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from rules.k8s.tools.objects.hashed_names import base_of
from rules.k8s.tools.objects.objects import Identity, Object, identity


@dataclass(frozen=True)
class Duplicate:
    """An object that a closure contains twice.

    Attributes:
        identity: the object, under the name in its manifest.
        first: label of the target that holds it first.
        second: label of the target that holds it again, which may be the same.
    """

    identity: Identity
    first: str
    second: str

    def __str__(self) -> str:
        if self.first == self.second:
            return f"{self.first} holds {self.identity} twice"
        return f"{self.first} and {self.second} both hold {self.identity}"


def find_duplicate(objects: Iterable[tuple[str, Object]]) -> Duplicate | None:
    """Returns the first object that a closure contains twice, None for none.

    ConfigMaps and Secrets count under the name in their manifest: two of one name and different content are the same object.

    Args:
        objects: (label of the target, object) with the namespaces that the objects are sent with.
    """
    holders: dict[Identity, str] = {}
    for label, obj in objects:
        found, base = identity(obj), base_of(obj)
        written = Identity(found.group, found.kind, found.namespace, base.name) if base else found
        if written in holders:
            return Duplicate(written, holders[written], label)
        holders[written] = label
    return None
