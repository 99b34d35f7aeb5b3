"""Tests of the agents' decisions."""

import itertools

import pytest

from python.redis import plan
from python.redis.nodes import Node

THIRDS = [((0, 5461),), ((5462, 10922),), ((10923, 16383),)]


def node_id(ordinal, life=0):
    """Returns the ID of a pod's node; a pod with a new volume has another `life`."""
    return f"{ordinal}{life}".ljust(40, "a")


def node(ordinal, *, slots=(), master=None, flags=(), life=0, ip=None, connected=True):
    """Returns one node of a table."""
    kind = "slave" if master else "master"
    return Node(
        id=node_id(ordinal, life),
        ip=ip or f"10.0.0.{ordinal}",
        hostname=f"redis-{ordinal}",
        flags=frozenset({kind, *flags}),
        master=master,
        connected=connected,
        slots=slots,
    )


def members(lines, hosts="ababab", extra=()):
    """Returns members that all have the same table; `extra` are nodes without a pod."""
    lines = [Node(**{**vars(line), "flags": line.flags - {"myself"}}) for line in lines]
    result = []
    for own, host in zip(lines, hosts, strict=True):
        table = [Node(**{**vars(line), "flags": line.flags | {"myself"}}) if line is own else line for line in lines]
        ordinal = int(own.hostname.removeprefix("redis-"))
        result.append(plan.Member(ordinal, own.hostname, host, own.ip, (*table, *extra)))
    return result


def healthy(hosts="ababab", masters=(0, 1, 2)):
    """Returns the members of a healthy cluster; the pods that are not masters are replicas, in order."""
    lines = {ordinal: node(ordinal, slots=slots) for ordinal, slots in zip(masters, THIRDS, strict=False)}
    others = [ordinal for ordinal in range(6) if ordinal not in masters]
    for ordinal, master in zip(others, masters, strict=False):
        lines[ordinal] = node(ordinal, master=node_id(master))
    return members([lines[n] for n in range(6)], hosts)


def test_a_healthy_cluster_needs_nothing():
    """There are no steps if all slots have a master and each master has a replica."""
    assert plan.decide(healthy()) == []


def test_a_new_cluster_gets_its_slots():
    """In a new cluster, three masters get a third of the slots each, two of them on pod 0's host."""
    steps = plan.decide(members([node(n) for n in range(6)]))

    assert [(step.pod, step.command) for step in steps] == [
        ("redis-0", ("CLUSTER", "ADDSLOTSRANGE", 0, 5461)),
        ("redis-1", ("CLUSTER", "ADDSLOTSRANGE", 5462, 10922)),
        ("redis-2", ("CLUSTER", "ADDSLOTSRANGE", 10923, 16383)),
    ]


def test_masters_avoid_a_common_host():
    """With three hosts, each host gets one master."""
    steps = plan.decide(members([node(n) for n in range(6)], "aabbcc"))

    assert [step.pod for step in steps] == ["redis-0", "redis-2", "redis-4"]


@pytest.mark.parametrize("hosts", ["".join(p) for p in set(itertools.permutations("aaabbb"))])
def test_two_hosts_keep_the_majority_with_pod_0(hosts):
    """With two hosts, pod 0's host has two of three masters, wherever the pods run."""
    steps = plan.decide(members([node(n) for n in range(6)], hosts))
    chosen = [hosts[int(step.pod[-1])] for step in steps]

    assert sorted(chosen.count(host) for host in "ab") == [1, 2]
    assert chosen.count(hosts[0]) == 2


@pytest.mark.parametrize("hosts", ["ababab", "aabbcc", "abcabc", "aaabbb", "abcdef", "abbaab"])
def test_replicas_live_on_other_hosts(hosts):
    """After the slots are assigned, each empty pod replicates a master on another host."""
    given = plan.decide(members([node(n) for n in range(6)], hosts))
    masters = {int(step.pod[-1]): slots for step, slots in zip(given, THIRDS, strict=False)}
    lines = [node(n, slots=masters.get(n, ())) for n in range(6)]

    steps = plan.decide(members(lines, hosts))

    pairs = {step.pod: str(step.command[2]) for step in steps}
    assert sorted(pairs.values()) == sorted(node_id(n) for n in masters)
    for pod, master in pairs.items():
        assert hosts[int(pod[-1])] != hosts[int(master[0])]


def test_a_replica_waits_until_it_knows_its_master():
    """REPLICATE would be refused before gossip has told of the master."""
    lines = [node(n, slots=THIRDS[n] if n < 3 else ()) for n in range(6)]
    *aware, last = members(lines)
    unaware = plan.Member(5, "redis-5", "b", "10.0.0.5", (last.me,))

    steps = plan.decide([*aware, unaware])

    assert [step.pod for step in steps] == ["redis-3", "redis-4"]


def test_an_emptied_replica_joins_again():
    """A replica's volume is lost: its new node follows the master that lacks one."""
    lines = [member.me for member in healthy()]
    lines[4] = node(4, life=1)

    (step,) = plan.decide(members(lines))

    assert (step.pod, step.command) == ("redis-4", ("CLUSTER", "REPLICATE", node_id(1)))


def test_an_orphaned_replica_takes_over():
    """If a master lost its volume, its replica takes over, and no slots are assigned."""
    lines = [member.me for member in healthy()]
    lines[0] = node(0, life=1)

    (step,) = plan.decide(members(lines))

    assert (step.pod, step.command) == ("redis-3", ("CLUSTER", "FAILOVER", "TAKEOVER"))


def test_a_lost_shard_is_assigned_again():
    """If a shard lost both volumes, all pods forget the old nodes, and an empty pod gets the slots."""
    lines = [member.me for member in healthy()]
    lines[0], lines[3] = node(0, life=1), node(3, life=1)
    ghost = node(0, slots=THIRDS[0], flags=["fail"])

    steps = plan.decide(members(lines, extra=[ghost]))

    forgets, (give,) = steps[:-1], steps[-1:]
    assert [step.pod for step in forgets] == [f"redis-{n}" for n in range(6)]
    assert {step.command for step in forgets} == {("CLUSTER", "FORGET", ghost.id)}
    assert (give.pod, give.command) == ("redis-0", ("CLUSTER", "ADDSLOTSRANGE", 0, 5461))


def test_slots_without_an_empty_pod_go_to_the_masters():
    """If some slots are unowned and no pod is empty, the masters share them."""
    lines = [member.me for member in healthy()]
    lines[0] = node(0, slots=((0, 5455),))

    steps = plan.decide(members(lines))

    assert [(step.pod, step.command[2:]) for step in steps] == [
        ("redis-0", (5456, 5457)),
        ("redis-1", (5458, 5459)),
        ("redis-2", (5460, 5461)),
    ]


def test_meets_unknown_moved_and_unreachable_nodes():
    """A node meets every peer except healthy ones with a known address."""
    own = node(0, slots=THIRDS[0], flags=["myself"])
    table = (
        own,
        node(1, slots=THIRDS[1]),
        node(2, slots=THIRDS[2], ip="10.9.9.9"),
        node(3, master=own.id, flags=["fail"]),
        node(4, master=own.id, connected=False),
    )
    me = plan.Member(0, "redis-0", "a", "10.0.0.0", table)

    met = plan.nodes_to_meet(me, healthy()[1:])

    assert [peer.pod for peer in met] == ["redis-2", "redis-3", "redis-4", "redis-5"]


def test_only_replaced_nodes_are_forgotten():
    """A failed node is forgotten if its pod has a new ID, unless it owns slots."""
    table = [
        node(0, flags=["myself"]),
        node(1, flags=["fail"]),
        node(1, life=1),
        node(2, flags=["fail"]),
        node(3, flags=["fail"], slots=THIRDS[0]),
        node(3, life=1),
        node(4, flags=["fail?"]),
        node(4, life=1),
    ]

    assert plan.nodes_to_forget(table) == [node_id(1)]


def test_well_spread_masters_stay():
    """There is no failover if it would not spread the masters better."""
    assert plan.spread(healthy()) == []
    assert plan.spread(healthy("abcabc")) == []


def test_the_majority_returns_to_pod_0s_host():
    """If pod 0's host lost the majority, a replica on it becomes a master again."""
    (step,) = plan.spread(healthy("ababab", masters=(1, 2, 3)))

    assert step.command == ("CLUSTER", "FAILOVER")
    assert step.pod in {"redis-0", "redis-4"}


def test_three_masters_on_one_host_are_spread():
    """If all masters are on one host, one of them moves."""
    (step,) = plan.spread(healthy("aaabbb", masters=(0, 1, 2)))

    assert step.pod == "redis-3"


def test_a_disconnected_replica_does_not_take_over():
    """A replica that does not replicate its master is not chosen."""
    lagging = [plan.Member(**{**vars(member), "link_up": member.me.master is None}) for member in healthy("ababab", masters=(1, 2, 3))]

    assert plan.spread(lagging) == []
