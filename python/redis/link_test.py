"""Tests of replicas that dial their master's old address, with real redis-server processes."""

import contextlib
import subprocess
import time

import pytest

from python.redis import nodes, replication
from python.redis.access import Access
from python.redis.agent import Agent
from python.redis.resp import CommandError, Connection
from python.redis.testing import local_cluster
from python.redis.testing.local_cluster import eventually


def _sees(cluster, observer, ordinal):
    """Returns whether the observer is connected to the pod at the pod's current address."""
    return any(node.healthy and node.hostname == f"redis-{ordinal}" and node.ip == cluster.ip(ordinal) for node in cluster.table(observer))


def _link(cluster, ordinal):
    return replication.parse_link(cluster.ask(ordinal, "INFO", "replication"))


def _fill(cluster, master):
    """Writes keys that a master owns, and waits until its replica has them."""
    with Connection(cluster.ip(master), cluster.port, logins=[cluster.make_tester()]) as redis:
        for number in range(60):
            with contextlib.suppress(CommandError):  # MOVED: another master owns the key
                redis.command("SET", f"key:{number}", number)
        assert redis.command("WAIT", 1, 5000) == 1


@pytest.fixture
def stale(tmp_path):
    """Returns a cluster, a master, its replica and the master's old address, which the replica still dials.

    The master does not know the replica's new address, so the replica learns the master's new one from other nodes.
    """
    with local_cluster.running(tmp_path) as cluster:
        master = cluster.masters()[0]
        node_id = nodes.myself(cluster.table(master)).id
        replica = next(int(node.hostname[-1]) for node in cluster.table() if node.master == node_id)
        others = [n for n in range(6) if n not in (master, replica)]
        old = cluster.ip(master)
        _fill(cluster, master)
        eventually(lambda: _link(cluster, replica).up)
        for pod in cluster.pods.values():
            pod.pause()
        for ordinal in others:
            cluster.ask(ordinal, "CONFIG", "SET", "cluster-node-timeout", 500)
        cluster.ask(replica, "CONFIG", "SET", "cluster-replica-no-failover", "yes")
        cluster.kill(master)
        cluster.kill(replica)
        cluster.new_addresses()
        cluster.start(replica, paused=True)
        eventually(lambda: cluster.ask(replica, "PING") == "PONG")
        cluster.ask(replica, "CONFIG", "SET", "cluster-replica-no-failover", "yes")
        cluster.ask(replica, "CONFIG", "SET", "cluster-node-timeout", 500)
        eventually(lambda: all(_sees(cluster, n, replica) for n in others))
        cluster.start(master, paused=True)
        eventually(lambda: cluster.ask(master, "CONFIG", "SET", "cluster-node-timeout", 3_600_000) == "OK")
        eventually(lambda: _sees(cluster, replica, master))
        for ordinal in (master, replica):
            cluster.pods[ordinal].agent.identify()
        yield cluster, master, replica, old


def test_a_link_to_an_address_where_nobody_listens_is_corrected(stale):
    """Redis alone keeps dialing the old address; one tick of the agent makes the replica follow its master."""
    cluster, master, replica, old = stale
    agent = cluster.pods[replica].agent
    time.sleep(3)  # Redis dials once a second
    assert (_link(cluster, replica).address, _link(cluster, replica).up) == ((old, cluster.port), False)

    assert not Agent.tick(agent)

    assert _link(cluster, replica).address == (cluster.ip(master), cluster.port)
    eventually(lambda: _link(cluster, replica).up)


@contextlib.contextmanager
def _other_master(cluster, address, folder):
    """Runs a master of another shard at an address: it knows the same Secret, and its node has another ID."""
    options = {"bind": address, "port": cluster.port, "save": "", "dir": folder, "repl-diskless-sync-delay": 0}
    words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    server = subprocess.Popen([local_cluster.find_redis_server(), "-", *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        with server.stdin:
            server.stdin.write(Access(cluster.users).configuration().encode())

        def ask(*words):
            with Connection(address, cluster.port, logins=[cluster.login("agent")]) as redis:
                return redis.command(*words)

        eventually(lambda: ask("PING"))
        Access(cluster.users).identify(ask, "f" * 40, None)
        yield ask
    finally:
        server.terminate()
        server.wait()


def _connections(ask):
    """Returns how many connections a Redis has accepted."""
    return int(nodes.parse_report(ask("INFO", "stats"))["total_connections_received"])


def test_another_master_at_the_old_address_is_not_replicated(stale, tmp_path):
    """A replica keeps its data when another shard's master is where its own was, and returns to its own master."""
    cluster, master, replica, old = stale
    tester = cluster.make_tester()
    agent = cluster.pods[replica].agent

    def size(ordinal):
        with Connection(cluster.ip(ordinal), cluster.port, logins=[tester]) as redis:
            return redis.command("DBSIZE")

    assert size(replica) == size(master) > 10
    with _other_master(cluster, old, tmp_path) as other:
        dialed = _connections(other)
        time.sleep(4)  # Redis dials once a second
        assert _connections(other) > dialed + 2, "the replica did not dial the old address"
        assert (_link(cluster, replica).address, _link(cluster, replica).up) == ((old, cluster.port), False)
        assert agent.ready()[0] is False
        assert size(replica) == size(master) > 10

        assert not Agent.tick(agent)

        eventually(lambda: _link(cluster, replica).address == (cluster.ip(master), cluster.port) and _link(cluster, replica).up)
        assert len(cluster.ask(master, "ROLE")[2]) == 1  # the master counts the replica as its own
