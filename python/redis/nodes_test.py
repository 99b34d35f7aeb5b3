"""Tests of the parser of Redis's reports about its cluster."""

import pytest

from python.redis import nodes

ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40

TABLE = (
    f"{ONE} 10.0.0.1:6379@16379,redis-0 myself,master - 0 0 1 connected 0-5461 6000\n"
    f"{TWO} 10.0.0.2:6379@16379,redis-1,shard-id=abc slave {ONE} 0 1 1 connected\n"
    f"{THREE} :0@0 master,fail,noaddr - 1 1 3 disconnected 5462-5999 [77->-{ONE}]\n"
)


def test_nodes():
    """Each field of a node comes from its column."""
    one, two, three = nodes.parse_nodes(TABLE)

    assert (one.id, one.ip, one.hostname, one.master) == (ONE, "10.0.0.1", "redis-0", None)
    assert one.slots == ((0, 5461), (6000, 6000))
    assert (two.hostname, two.master, two.slots) == ("redis-1", ONE, ())
    assert (three.ip, three.hostname, three.slots) == ("", "", ((5462, 5999),))
    assert [node.healthy for node in (one, two, three)] == [True, True, False]


@pytest.mark.parametrize("flag", ["fail", "fail?", "handshake", "noaddr"])
def test_nodes_with_a_failure_flag_are_not_healthy(flag):
    """A node with one of these flags is not healthy, even if it is connected."""
    (node,) = nodes.parse_nodes(f"{ONE} 10.0.0.1:1@2 master,{flag} - 0 0 1 connected")

    assert not node.healthy


def test_myself():
    """The responding node is found; a table without it is an error."""
    table = nodes.parse_nodes(TABLE)

    assert nodes.myself(table).id == ONE
    with pytest.raises(ValueError, match="no line of CLUSTER NODES has the flag myself"):
        nodes.myself(table[1:])


def test_a_truncated_line_is_an_error():
    """The error for a line with too few fields shows the line."""
    with pytest.raises(ValueError, match="'abc def' is not a line of CLUSTER NODES"):
        nodes.parse_nodes("abc def\n")


def test_reports():
    """Comments and empty lines are skipped, and a value may contain colons."""
    text = "# Cluster\r\ncluster_state:ok\r\n\r\naddress:10.0.0.1:6379\r\n"

    assert nodes.parse_report(text) == {"cluster_state": "ok", "address": "10.0.0.1:6379"}


@pytest.mark.parametrize(
    ("owned", "gaps"),
    [
        ([], [(0, 16383)]),
        ([(0, 16383)], []),
        ([(5, 9), (0, 3), (20, 16383)], [(4, 4), (10, 19)]),
        ([(0, 100), (50, 60)], [(101, 16383)]),
    ],
)
def test_unowned(owned, gaps):
    """Slots outside of all ranges are found, in order, even if ranges overlap."""
    assert nodes.unowned(owned) == gaps


def test_split_assigns_each_slot_once():
    """Shares differ by at most one slot, and together contain each slot once."""
    shares = nodes.split([(0, 9), (100, 106), (200, 200)], 4)

    sizes = [sum(last - first + 1 for first, last in share) for share in shares]
    dealt = sorted(slot for share in shares for a, b in share for slot in range(a, b + 1))
    assert sizes == [5, 5, 4, 4]
    assert dealt == [*range(10), *range(100, 107), 200]


def test_split_of_a_new_cluster():
    """The masters of a new cluster get the same thirds as from redis-cli."""
    assert nodes.split([(0, 16383)], 3) == [[(0, 5461)], [(5462, 10922)], [(10923, 16383)]]
