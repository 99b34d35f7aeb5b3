"""What a stack has on the cluster, kept there: an ApplySet parent (KEP-3659) for each stack and namespace.

A stack is the target that is applied. Its parent is a ConfigMap with the label `applyset.kubernetes.io/id`; each member
carries that id in the label `applyset.kubernetes.io/part-of`, so that other tools see what belongs together. What may be
pruned is not read from that label, which anybody with the right to update an object can set, but from the list of
members in the parent: identity, target and UID.

Two stacks may hold the same object, as `//svc:dev-deep` and `//python/redis:dev-deep` do. Both list it; it carries the
label of the one that had it first, for as long as that one has it.

One target may be several stacks (homes.py). When the namespaces of a stack change, the list of before is taken over only
where it is certain whose it is (`_heritage`): what it lists and the new set does not is pruned as having left the stack,
and to prune what is another user's is worse than to leave what is one's own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from dataclasses import dataclass, replace
from typing import Any, Collection, Iterable, Mapping

from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, METADATA_ONLY, Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.hashed_names import base_of
from rules.k8s.tools.objects.objects import Identity, Object, group_of, owner
from rules.k8s.tools.stack.stack_location import SHARED_NAMESPACE, STACK, StackLocation, parent_name

ID_LABEL = "applyset.kubernetes.io/id"
PART_OF = "applyset.kubernetes.io/part-of"
_TOOLING = "applyset.kubernetes.io/tooling"
_GROUP_KINDS = "applyset.kubernetes.io/contains-group-kinds"
_NAMESPACES = "applyset.kubernetes.io/additional-namespaces"
# On a parent in SHARED: the namespaces that its stack is for, which its name has a hash of.
_PLACES = "turnup/namespaces"
# While a stack is being written: what goes on, and NAMESPACE/NAME of the parent that its own takes over. "" before and after.
_UNFINISHED = "turnup/unfinished"
_OUR_TOOLING = "turnup/v1"
_MEMBERS = "members"
# A bound against a list that somebody else wrote; 10,000 members take 2 MiB.
_MOST_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Member:
    """An object that a stack has applied.

    Attributes:
        identity: the object.
        api_version: as it was applied.
        target: label of the k8s_object that it comes from.
        uid: its UID on the cluster, "" while it is not known.
        base: the name in the manifest of a ConfigMap or Secret under a content-hashed name, "" for others.
        present: it was in the set that was applied last; False for what has left the stack and is still there.
        labelled: it carries this stack's label; False where another stack had it first.
    """

    identity: Identity
    api_version: str
    target: str
    uid: str = ""
    base: str = ""
    present: bool = True
    labelled: bool = True


Members = dict[Identity, Member]


@dataclass(frozen=True)
class ApplySetParent:
    """The parent of one stack.

    Attributes:
        stack: label of the target whose stack it is.
        namespace: where the parent lives.
        members: what it lists.
        exists: it is on the cluster; False for one that is about to be made.
        uid: of the ConfigMap, "" when it does not exist.
        version: the ConfigMap's resourceVersion, "" when it does not exist.
        places: the namespaces that its stack is for, where its name has a hash of them; else None.
        unfinished: "" once all that it lists as present was written; else as in the annotation (_UNFINISHED).
    """

    stack: str
    namespace: str
    members: Mapping[Identity, Member]
    exists: bool = True
    uid: str = ""
    version: str = ""
    places: tuple[str, ...] | None = None
    unfinished: str = ""

    @property
    def name(self) -> str:
        """The ConfigMap's name."""
        return parent_name(self.stack, self.places)

    @property
    def spans(self) -> frozenset[str]:
        """The namespaces that its stack is for, as far as it tells."""
        if self.places is not None:
            return frozenset(self.places)
        found = {identity.namespace for identity, member in self.members.items() if member.present}
        # An object that names no namespace is in `default`, and its plan does not say so.
        return frozenset(found | ({self.namespace} - {SHARED_NAMESPACE})) - {"", "default"}

    @property
    def id(self) -> str:
        """The ApplySet's id: the value of the members' label."""
        return applyset_id(self.name, self.namespace)

    @property
    def path(self) -> str:
        """The ConfigMap's path on the server."""
        return f"/api/v1/namespaces/{self.namespace}/configmaps/{self.name}"


@dataclass(frozen=True)
class Inventory:
    """What the cluster says about a stack before a run.

    Attributes:
        parent: the stack's own parent.
        moved: the parent that the stack had before its namespaces changed, which this one replaces; None for none.
        others: the parents of other stacks in the same namespaces, those of the same target among them.
        readable: False where the user may not read ConfigMaps: nothing is known then, and nothing is pruned.
    """

    parent: ApplySetParent
    moved: ApplySetParent | None = None
    others: tuple[ApplySetParent, ...] = ()
    readable: bool = True

    @property
    def members(self) -> Members:
        """What the stack has on the cluster, as far as it was recorded."""
        return {**(self.moved.members if self.moved else {}), **self.parent.members}

    @property
    def ids(self) -> tuple[str, ...]:
        """The labels that members of this stack may carry."""
        every = [self.parent, *([self.moved] if self.moved else []), *self.others]
        return tuple(sorted({parent.id for parent in every}))

    def _member(self, identity: Identity) -> Member | None:
        return self.parent.members.get(identity) or (self.moved.members.get(identity) if self.moved else None)

    def made(self, identity: Identity, live: Object) -> bool:
        """Says whether a live object is the one that this stack lists, and no other stack: a target of it that got another name made it."""
        member = self._member(identity)
        if member is None or any(other.members[identity].present for other in self.others if identity in other.members):
            return False
        return bool(member.uid) and member.uid == live["metadata"].get("uid") and owner(live) == member.target

    def part_of(self, identity: Identity) -> str:
        """Returns the label that a member has to carry: this stack's, unless another one had the object first."""
        own = self._member(identity)
        if own is None or not own.labelled:
            for other in self.others:
                theirs = other.members.get(identity)
                if theirs and theirs.labelled and theirs.present:
                    return other.id
        return self.parent.id


def applyset_id(name: str, namespace: str) -> str:
    """Returns the id of an ApplySet whose parent is a ConfigMap, as KEP-3659 defines it."""
    digest = hashlib.sha256(f"{name}.{namespace}.ConfigMap.".encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-v1"


def read_inventory(client: Client, home: StackLocation, items: Iterable[Item], former: Iterable[str] = ()) -> Inventory:
    """Reads the parents of a stack and of those that may share objects with it.

    Args:
        client: the API server.
        home: which stack it is.
        items: its objects.
        former: namespaces that were this stack's alone, as its user says.

    Raises:
        TurnupError: the ConfigMap of the parent's name belongs to another tool, or is damaged.
    """
    items, former = list(items), frozenset(former)
    places = sorted({home.namespace, SHARED_NAMESPACE, *former, *(item.identity.namespace for item in items)} - {""})
    found, readable = _list_parents(client, home.namespace, places)
    # What left the stack may be in a namespace that the present set has nothing in, and in the list of a stack there.
    left = {identity.namespace for parent in found if parent.stack == home.stack for identity in parent.members} - {"", *places}
    if left:
        found += [parent for parent in _list_parents(client, home.namespace, sorted(left))[0] if parent.stack != home.stack]
    at_home = next((parent for parent in found if (parent.stack, parent.namespace, parent.name) == (home.stack, home.namespace, home.name)),
                   ApplySetParent(home.stack, home.namespace, {}, exists=False, places=home.key))
    of_target = [parent for parent in found if parent.stack == home.stack and parent.uid != at_home.uid]
    moved = _heritage(at_home, of_target, home, items, former)
    # A list of an earlier version, without the namespaces, may be of several stacks: it says nothing about what others have.
    others = [parent for parent in found if parent.stack != home.stack or (parent in of_target and not _is_vague(parent))]
    return Inventory(at_home, moved, tuple(parent for parent in others if not moved or parent.uid != moved.uid), readable)


def _is_vague(parent: ApplySetParent) -> bool:
    """Says whether a parent is of a stack of several namespaces and does not tell which."""
    return parent.namespace == SHARED_NAMESPACE and parent.places is None


def _heritage(at_home: ApplySetParent, of_target: Iterable[ApplySetParent], home: StackLocation, items: Iterable[Item], former: frozenset[str]) -> ApplySetParent | None:
    """Returns the parent that a stack had before its namespaces changed.

    A set of namespaces that only grew or shrank is that of the same stack, when there is one such list and none of the present
    namespaces. One that lost a namespace and got another may be another user's: whether it is not, only the user can say.

    Args:
        at_home: the parent of the present namespaces.
        of_target: the other parents of the same target.
        home: which stack it is.
        items: its objects.
        former: namespaces that were this stack's alone, as its user says.
    """
    wanted, labels, own = {item.identity for item in items}, {item.label for item in items}, frozenset(home.places)
    close, begun = [], None
    for parent in of_target:
        spans = parent.spans - former
        if f"{parent.namespace}/{parent.name}" in at_home.unfinished.split():
            begun = parent
        elif (spans <= own or own <= spans) and any(each in wanted or member.target in labels for each, member in parent.members.items()):
            close.append(parent)
    said = [parent for parent in close if parent.spans & former]
    certain = close[0] if len(close) == 1 and not at_home.exists else None
    found = begun or (said[0] if said else certain)
    if not found or not _is_vague(found):
        return found
    # Two users of an earlier version had one list. It is removed by whoever finds nothing in it that may be another's.
    mine = {identity: member for identity, member in found.members.items() if identity in wanted or identity.namespace in own | former}
    return replace(found, members=mine, exists=len(mine) == len(found.members))


def _list_parents(client: Client, home: str, places: list[str]) -> tuple[list[ApplySetParent], bool]:
    """Returns the parents in some namespaces, and whether those at home could be read."""
    paths = [f"/api/v1/namespaces/{place}/configmaps" for place in places]
    if len(places) > 2:
        try:
            return _parents(client, "/api/v1/configmaps", places), True
        except ApiError as error:
            if error.status != 403:
                raise
    found: list[ApplySetParent] = []
    readable = True
    for place, path in zip(places, paths):
        try:
            found += _parents(client, path, places)
        except ApiError as error:
            if error.status != 403:
                raise
            readable = readable and place != home
    return found, readable


def _parents(client: Client, path: str, places: Collection[str]) -> list[ApplySetParent]:
    listed = client.request("GET", path, query={"labelSelector": ID_LABEL})[1].get("items") or []
    # Elsewhere the same label may be somebody else's stack: what is wrong with a list there is no matter of this run.
    return [parent for parent in map(_parent, [obj for obj in listed if obj["metadata"]["namespace"] in places]) if parent]


def _parent(obj: Object) -> ApplySetParent | None:
    """Reads a parent; None for that of another tool."""
    meta = obj["metadata"]
    noted = meta.get("annotations") or {}
    stack, tooling = noted.get(STACK, ""), noted.get(_TOOLING, "")
    places = tuple(place for place in noted[_PLACES].split(",") if place) if _PLACES in noted else None
    if meta["name"] != parent_name(stack, places):
        return None
    where = f"ConfigMap {meta['namespace']}/{meta['name']}, which lists the objects of {stack}"
    if tooling != _OUR_TOOLING:
        raise TurnupError(f"{where}: was written by {tooling or 'another tool'!r}, not by {_OUR_TOOLING!r}; apply the stack with that one, or "
                          "delete the ConfigMap to start a new list.")
    return ApplySetParent(stack, meta["namespace"], unpack((obj.get("binaryData") or {}).get(_MEMBERS, ""), where), uid=meta.get("uid", ""),
                  version=meta.get("resourceVersion", ""), places=places, unfinished=noted.get(_UNFINISHED, ""))


def pack(members: Iterable[Member]) -> str:
    """Returns members as text for binaryData, equal for equal members."""
    rows = sorted([each.api_version, each.identity.kind, each.identity.namespace, each.identity.name, each.target, each.uid, each.base,
                   each.present, each.labelled] for each in members)
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
            raise TurnupError(f"{where}: was written by another version of Turnup (format {data['version']!r}); use that one.")
        members = [Member(Identity(group_of(version), kind, namespace, name), version, target, uid, base, bool(present), bool(labelled))
                   for version, kind, namespace, name, target, uid, base, present, labelled in data["members"]]
    except (binascii.Error, zlib.error, ValueError, KeyError, TypeError, AttributeError):
        raise TurnupError(f"{where}: is damaged; delete it, and the next apply starts a new list (what left the stack before then is not "
                          "pruned any more).") from None
    return {member.identity: member for member in members}


def member_of(item: Item, uid: str = "", labelled: bool = True) -> Member:
    """Returns an item of the present set as a member."""
    config = base_of(item.obj)
    return Member(item.identity, item.obj["apiVersion"], item.label, uid, config.name if config else "", True, labelled)


def with_part_of(item: Item, part_of: str) -> Item:
    """Returns an item whose object carries the label of an ApplySet."""
    meta = item.obj["metadata"]
    return replace(item, obj={**item.obj, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), PART_OF: part_of}}})


def parent_object(parent: ApplySetParent, members: Mapping[Identity, Member], unfinished: str = "") -> Object:
    """Returns the ConfigMap of a parent that lists some members."""
    kinds = {f"{identity.kind}.{identity.group}" if identity.group else identity.kind for identity in members}
    namespaces = {identity.namespace for identity in members} - {"", parent.namespace}
    return {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": parent.name, "namespace": parent.namespace, "labels": {ID_LABEL: parent.id}, "annotations": {
            _TOOLING: _OUR_TOOLING, _GROUP_KINDS: ",".join(sorted(kinds)), _NAMESPACES: ",".join(sorted(namespaces)), STACK: parent.stack,
            _UNFINISHED: unfinished, **({} if parent.places is None else {_PLACES: ",".join(parent.places)})}},
        "binaryData": {_MEMBERS: pack(members.values())},
    }


def write_parent(client: Client, parent: ApplySetParent, members: Mapping[Identity, Member], unfinished: str = "") -> ApplySetParent:
    """Writes what a parent lists, unless it lists just that.

    Args:
        client: the API server.
        parent: as it was read.
        members: what it is to list.
        unfinished: "" when all that is present was written; else what the annotation is to say (_UNFINISHED).

    Returns:
        The parent as it is now.

    Raises:
        ApiError: the server refuses.
    """
    if parent.exists and dict(parent.members) == dict(members) and parent.unfinished == unfinished:
        return parent
    live: Any = client.request("PATCH", parent.path, body=parent_object(parent, members, unfinished), content_type=APPLY_PATCH, accept=METADATA_ONLY,
                               query={"fieldManager": FIELD_MANAGER, "force": "true"})[1]
    return replace(parent, members=dict(members), exists=True, uid=live["metadata"].get("uid", ""),
                   version=live["metadata"].get("resourceVersion", ""), unfinished=unfinished)


def remove_parent(client: Client, parent: ApplySetParent) -> None:
    """Deletes a parent; one that is gone, that somebody has written since, or that may not be deleted stays as it is."""
    if not parent.exists:
        return
    try:
        client.request("DELETE", parent.path, body={"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {
            "uid": parent.uid, "resourceVersion": parent.version}})
    except ApiError as error:
        if error.status not in (403, 404, 409):
            raise
