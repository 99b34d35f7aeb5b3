"""Tests of the comparison of a replica's link with its master's address."""

import pytest

from python.redis import replication
from python.redis.access import Access
from python.redis.agent import Agent, Identity
from python.redis.nodes import parse_nodes

PORT = 6379
MASTER, REPLICA = "a" * 40, "b" * 40


def _table(ip="10.42.1.8", flags="master", link="connected"):
    """Returns CLUSTER NODES of the replica, with its master at the given address."""
    return f"{MASTER} {ip}:6379@16379,redis-0 {flags} - 0 0 1 {link} 0-5460\n{REPLICA} 10.42.1.9:6379@16379,redis-4 myself,slave {MASTER} 0 0 1 connected\n"


def _info(host="10.42.1.8", port=PORT, link="up", syncing=0):
    """Returns INFO replication of the replica."""
    return f"# Replication\r\nrole:slave\r\nmaster_host:{host}\r\nmaster_port:{port}\r\nmaster_link_status:{link}\r\nmaster_sync_in_progress:{syncing}\r\n"


@pytest.mark.parametrize(
    ("info", "table", "elsewhere"),
    [
        (_info(), _table(), False),
        (_info(link="down"), _table(), False),
        (_info(host="10.42.1.5", link="down"), _table(), True),
        (_info(host="10.42.1.5"), _table(), True),
        (_info(port=6380), _table(), True),
        (_info(host="10.42.1.5"), _table(flags="master,fail?"), False),
        (_info(host="10.42.1.5"), _table(link="disconnected"), False),
        ("role:master\r\n", _table(), False),
    ],
)
def test_the_link_is_compared_with_the_table(info, table, elsewhere):
    """A replica dials another address if the table has its connected master elsewhere."""
    link, master = replication.parse_link(info), replication.find_master(parse_nodes(table))

    assert replication.dials_other_address(link, master, PORT) is elsewhere


def test_a_master_has_no_link():
    """A master has no link, and a table without the replica's master gives none."""
    assert replication.parse_link("role:master\r\nconnected_slaves:1\r\n") == replication.Link(False, ("", 0), False, False)
    assert replication.find_master(parse_nodes(f"{MASTER} 10.42.1.8:6379@16379 myself,master - 0 0 1 connected 0-5460\n")) is None


class _Anybody(Access):
    """Users of a Redis that is not there."""

    def __init__(self):
        pass

    is_open = False

    @property
    def logins(self):
        """None."""
        return []

    def renew(self, ask):
        """Does nothing."""

    def identify(self, ask, own, master):
        """Does nothing."""

    def admit(self, ask, former, complete):
        """Does nothing."""


class _Replica(Agent):
    """Agent of a replica with given replies instead of a Redis."""

    def __init__(self, responds=True):
        super().__init__(Identity("redis", 4, 6, "test", "b", "10.42.1.9"), lambda pod: None, _Anybody())
        self.info, self.nodes, self.responds, self.sent = _info(), _table(), responds, []

    def _ask(self, *words):
        if words == ("INFO", "replication"):
            return self.info
        if words == ("CLUSTER", "NODES"):
            return self.nodes
        self.sent.append(words)
        return "OK"

    def _responds(self, ip):
        return self.responds


@pytest.fixture
def clock(monkeypatch):
    """Returns a list with the time in seconds, which a test sets."""
    now = [100.0]
    monkeypatch.setattr("python.redis.agent.time.monotonic", lambda: now[0])
    return now


def test_a_link_to_the_right_address_that_stays_down_is_started_again(clock):
    """A link that is down for 10 s while the master responds is started again, once in 10 s."""
    replica = _Replica()
    replica.info = _info(link="down")
    for now in (100.0, 105.0, 109.9):
        clock[0] = now
        replica.tick()
    assert replica.sent == []

    for now in (110.0, 111.0, 120.9):
        clock[0] = now
        replica.tick()
    assert replica.sent == [("CLUSTER", "REPLICATE", MASTER)]


@pytest.mark.parametrize("case", ["syncing", "silent", "failing", "up"])
def test_a_link_that_makes_progress_is_left_alone(clock, case):
    """A sync in progress is not interrupted, and Redis itself retries a master that does not respond."""
    replica = _Replica(responds=case != "silent")
    replica.info = _info(link="up" if case == "up" else "down", syncing=int(case == "syncing"))
    replica.nodes = _table(flags="master,fail" if case == "failing" else "master")
    for now in range(100, 200):
        clock[0] = float(now)
        replica.tick()

    assert replica.sent == []


def test_a_replica_of_the_wrong_address_is_not_ready(monkeypatch):
    """A replica whose link is up at an address that is not its master's is not ready."""
    replica = _Replica()
    replies = {("CLUSTER", "INFO"): "cluster_state:ok\r\n", ("INFO", "replication"): _info(host="10.42.1.5"), ("CLUSTER", "NODES"): _table()}
    monkeypatch.setattr(replica, "_ask", lambda *words: replies[words])

    assert replica.ready() == (False, "cluster_state:ok, but this replica does not replicate its master yet")
