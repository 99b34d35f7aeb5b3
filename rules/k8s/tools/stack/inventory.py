"""The inventory of a stack, kept on the cluster: an ApplySet parent (KEP-3659) for each stack and namespace.

A stack is the target that is applied. Its parent is a ConfigMap with the label `applyset.kubernetes.io/id`; each member
carries that id in the label `applyset.kubernetes.io/part-of`, so that other tools see what belongs together. That label does
not decide what may be pruned, because anybody with the right to update an object can set it. The list of members in the
parent decides: identity, target and UID.

Two stacks may contain the same object, as `//svc:dev-deep` and `//python/redis:dev-deep` do. Both list it. It carries the
label of the stack that applied it first, until it leaves that stack.

One target can be several stacks (stack_location.py). When the namespaces of a stack change, it takes over its former parent
only if that parent is certainly its own (`find_predecessor`). The stack prunes what that parent lists and the new set lacks, and
pruning another user's objects is worse than leaving one's own behind.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from rules.k8s.tools.api.client import APPLY_PATCH, FIELD_MANAGER, METADATA_ONLY, Client
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.stack.members import Member, Members, pack, unpack_listing
from rules.k8s.tools.stack.stack_location import SHARED_NAMESPACE, STACK, StackLocation, parent_name

ID_LABEL = "applyset.kubernetes.io/id"
PART_OF = "applyset.kubernetes.io/part-of"
_TOOLING = "applyset.kubernetes.io/tooling"
_GROUP_KINDS = "applyset.kubernetes.io/contains-group-kinds"
_NAMESPACES = "applyset.kubernetes.io/additional-namespaces"
# On a parent in SHARED_NAMESPACE: the namespaces of its stack, which its name has a hash of.
_STACK_NAMESPACES = "turnup/namespaces"
# While a stack is being written: the operation, and NAMESPACE/NAME of the parent that it takes over. "" before and after.
_UNFINISHED = "turnup/unfinished"
_OUR_TOOLING = "turnup/v1"
_MEMBERS = "members"


@dataclass(frozen=True)
class ApplySetParent:
    """The parent of one stack.

    Attributes:
        stack: label of the target whose stack it is.
        namespace: where the parent lives.
        members: what it lists.
        exists: whether it is on the cluster; False for one that is about to be created.
        uid: of the ConfigMap, "" when it does not exist.
        version: the ConfigMap's resourceVersion, "" when it does not exist.
        namespaces: the namespaces of its stack, where its name has a hash of them; else None.
        unfinished: "" once everything that it lists as present was written; else as in the annotation (_UNFINISHED).
        kept: what it lists with the annotation `turnup/on-remove: keep`.
        graph: label of a target → labels of the targets that it depends on.
    """

    stack: str
    namespace: str
    members: Mapping[Identity, Member]
    exists: bool = True
    uid: str = ""
    version: str = ""
    namespaces: tuple[str, ...] | None = None
    unfinished: str = ""
    kept: Mapping[Identity, Member] = field(default_factory=dict)
    graph: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The ConfigMap's name."""
        return parent_name(self.stack, self.namespaces)

    @property
    def known_namespaces(self) -> frozenset[str]:
        """The namespaces of its stack: those that the parent records, else those of its present members."""
        if self.namespaces is not None:
            return frozenset(self.namespaces)
        found = {identity.namespace for identity, member in self.members.items() if member.present}
        # An object without a namespace is in `default`, which its plan does not state.
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
    """What the cluster lists for a stack before a run.

    Attributes:
        parent: the stack's own parent.
        predecessor: the parent that the stack had before its namespaces changed, and that this one takes over; None for none.
        others: the parents of other stacks in the same namespaces, those of the same target among them.
        readable: False where the user may not read ConfigMaps. Then nothing is known, and nothing is pruned.
    """

    parent: ApplySetParent
    predecessor: ApplySetParent | None = None
    others: tuple[ApplySetParent, ...] = ()
    readable: bool = True

    @property
    def members(self) -> Members:
        """What the stack has on the cluster, as far as it is listed."""
        return {**(self.predecessor.members if self.predecessor else {}), **self.parent.members}

    @property
    def ids(self) -> tuple[str, ...]:
        """The ApplySet ids that members of this stack may carry."""
        every = [self.parent, *([self.predecessor] if self.predecessor else []), *self.others]
        return tuple(sorted({parent.id for parent in every}))

    @property
    def kept(self) -> Members:
        """What the stack has on the cluster with the annotation `turnup/on-remove: keep`, as far as it is listed."""
        return {**(self.predecessor.kept if self.predecessor else {}), **self.parent.kept}

    @property
    def graph(self) -> dict[str, tuple[str, ...]]:
        """Label of a target of the stack, now or formerly → labels of the targets that it depends on."""
        return {**(self.predecessor.graph if self.predecessor else {}), **self.parent.graph}

    def find(self, identity: Identity) -> Member | None:
        """Returns what the stack lists about an object, None if it does not list it."""
        lists = [each for parent in (self.parent, self.predecessor) if parent for each in (parent.members, parent.kept)]
        return next((listed[identity] for listed in lists if identity in listed), None)

    def part_of(self, identity: Identity) -> str:
        """Returns the ApplySet id that a member must carry: this stack's, unless another one had the object first."""
        own = self.parent.members.get(identity) or (self.predecessor.members.get(identity) if self.predecessor else None)
        if own is None or not own.labeled:
            for other in self.others:
                theirs = other.members.get(identity)
                if theirs and theirs.labeled and theirs.present:
                    return other.id
        return self.parent.id


def applyset_id(name: str, namespace: str) -> str:
    """Returns the id of an ApplySet whose parent is a ConfigMap, as KEP-3659 defines it."""
    digest = hashlib.sha256(f"{name}.{namespace}.ConfigMap.".encode()).digest()
    return f"applyset-{base64.urlsafe_b64encode(digest).decode().rstrip('=')}-v1"


def read_inventory(client: Client, location: StackLocation, items: Iterable[Item], moved_from: Iterable[str] = ()) -> Inventory:
    """Reads the parents of a stack and of those that may share objects with it.

    Args:
        client: the API server.
        location: which stack it is.
        items: its objects.
        moved_from: namespaces that belonged to this stack alone, according to its user.

    Raises:
        TurnupError: the ConfigMap of the parent's name belongs to another tool, or is damaged.
    """
    items, moved_from = list(items), frozenset(moved_from)
    namespaces = sorted({location.namespace, SHARED_NAMESPACE, *moved_from, *(item.identity.namespace for item in items)} - {""})
    found, readable = _list_parents(client, location.namespace, namespaces)
    # Objects that left the stack may be in a namespace that the present set does not use, and belong to a stack there.
    left = {identity.namespace for parent in found if parent.stack == location.stack for identity in parent.members} - {"", *namespaces}
    if left:
        found += [parent for parent in _list_parents(client, location.namespace, sorted(left))[0] if parent.stack != location.stack]
    own = next(
        (parent for parent in found if (parent.stack, parent.namespace, parent.name) == (location.stack, location.namespace, location.name)),
        ApplySetParent(location.stack, location.namespace, {}, exists=False, namespaces=location.hashed_namespaces),
    )
    same_target = [parent for parent in found if parent.stack == location.stack and parent.uid != own.uid]
    predecessor = find_predecessor(own, same_target, location, items, moved_from)
    # A parent of an earlier version, without the namespaces, may list several stacks: it says nothing about what others have.
    others = [parent for parent in found if parent.stack != location.stack or (parent in same_target and not _lacks_namespaces(parent))]
    return Inventory(own, predecessor, tuple(parent for parent in others if not predecessor or parent.uid != predecessor.uid), readable)


def _lacks_namespaces(parent: ApplySetParent) -> bool:
    """Returns whether a parent belongs to a stack of several namespaces and does not say to which."""
    return parent.namespace == SHARED_NAMESPACE and parent.namespaces is None


def find_predecessor(
    own: ApplySetParent, same_target: Iterable[ApplySetParent], location: StackLocation, items: Iterable[Item], moved_from: frozenset[str]
) -> ApplySetParent | None:
    """Returns the parent that a stack had before its namespaces changed.

    Namespaces that were only added or only dropped mean the same stack, if just one parent fits and the present namespaces have
    none of their own. If one namespace was dropped and another added, the parent may belong to another user: only the user can
    tell, with `--moved-from`.

    Args:
        own: the parent of the present namespaces.
        same_target: the other parents of the same target.
        location: which stack it is.
        items: its objects.
        moved_from: namespaces that belonged to this stack alone, according to its user.
    """
    wanted, labels, present = {item.identity for item in items}, {item.label for item in items}, frozenset(location.namespaces)
    close, begun = [], None
    for parent in same_target:
        namespaces = parent.known_namespaces - moved_from
        if f"{parent.namespace}/{parent.name}" in own.unfinished.split():
            begun = parent
        elif (namespaces <= present or present <= namespaces) and any(each in wanted or member.target in labels for each, member in parent.members.items()):
            close.append(parent)
    named = [parent for parent in close if parent.known_namespaces & moved_from]
    certain = close[0] if len(close) == 1 and not own.exists else None
    found = begun or (named[0] if named else certain)
    if not found or not _lacks_namespaces(found):
        return found
    # In an earlier version two users shared one parent. Each takes their own objects over, and the last one removes the parent.
    mine = {identity: member for identity, member in found.members.items() if identity in wanted or identity.namespace in present | moved_from}
    return replace(found, members=mine, exists=len(mine) == len(found.members))


def _list_parents(client: Client, own_namespace: str, namespaces: list[str]) -> tuple[list[ApplySetParent], bool]:
    """Returns the parents in some namespaces, and whether those in the stack's own could be read."""
    paths = [f"/api/v1/namespaces/{namespace}/configmaps" for namespace in namespaces]
    if len(namespaces) > 2:
        try:
            return _parents(client, "/api/v1/configmaps", namespaces), True
        except ApiError as error:
            if error.status != 403:
                raise
    found: list[ApplySetParent] = []
    readable = True
    for namespace, path in zip(namespaces, paths, strict=False):
        try:
            found += _parents(client, path, namespaces)
        except ApiError as error:
            if error.status != 403:
                raise
            readable = readable and namespace != own_namespace
    return found, readable


def _parents(client: Client, path: str, namespaces: Collection[str]) -> list[ApplySetParent]:
    listed = client.request("GET", path, query={"labelSelector": ID_LABEL})[1].get("items") or []
    # Only parents in these namespaces are read. One elsewhere may be somebody else's, and its defects must not stop this run.
    return [parent for parent in map(_parent, [obj for obj in listed if obj["metadata"]["namespace"] in namespaces]) if parent]


def _parent(obj: Object) -> ApplySetParent | None:
    """Returns a parent, None for one whose name another tool chose."""
    meta = obj["metadata"]
    noted = meta.get("annotations") or {}
    stack, tooling = noted.get(STACK, ""), noted.get(_TOOLING, "")
    namespaces = tuple(place for place in noted[_STACK_NAMESPACES].split(",") if place) if _STACK_NAMESPACES in noted else None
    if meta["name"] != parent_name(stack, namespaces):
        return None
    where = f"ConfigMap {meta['namespace']}/{meta['name']}, which lists the objects of {stack}"
    if tooling != _OUR_TOOLING:
        raise TurnupError(
            f"{where}: the list was written by {tooling or 'another tool'!r}, not by {_OUR_TOOLING!r}; apply the stack with that tool, or "
            "delete the ConfigMap to start a new list."
        )
    listing = unpack_listing((obj.get("binaryData") or {}).get(_MEMBERS, ""), where)
    return ApplySetParent(
        stack,
        meta["namespace"],
        listing.members,
        uid=meta.get("uid", ""),
        version=meta.get("resourceVersion", ""),
        namespaces=namespaces,
        unfinished=noted.get(_UNFINISHED, ""),
        kept=listing.kept,
        graph=listing.graph,
    )


def read_parent(client: Client, parent: ApplySetParent) -> ApplySetParent | None:
    """Returns a parent as it is now; None if it is gone."""
    obj = client.get_or_none(parent.path)
    return _parent(obj) if obj else None


def with_part_of(item: Item, part_of: str) -> Item:
    """Returns an item whose object carries the label of an ApplySet."""
    meta = item.obj["metadata"]
    return replace(item, obj={**item.obj, "metadata": {**meta, "labels": {**(meta.get("labels") or {}), PART_OF: part_of}}})


def parent_object(parent: ApplySetParent, members: Mapping[Identity, Member], unfinished: str = "") -> Object:
    """Returns the ConfigMap of a parent that lists some members, with what else the parent contains."""
    kinds = {f"{identity.kind}.{identity.group}" if identity.group else identity.kind for identity in members}
    namespaces = {identity.namespace for identity in members} - {"", parent.namespace}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": parent.name,
            "namespace": parent.namespace,
            "labels": {ID_LABEL: parent.id},
            "annotations": {
                _TOOLING: _OUR_TOOLING,
                _GROUP_KINDS: ",".join(sorted(kinds)),
                _NAMESPACES: ",".join(sorted(namespaces)),
                STACK: parent.stack,
                _UNFINISHED: unfinished,
                **({} if parent.namespaces is None else {_STACK_NAMESPACES: ",".join(parent.namespaces)}),
            },
        },
        "binaryData": {_MEMBERS: pack(members.values(), parent.kept.values(), parent.graph)},
    }


def write_parent(
    client: Client,
    parent: ApplySetParent,
    members: Mapping[Identity, Member],
    unfinished: str = "",
    *,
    kept: Mapping[Identity, Member] | None = None,
    graph: Mapping[str, tuple[str, ...]] | None = None,
) -> ApplySetParent:
    """Writes what a parent lists, unless it lists exactly that already.

    Args:
        client: the API server.
        parent: as it was read.
        members: what it lists from now on.
        unfinished: "" when everything present was written; else the value of the annotation (_UNFINISHED).
        kept: what it lists with the annotation `turnup/on-remove: keep`; None for what it had.
        graph: its graph of targets; None for what it had. A change of the graph alone is not worth a write.

    Returns:
        The parent as it is after that.

    Raises:
        ApiError: the server refuses.
    """
    wanted = replace(
        parent,
        members=dict(members),
        unfinished=unfinished,
        kept=dict(parent.kept if kept is None else kept),
        graph=dict(parent.graph if graph is None else graph),
    )
    if parent.exists and replace(wanted, graph=parent.graph) == replace(parent, members=dict(parent.members), kept=dict(parent.kept)):
        return parent
    live: Any = client.request(
        "PATCH",
        parent.path,
        body=parent_object(wanted, wanted.members, unfinished),
        content_type=APPLY_PATCH,
        accept=METADATA_ONLY,
        query={"fieldManager": FIELD_MANAGER, "force": "true"},
    )[1]
    return replace(wanted, exists=True, uid=live["metadata"].get("uid", ""), version=live["metadata"].get("resourceVersion", ""))


def remove_parent(client: Client, parent: ApplySetParent) -> bool:
    """Deletes a parent. One that somebody has written since, or that may not be deleted, stays; returns whether it is gone."""
    if not parent.exists:
        return True
    try:
        client.request(
            "DELETE", parent.path, body={"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": parent.uid, "resourceVersion": parent.version}}
        )
    except ApiError as error:
        if error.status not in (403, 404, 409):
            raise
        return error.status == 404
    return True
