"""The members of a stack, and the text that lists them in a ConfigMap of its inventory."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

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


def member_of(item: Item, uid: str = "", labeled: bool = True) -> Member:
    """Returns an item of the present set as a member of its inventory."""
    config = base_of(item.obj)
    return Member(item.identity, item.obj["apiVersion"], item.label, uid, config.name if config else "", True, labeled)


def pack(members: Iterable[Member]) -> str:
    """Returns members as text for binaryData, equal for equal members."""
    rows = sorted(
        [each.api_version, each.identity.kind, each.identity.namespace, each.identity.name, each.target, each.uid, each.base, each.present, each.labeled]
        for each in members
    )
    return base64.b64encode(zlib.compress(json.dumps({"version": 1, "members": rows}, separators=(",", ":")).encode(), 6)).decode()


def unpack(text: str, where: str) -> Members:
    """Returns the members that `pack` was given.

    Raises:
        TurnupError: the text is not what `pack` writes.
    """
    try:
        unpacker = zlib.decompressobj()
        content = unpacker.decompress(base64.b64decode(text, validate=True), _MOST_BYTES)
        data = json.loads(content if unpacker.eof else b"")
        if data["version"] != 1:
            raise TurnupError(f"{where}: the list was written by another version of Turnup (format {data['version']!r}); use that one.")
        members = [
            Member(Identity(group_of(version), kind, namespace, name), version, target, uid, base, bool(present), bool(labeled))
            for version, kind, namespace, name, target, uid, base, present, labeled in data["members"]
        ]
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError, AttributeError):
        raise TurnupError(
            f"{where}: the list is damaged; delete it, and the next apply starts a new list (objects that left the stack before are no longer pruned)."
        ) from None
    return {member.identity: member for member in members}
