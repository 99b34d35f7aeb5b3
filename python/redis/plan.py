"""Plans the next steps of the cluster's pods: pure functions of their reports.

Each pod's agent repairs its own view (`nodes_to_meet`, `nodes_to_forget`). Only the
agent of pod 0 assigns roles and slots (`decide`, `spread`), so that no two
decisions conflict. It does so only if all pods respond, because only then are the
slots that no pod reports known to be unowned. Redis itself does the failover.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from python.redis.nodes import Node, myself, split, unowned


@dataclass(frozen=True)
class Member:
    """Status of a pod, as its agent reports it.

    Attributes:
        ordinal: ordinal of the pod in the StatefulSet.
        pod: name of the pod.
        host: Kubernetes node that runs the pod.
        ip: current address of the pod.
        table: its own CLUSTER NODES.
        link_up: True for a master, and for a replica that replicates its master.
        has_users: False if it runs a version without users and passwords.
    """

    ordinal: int
    pod: str
    host: str
    ip: str
    table: tuple[Node, ...]
    link_up: bool = True
    has_users: bool = True

    @property
    def me(self) -> Node:
        """The pod's own node in its table."""
        return myself(self.table)


@dataclass(frozen=True)
class Step:
    """Command for a pod's Redis.

    Attributes:
        pod: name of the pod.
        command: the command's words.
        reason: the reason, for the log.
    """

    pod: str
    command: tuple[str | int, ...]
    reason: str


def nodes_to_meet(me: Member, peers: Iterable[Member]) -> list[Member]:
    """Returns the peers that this pod's Redis must MEET.

    These are peers that it does not know, that have a new address, or that it can't
    reach although they respond.
    """
    known = {node.id: node for node in me.table}

    def must_meet(peer: Member) -> bool:
        node = known.get(peer.me.id)
        return node is None or not node.healthy or node.ip != peer.ip

    return [peer for peer in peers if must_meet(peer)]


def nodes_to_forget(table: Sequence[Node]) -> list[str]:
    """Returns the IDs of failed nodes that have been replaced by a node of the same pod.

    Such a node lost its volume and never returns. A node that still owns slots is
    kept, because its replica needs it to win the election.
    """
    alive = {node.hostname for node in table if node.healthy and node.hostname}
    gone = {"fail", "noaddr"}
    return [node.id for node in table if node.flags & gone and not node.slots and node.hostname in alive]


def decide(members: Sequence[Member]) -> list[Step]:
    """Returns the next steps for a cluster.

    The steps are of one kind, the most urgent one:
    1. A replica takes over if its master lost its volume and Redis did not elect
       the replica (it can't if most masters are lost).
    2. Unowned slots are assigned: all slots in a new cluster, and those of a shard
       that lost all its volumes (its data is gone).
    3. A master without slots becomes a replica.

    Args:
        members: every pod of the cluster.

    Returns:
        The steps; empty if there is nothing to do.
    """
    members = sorted(members, key=lambda member: member.ordinal)
    return _take_over(members) or _assign_slots(members) or _make_replicas(members)


def _take_over(members: Sequence[Member]) -> list[Step]:
    ids = {member.me.id for member in members}
    orphans: dict[str, Member] = {}
    for member in members:
        if member.me.master is not None and member.me.master not in ids:
            orphans.setdefault(member.me.master, member)
    return [Step(orphan.pod, ("CLUSTER", "FAILOVER", "TAKEOVER"), "the volume of its master is lost") for orphan in orphans.values()]


def _assign_slots(members: Sequence[Member]) -> list[Step]:
    gaps = unowned(slots for member in members for slots in member.me.slots)
    if not gaps:
        return []
    holders = [member for member in members if member.me.slots]
    empty = [member for member in members if _is_empty_master(member)]
    wanted = min(len(members) // 2 - len(holders), len(empty))
    receivers = _choose_masters(holders, empty, wanted, members[0].host) or holders
    ids = {member.me.id for member in members}
    steps = [
        Step(member.pod, ("CLUSTER", "FORGET", node.id), "its pod has a new volume")
        for member in members
        for node in member.table
        if node.id not in ids and "handshake" not in node.flags
    ]
    for receiver, share in zip(receivers, split(gaps, len(receivers)), strict=True):
        bounds = [bound for slots in share for bound in slots]
        reason = f"{sum(last - first + 1 for first, last in share)} slots have no master"
        steps.append(Step(receiver.pod, ("CLUSTER", "ADDSLOTSRANGE", *bounds), reason))
    return steps


def _is_empty_master(member: Member) -> bool:
    return member.me.master is None and not member.me.slots


def _cost(masters: Iterable[Member], preferred_host: str) -> tuple[int, int]:
    """Returns the cost of a choice of masters; less is better.

    First counts the maximum number of masters on one host, because the loss of a
    host must not be the loss of the majority. With two hosts this is impossible,
    so then most masters should be on the preferred host.
    """
    hosts = [member.host for member in masters]
    return max(map(hosts.count, hosts)), -hosts.count(preferred_host)


def _choose_masters(holders: Sequence[Member], empty: Sequence[Member], count: int, preferred_host: str) -> list[Member]:
    if count <= 0:
        return []
    choices = itertools.combinations(empty, count)
    return list(min(choices, key=lambda chosen: _cost([*holders, *chosen], preferred_host)))


def _make_replicas(members: Sequence[Member]) -> list[Step]:
    empty = [member for member in members if _is_empty_master(member)]
    masters = [member for member in members if member.me.slots]
    counts = {master.pod: sum(other.me.master == master.me.id for other in members) for master in masters}
    assigned: list[Member] = []  # masters that get another replica, those with the fewest first
    for _ in empty:
        fewest = min(masters, key=lambda master: counts[master.pod])
        counts[fewest.pod] += 1
        assigned.append(fewest)

    def on_one_host(order: Sequence[Member]) -> int:
        return sum(one.host == other.host for one, other in zip(empty, order, strict=True))

    best = min(itertools.permutations(assigned), key=on_one_host)
    return [
        Step(member.pod, ("CLUSTER", "REPLICATE", master.me.id), f"as a replica of {master.pod}")
        for member, master in zip(empty, best, strict=True)
        if any(node.id == master.me.id and node.healthy for node in member.table)
    ]


def spread(members: Sequence[Member]) -> list[Step]:
    """Returns the failover that spreads the masters best over the hosts, if one does.

    After a failover, the master is where the replica was. With three or more hosts,
    no host should have the majority of masters. With two hosts, the host of pod 0
    should have it, so that the loss of the other host leaves a majority to vote.

    Args:
        members: every pod of the cluster.

    Returns:
        One step, or none.
    """
    members = sorted(members, key=lambda member: member.ordinal)
    preferred_host = members[0].host
    masters = {member.me.id: member for member in members if member.me.slots}
    best, best_cost = None, _cost(masters.values(), preferred_host)
    for member in members:
        if member.me.master not in masters or not member.link_up:
            continue
        others = [master for key, master in masters.items() if key != member.me.master]
        cost = _cost([*others, member], preferred_host)
        if cost < best_cost:
            best, best_cost = member, cost
    if best is None:
        return []
    return [Step(best.pod, ("CLUSTER", "FAILOVER"), "spreads the masters over the hosts")]
