"""Tests of the agents with clusters of six real redis-server processes."""

import pytest

from python.redis import nodes
from python.redis.resp import CommandError, Connection
from python.redis.testing import local_cluster
from python.redis.testing.local_cluster import eventually


@pytest.fixture
def cluster(tmp_path):
    """Returns a ready cluster on two hosts: even pods on a, odd ones on b."""
    with local_cluster.running(tmp_path) as running:
        yield running


def _on_owner(cluster, command, key, *words, login=None, replicas=0):
    """Sends a command to the master that owns the key, following MOVED, as the servers' user; then waits for replicas to have it."""
    ip = cluster.ip(min(cluster.pods))
    for _ in range(3):
        with Connection(ip, cluster.port, logins=[login or cluster.login("places")]) as redis:
            try:
                reply = redis.command(command, key, *words)
                assert not replicas or redis.command("WAIT", replicas, 5000) == replicas
                return reply
            except CommandError as moved:
                if not str(moved).startswith("MOVED "):
                    raise
                ip = str(moved).split(" ")[2].rpartition(":")[0]
    raise AssertionError(f"{key} moved three times")


def _write(cluster, value):
    """Writes values and waits until replicas and volumes have them, which Redis itself does not guarantee."""
    for number in range(30):
        _on_owner(cluster, "HSET", f"place:{number}", "remark", value)
    eventually(lambda: all(_is_safe(cluster, n) for n in cluster.pods))


def _is_safe(cluster, ordinal):
    """Returns whether a pod has replicated and persisted all its data."""
    report = nodes.parse_report(cluster.ask(ordinal, "INFO"))
    written = report["aof_buffer_length"] == report["aof_pending_bio_fsync"] == "0"
    replicas = [value for key, value in report.items() if key.startswith("slave") and "offset=" in value]
    return written and all(f"offset={report['master_repl_offset']}," in value for value in replicas)


def _read(cluster):
    """Returns the values; None for those that are gone."""
    return {(_on_owner(cluster, "HGETALL", f"place:{n}") or [None])[-1] for n in range(30)}


def test_a_new_cluster_forms(cluster):
    """A new cluster has three masters, two on pod 0's host, and each replica on the other host."""
    owners = cluster.masters()
    table = {node.id: node for node in cluster.table()}

    assert len(owners) == 3
    assert sum(ordinal % 2 == 0 for ordinal in owners) == 2
    eventually(lambda: cluster.ask(0, "CONFIG", "GET", "cluster-node-timeout")[1] == "5000")
    for node in table.values():
        if node.master:
            assert int(node.hostname[-1]) % 2 != int(table[node.master].hostname[-1]) % 2


def test_pods_without_dns_are_found(tmp_path):
    """If DNS has no addresses for pod 0, the cluster forms because the other pods find pod 0."""
    cluster = local_cluster.LocalCluster(tmp_path, ["a", "b"] * 3)
    try:
        cluster.deny(0)
        cluster.start()
        cluster.wait_ready()
        assert len(cluster.masters()) == 3
    finally:
        cluster.kill()


def test_a_killed_master_is_replaced_and_gets_its_role_back(cluster):
    """Data survives a killed master, and after its restart the masters are spread as before."""
    _write(cluster, "before")
    before = cluster.masters()
    victim = before[0]

    cluster.kill(victim)
    eventually(lambda: len(cluster.masters()) == 3 and _read(cluster) == {"before"})
    _write(cluster, "after")
    cluster.start(victim)
    cluster.wait_ready()

    assert _read(cluster) == {"after"}
    eventually(lambda: sum(n % 2 == 0 for n in cluster.masters()) == 2)
    assert _read(cluster) == {"after"}


def test_a_stopped_master_fails_over_without_an_outage(cluster):
    """On a graceful stop, a replica becomes the master before redis-server exits."""
    _write(cluster, "kept")
    victim = cluster.masters()[1]

    cluster.stop(victim)

    assert len(cluster.masters()) == 3  # at once, long before the node timeout
    assert _read(cluster) == {"kept"}


def test_the_loss_of_the_majoritys_host_lasts_until_it_returns(cluster):
    """Without pod 0's host there is no election; when it is back, the cluster recovers with its data."""
    _write(cluster, "kept")

    cluster.kill(0, 2, 4)
    eventually(lambda: not cluster.pods[1].agent.ready()[0])
    cluster.new_addresses()
    cluster.start(0, 2, 4)
    cluster.wait_ready()

    assert _read(cluster) == {"kept"}


def test_what_was_acknowledged_survives_the_death_of_all_nodes(cluster):
    """A write that a master and its replica have acknowledged is in their files when both are killed at once."""
    tester = cluster.make_tester()
    keys = [f"place:{number}" for number in range(90)]
    for key in keys:
        _on_owner(cluster, "HSET", key, "remark", key, login=tester, replicas=1)
    cluster.kill()
    cluster.new_addresses()
    cluster.start()
    cluster.wait_ready()

    assert [key for key in keys if _on_owner(cluster, "HGETALL", key) != ["remark", key]] == []


def test_all_pods_move_to_new_addresses(cluster):
    """If all pods stop and start with new addresses, they find each other and keep their data."""
    _write(cluster, "moved")
    old = cluster.ip(0)

    cluster.stop()
    cluster.new_addresses()
    cluster.start()
    cluster.wait_ready()

    assert cluster.ip(0) != old
    assert {node.ip for node in cluster.table()} == {cluster.ip(n) for n in range(6)}
    assert _read(cluster) == {"moved"}


def test_the_loss_of_the_other_host(cluster):
    """After the loss of the host without the majority, the cluster recovers by itself with its data."""
    _write(cluster, "kept")

    cluster.kill(1, 3, 5)

    eventually(lambda: len(cluster.masters()) == 3 and _read(cluster) == {"kept"})
    assert all(cluster.pods[n].agent.ready()[0] for n in (0, 2, 4))


def test_a_pod_with_an_empty_volume_joins_again(cluster):
    """If a master loses its volume, its replica becomes the master, and the new node replicates it."""
    _write(cluster, "kept")
    victim = cluster.masters()[0]

    cluster.kill(victim)
    cluster.wipe(victim)
    cluster.start(victim)
    cluster.wait_ready()

    assert len(cluster.masters()) == 3
    assert _read(cluster) == {"kept"}
    eventually(lambda: len(cluster.table()) == 6)  # the old node is forgotten


def test_a_lost_shard_does_not_stop_the_cluster(cluster):
    """If one shard loses both volumes, its slots are served again, without data."""
    _write(cluster, "kept")
    victim = cluster.masters()[0]
    lost = cluster.table(victim)
    replica = next(n for n in lost if n.master == nodes.myself(lost).id)
    pair = [victim, int(replica.hostname[-1])]

    cluster.kill(*pair)
    for ordinal in pair:
        cluster.wipe(ordinal)
    cluster.start(*pair)
    cluster.wait_ready()

    assert _read(cluster) == {"kept", None}
    _write(cluster, "again")
    assert _read(cluster) == {"again"}


def test_not_ready_while_the_cluster_is_down(cluster):
    """A pod that can't reach a majority is live, but not ready."""
    cluster.kill(0, 1, 2, 3)
    alone = cluster.pods[4].agent

    eventually(lambda: alone.ready() == (False, "cluster_state:fail"))
    assert alone.live() == (True, "PONG")
