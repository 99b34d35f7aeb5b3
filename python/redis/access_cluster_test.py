"""Tests of users and passwords with clusters of six real redis-server processes."""

from pathlib import Path

import pytest

from python.redis import access, nodes
from python.redis.resp import CommandError, Connection
from python.redis.testing import local_cluster
from python.redis.testing.local_cluster import eventually

PLACES = [f"place:{number}" for number in range(30)]


@pytest.fixture
def cluster(tmp_path):
    """Returns a ready cluster on two hosts: even pods on a, odd ones on b."""
    with local_cluster.running(tmp_path) as running:
        yield running


def execute(cluster, command, key, *words, logins):
    """Sends a command to the master that owns the key, following MOVED."""
    ip = cluster.ip(min(cluster.pods))
    for _ in range(3):
        with Connection(ip, cluster.port, logins=logins) as redis:
            try:
                return redis.command(command, key, *words)
            except CommandError as moved:
                if not str(moved).startswith("MOVED "):
                    raise
                ip = str(moved).split(" ")[2].rpartition(":")[0]
    raise AssertionError(f"{key} moved three times")


def read(cluster, logins):
    """Returns the remarks of all places."""
    return {(execute(cluster, "HGETALL", key, logins=logins) or [None])[-1] for key in PLACES}


def refusal(cluster, ordinal, *words, logins=()):
    """Returns the first word of Redis's refusal of a command, "" if it is not refused."""
    try:
        with Connection(cluster.ip(ordinal), cluster.port, logins=logins) as redis:
            redis.command(*words)
    except CommandError as error:
        return str(error).split(" ")[0]
    return ""


def test_each_user_may_do_its_own_work_only(cluster):
    """Without a password nothing is possible; each user has its commands, and the servers' user its keys."""
    for ordinal in range(6):
        for words in (["PING"], ["CLUSTER", "NODES"], ["HGETALL", "place:1"], ["PSYNC", "?", "-1"], ["CONFIG", "GET", "*"]):
            assert refusal(cluster, ordinal, *words) == "NOAUTH", words
        assert refusal(cluster, ordinal, "PING", logins=[("default", "")]) == "NOAUTH"
        assert refusal(cluster, ordinal, "PING", logins=[("places", "wrong")]) == "NOAUTH"
    agent, places = ([cluster.login(user)] for user in ("agent", "places"))
    (_, secret), node_id = cluster.login("replica"), nodes.myself(cluster.table(0)).id
    replica = [("replica", access.replication_password(secret, node_id))]
    for other in (secret, access.replication_password(secret, nodes.myself(cluster.table(1)).id)):
        assert refusal(cluster, 0, "PING", logins=[("replica", other)]) == "NOAUTH"
    # Before Redis looks at the key it says where the key is, so the master that owns it must be asked.
    execute(cluster, "HSET", "place:1", "remark", "x", logins=places)
    for command, key, *words in (("HGETALL", "secret"), ("HSET", "place", "a", "b"), ("DEL", "place:1"), ("LPUSH", "other", "x")):
        with pytest.raises(CommandError, match="^NOPERM "):
            execute(cluster, command, key, *words, logins=places)
    for words in (["FLUSHALL"], ["CONFIG", "GET", "*"], ["ACL", "LIST"], ["KEYS", "*"], ["CLUSTER", "RESET"], ["SHUTDOWN"], ["PSYNC", "?", "-1"]):
        assert refusal(cluster, 0, *words, logins=places) == "NOPERM", words
        assert refusal(cluster, 0, *words, logins=replica) == ("" if words[0] == "PSYNC" else "NOPERM"), words
    for words in (["HGETALL", "place:1"], ["FLUSHALL"], ["KEYS", "*"], ["PSYNC", "?", "-1"], ["SHUTDOWN"]):
        assert refusal(cluster, 0, *words, logins=agent) == "NOPERM", words


def test_no_argument_or_file_has_a_password(cluster, tmp_path):
    """The passwords stand in the mounted Secret alone: in no command line, environment, log or volume."""
    passwords = [cluster.login(user)[1].encode() for user in access.USERS]
    seen = []
    for pod in cluster.pods.values():
        proc = Path("/proc") / str(pod.redis_server.pid)
        seen += [(proc / name).read_bytes() for name in ("cmdline", "environ")]
    seen += [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.parent != cluster.users]

    assert len(seen) > 24
    assert not any(password in text for text in seen for password in passwords)


def test_a_changed_secret_is_taken_over_without_a_restart(cluster, monkeypatch):
    """After a change all nodes accept the new passwords, links stay up or come back with them, and the former ones end."""
    former = [[cluster.login(user)] for user in ("agent", "places")]
    execute(cluster, "HSET", "place:1", "remark", "kept", logins=former[1])
    cluster.change_passwords()
    places = [cluster.login("places")]
    eventually(lambda: all(refusal(cluster, n, "PING", logins=places) == "" for n in range(6)))
    assert execute(cluster, "HGETALL", "place:1", logins=former[1]) == ["remark", "kept"]
    cluster.wait_ready()
    for pod in cluster.pods.values():  # connects the replicas again
        cluster.ask(pod.who.ordinal, "CLIENT", "KILL", "TYPE", "replica")
    cluster.wait_ready()
    monkeypatch.setattr(access.time, "monotonic", lambda real=access.time.monotonic: real() + access.FORMER_FOR_S)

    eventually(lambda: all(refusal(cluster, n, "PING", logins=login) == "NOAUTH" for n in range(6) for login in former))
    cluster.wait_ready()
    assert execute(cluster, "HGETALL", "place:1", logins=places) == ["remark", "kept"]


def test_a_stack_without_passwords_is_updated_without_loss(tmp_path, monkeypatch):
    """A rolling update keeps the data, and clients without a password work until all pods are new; a rollback works as well."""
    monkeypatch.setattr(access, "OPEN_FOR_S", 2.0)
    monkeypatch.setattr("python.redis.agent.LOOK_EVERY_S", 1.0)
    cluster = local_cluster.LocalCluster(tmp_path, ["a", "b"] * 3)
    try:
        cluster.start(former=True)
        cluster.wait_ready()
        for key in PLACES:
            execute(cluster, "HSET", key, "remark", "kept", logins=())
        for ordinal in (5, 4, 3, 2, 1, 0):  # the order of a StatefulSet
            cluster.stop(ordinal)
            cluster.start(ordinal)
            cluster.wait_ready()
            if ordinal:
                eventually(lambda: read(cluster, ()) == {"kept"})
        eventually(lambda: all(refusal(cluster, n, "PING") == "NOAUTH" for n in range(6)))
        cluster.wait_ready()
        eventually(lambda: all(link_user(cluster, n) in ("", "replica") for n in range(6)))
        assert read(cluster, [cluster.login("places")]) == {"kept"}

        cluster.stop(5)
        cluster.start(5, former=True)
        cluster.wait_ready()
        eventually(lambda: read(cluster, ()) == {"kept"})
    finally:
        cluster.kill()


def link_user(cluster, ordinal):
    """Returns as which user a replica replicates its master; "" for a master."""
    table = cluster.table(ordinal)
    me = nodes.myself(table)
    if me.master is None:
        return ""
    master = next(node for node in table if node.id == me.master)
    reply = cluster.ask(int(master.hostname[-1]), "CLIENT", "LIST", "TYPE", "replica")
    return next((word[5:] for line in reply.splitlines() for word in line.split() if word.startswith("user=")), "none")
