"""The members of a stack, and the text that lists them in a ConfigMap of its inventory."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.objects.hashed_names import base_of
from rules.k8s.tools.objects.objects import Identity, group_of

# A limit in case somebody else wrote the list; 10,000 members take 2 MiB.
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Member:
    """An object that a stack has applied.

    Attributes:
        identity: the object.
        api_version: as it was applied.
        target: label of the k8s_object that it comes from.
        uid: its UID on the cluster, "" while that is unknown.
        base: the name in the manifest of a ConfigMap or Secret under a content-hashed name, "" for others.
        present: it was in the set that was applied last; False for what left the stack and is still on the cluster.
        labeled: it carries this stack's label; False where another stack had it first.
    """

    identity: Identity
    api_version: str
    target: str
    uid: str = ""
    base: str = ""
    present: bool = True
    labeled: bool = True


Members = dict[Identity, Member]


@dataclass(frozen=True)
class Listing:
    """What an inventory contains.

    Attributes:
        members: what prune and delete act on.
        kept: what has the annotation `turnup/on-remove: keep`: it is the stack's own, and nothing prunes it.
        graph: label of a target → labels of the targets that it depends on, so that targets that left the stack are deleted in order.
    """

    members: Mapping[Identity, Member] = field(default_factory=dict)
    kept: Mapping[Identity, Member] = field(default_factory=dict)
    graph: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def member_of(item: Item, uid: str = "", labeled: bool = True) -> Member:
    """Returns an item of the present set as a member of its inventory."""
    config = base_of(item.obj)
    return Member(item.identity, item.obj["apiVersion"], item.label, uid, config.name if config else "", True, labeled)


def pack(members: Iterable[Member], kept: Iterable[Member] = (), graph: Mapping[str, Iterable[str]] | None = None) -> str:
    """Returns what an inventory contains (see Listing) as text for binaryData, equal for equal content."""
    data: dict[str, Any] = {"version": 1, "members": _rows(members), "kept": _rows(kept), "graph": {key: sorted(deps) for key, deps in (graph or {}).items()}}
    # Without the parts that are empty it is what earlier versions wrote.
    data = {key: value for key, value in data.items() if value or key == "members"}
    return base64.b64encode(zlib.compress(json.dumps(data, sort_keys=True, separators=(",", ":")).encode(), 6)).decode()


def _rows(members: Iterable[Member]) -> list[list[Any]]:
    return sorted(
        [each.api_version, each.identity.kind, each.identity.namespace, each.identity.name, each.target, each.uid, each.base, each.present, each.labeled]
        for each in members
    )


def _members(rows: Any) -> Members:
    members = [
        Member(Identity(group_of(version), kind, namespace, name), version, target, uid, base, bool(present), bool(labeled))
        for version, kind, namespace, name, target, uid, base, present, labeled in rows
    ]
    return {member.identity: member for member in members}


def unpack(text: str, where: str) -> Members:
    """Returns the members that `pack` was given. The arguments and errors are those of unpack_listing."""
    return dict(unpack_listing(text, where).members)


def unpack_listing(text: str, where: str) -> Listing:
    """Returns everything that `pack` was given.

    Args:
        text: what it returned.
        where: the inventory, for errors.

    Raises:
        TurnupError: the text is not what `pack` writes.
    """
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(base64.b64decode(text, validate=True), _MOST_BYTES)
        data = json.loads(content if unpacker.eof else b"")
        if data["version"] != 1:
            raise TurnupError(f"{where}: the list was written by another version of Turnup (format {data['version']!r}); use that one.")
        graph = {str(label): tuple(map(str, deps)) for label, deps in data.get("graph", {}).items()}
        return Listing(_members(data["members"]), _members(data.get("kept", ())), graph)
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError, AttributeError):
        raise TurnupError(
            f"{where}: the list is damaged; delete it, and the next apply starts a new list (objects that left the stack before are no longer pruned)."
        ) from None
