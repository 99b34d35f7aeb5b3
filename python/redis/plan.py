"""What the cluster's pods must do next: pure decisions on what they report.

Each pod's agent heals its own view (`meetings`, `superseded`). Roles and slots
are decided by the agent of pod 0 alone, so that no two decisions can collide
(`decide`, `spread`); and only when all pods answer, so that what a pod does not claim is
known to be nobody's. Failover itself is Redis's own work.
"""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from python.redis.nodes import Node, Range, myself, split, unowned


@dataclass(frozen=True)
class Member:
    """One pod as its agent reports it.

    Attributes:
        ordinal: the pod's number in the StatefulSet.
        pod: its name.
        host: the Kubernetes node that it runs on.
        ip: its address now.
        table: its own CLUSTER NODES.
        link_up: for a replica, whether it follows its master; True for a master.
    """

    ordinal: int
    pod: str
    host: str
    ip: str
    table: tuple[Node, ...]
    link_up: bool = True

    @property
    def me(self) -> Node:
        """The pod's own line in its table."""
        return myself(self.table)


@dataclass(frozen=True)
class Step:
    """A command for one pod's Redis, and why, for the log."""

    pod: str
    words: tuple[str | int, ...]
    why: str


def meetings(me: Member, peers: Iterable[Member]) -> list[Member]:
    """Returns the peers that this pod's Redis must be told to MEET.

    Those that it does not know, that moved to another address, or that it
    cannot reach although they answer.
    """
    known = {node.id: node for node in me.table}

    def must_meet(peer: Member) -> bool:
        node = known.get(peer.me.id)
        return node is None or not node.healthy or node.ip != peer.ip

    return [peer for peer in peers if must_meet(peer)]


def superseded(table: Sequence[Node]) -> list[str]:
    """Returns ids of failed nodes whose pod lives on under a new id.

    Such a node's volume was lost; it never returns. One that still owns slots
    stays: its replica needs it to win the election.
    """
    alive = {node.hostname for node in table if node.healthy and node.hostname}
    gone = {"fail", "noaddr"}
    return [
        node.id
        for node in table
        if node.flags & gone and not node.slots and node.hostname in alive
    ]


def decide(members: Sequence[Member]) -> list[Step]:
    """Returns the next steps for a cluster of which every pod is in `members`.

    In order of urgency, and only one kind at a time:
    1. A replica whose master's volume is lost takes over, if Redis did not
       elect it by itself (it cannot when most masters are lost).
    2. Slots that nobody claims are given out: all of them in a new cluster,
       and those of a shard whose every volume is lost (its data is gone).
    3. A master without slots becomes a replica.
    """
    members = sorted(members, key=lambda member: member.ordinal)
    return _take_over(members) or _give_slots(members) or _make_replicas(members)


def _take_over(members: Sequence[Member]) -> list[Step]:
    ids = {member.me.id for member in members}
    orphans: dict[str, Member] = {}
    for member in members:
        if member.me.master is not None and member.me.master not in ids:
            orphans.setdefault(member.me.master, member)
    return [
        Step(orphan.pod, ("CLUSTER", "FAILOVER", "TAKEOVER"), "its master's volume is lost")
        for orphan in orphans.values()
    ]


def _give_slots(members: Sequence[Member]) -> list[Step]:
    gaps = unowned(slots for member in members for slots in member.me.slots)
    if not gaps:
        return []
    holders = [member for member in members if member.me.slots]
    empty = [member for member in members if _is_empty_master(member)]
    wanted = min(len(members) // 2 - len(holders), len(empty))
    receivers = _choose_masters(holders, empty, wanted, members[0].host) or holders
    ids = {member.me.id for member in members}
    steps = [
        Step(member.pod, ("CLUSTER", "FORGET", node.id), "its pod runs with a new volume")
        for member in members
        for node in member.table
        if node.id not in ids and "handshake" not in node.flags
    ]
    for receiver, share in zip(receivers, split(gaps, len(receivers)), strict=True):
        bounds = [bound for slots in share for bound in slots]
        why = f"nobody owns {sum(last - first + 1 for first, last in share)} slots"
        steps.append(Step(receiver.pod, ("CLUSTER", "ADDSLOTSRANGE", *bounds), why))
    return steps


def _is_empty_master(member: Member) -> bool:
    return member.me.master is None and not member.me.slots


def _cost(masters: Iterable[Member], home: str) -> tuple[int, int]:
    """Ranks a choice of masters; less is better.

    First, the most masters on one host (its loss must not take the majority);
    then, as two hosts cannot both be spared, most masters should be on `home`.
    """
    hosts = [member.host for member in masters]
    return max(map(hosts.count, hosts)), -hosts.count(home)


def _choose_masters(
    holders: Sequence[Member], empty: Sequence[Member], count: int, home: str
) -> list[Member]:
    if count <= 0:
        return []
    choices = itertools.combinations(empty, count)
    return list(min(choices, key=lambda chosen: _cost([*holders, *chosen], home)))


def _make_replicas(members: Sequence[Member]) -> list[Step]:
    empty = [member for member in members if _is_empty_master(member)]
    masters = [member for member in members if member.me.slots]
    counts = {
        master.pod: sum(other.me.master == master.me.id for other in members)
        for master in masters
    }
    places: list[Member] = []  # which masters get a replica more, the poorest first
    for _ in empty:
        poorest = min(masters, key=lambda master: counts[master.pod])
        counts[poorest.pod] += 1
        places.append(poorest)

    def on_one_host(order: Sequence[Member]) -> int:
        return sum(one.host == other.host for one, other in zip(empty, order, strict=True))

    best = min(itertools.permutations(places), key=on_one_host)
    return [
        Step(member.pod, ("CLUSTER", "REPLICATE", master.me.id), f"as a replica of {master.pod}")
        for member, master in zip(empty, best, strict=True)
        if any(node.id == master.me.id and node.healthy for node in member.table)
    ]


def spread(members: Sequence[Member]) -> list[Step]:
    """Returns the one change-over of a shard that spreads the masters best, if any does.

    Failovers leave masters where replicas were. With three hosts or more no
    host should hold the majority; with two, the host of pod 0 should, always
    the same one, so that the other's loss leaves a majority that can vote.
    """
    members = sorted(members, key=lambda member: member.ordinal)
    home = members[0].host
    masters = {member.me.id: member for member in members if member.me.slots}
    best, best_cost = None, _cost(masters.values(), home)
    for member in members:
        if member.me.master not in masters or not member.link_up:
            continue
        after = [master for key, master in masters.items() if key != member.me.master]
        cost = _cost([*after, member], home)
        if cost < best_cost:
            best, best_cost = member, cost
    if best is None:
        return []
    return [Step(best.pod, ("CLUSTER", "FAILOVER"), "to spread the masters over the hosts")]


def ranges_text(ranges: Iterable[Range]) -> str:
    """Formats slot ranges for a log line, such as "0-5461 16000-16383"."""
    return " ".join(f"{first}-{last}" for first, last in ranges) or "no slots"
