"""Tests of the users and their passwords, with a list of commands instead of Redis."""

import hashlib

import pytest

from python.redis import access
from python.redis.access import Access, PasswordError, read_passwords


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        """Returns the time."""
        return self.now


class Redis:
    """Records commands."""

    def __init__(self):
        self.told = []

    def __call__(self, *words):
        """Records a command."""
        self.told.append(" ".join(map(str, words)))

    def take(self):
        """Returns the commands since the last call."""
        told, self.told = self.told, []
        return told


@pytest.fixture
def clock(monkeypatch):
    """Returns the clock of the module."""
    made = Clock()
    monkeypatch.setattr(access, "time", made)
    return made


@pytest.fixture
def folder(tmp_path):
    """Returns the folder of a mounted Secret; the password of USER is USER-1."""
    made = tmp_path / "redis-users"
    made.mkdir()
    write(made, 1)
    return made


def write(folder, number):
    """Writes a password for each user."""
    for user in access.USERS:
        (folder / user).write_text(f"{user}-{number}")


def hashed(password):
    """Returns the hash of a password."""
    return hashlib.sha256(password.encode()).hexdigest()


def replication(number, node_id):
    """Returns the password of a node's replicas; that of the Secret has the given number."""
    return access.replication_password(f"replica-{number}", node_id)


def test_the_configuration_has_hashes(folder):
    """Nobody gets in without a password, replicas do not get in or out yet, and there is no password in it."""
    text = Access(folder).configuration()

    assert "user default reset\n" in text
    for user in access.USERS:
        state = "off" if user == "replica" else f"on #{hashed(f'{user}-1')}"
        assert f"user {user} {state} resetkeys resetchannels " in text
        assert f"{user}-1" not in text
    assert "masteruser replica\n" in text and "masterauth" not in text


def test_a_replica_logs_in_at_its_own_master_only(folder):
    """Each node has another password for its replicas, and a replica has that of its master, also after a failover."""
    redis, users = Redis(), Access(folder)
    users.identify(redis, "aa", "bb")
    assert redis.take() == [f"ACL SETUSER replica on #{hashed(replication(1, 'aa'))}", f"CONFIG SET masteruser replica masterauth {replication(1, 'bb')}"]
    users.identify(redis, "aa", "bb")
    assert redis.take() == []
    users.identify(redis, "aa", None)
    assert redis.take() == ["CONFIG SET masteruser replica masterauth "]
    users.identify(redis, "aa", "cc")

    assert redis.take() == [f"CONFIG SET masteruser replica masterauth {replication(1, 'cc')}"]
    assert len({replication(1, "aa"), replication(1, "bb"), replication(2, "aa"), "replica-1"}) == 4


@pytest.mark.parametrize("content", [None, b"", b"\n", b"two words", b"\xff\xfe", "ü".encode()])
def test_a_password_that_cannot_be_read_is_one_sentence(folder, content):
    """The error names file, user and Secret, and not the content."""
    (folder / "places").unlink()
    if content is not None:
        (folder / "places").write_bytes(content)

    with pytest.raises(PasswordError) as caught:
        read_passwords(folder)

    assert str(caught.value).startswith(f"{folder}/places: the password of user 'places' ")
    assert str(caught.value).endswith("Apply the Secret redis-users again.") and "words" not in str(caught.value)


def test_a_changed_secret_is_taken_over(folder, clock):
    """New passwords are valid at once, former ones for a while, and the agent can log in with either meanwhile."""
    redis, users = Redis(), Access(folder)
    users.identify(redis, "aa", "bb")
    redis.take()
    users.renew(redis)
    assert redis.take() == [] and users.logins == [("agent", "agent-1")]
    write(folder, 2)
    users.renew(redis)

    on_this_node = {number: {user: replication(number, "aa") if user == "replica" else f"{user}-{number}" for user in access.USERS} for number in (1, 2)}
    changed = [f"ACL SETUSER {user} #{hashed(password)}" for user, password in on_this_node[2].items()]
    assert redis.take() == [*changed, f"CONFIG SET masteruser replica masterauth {replication(2, 'bb')}"]
    assert users.logins == [("agent", "agent-2"), ("agent", "agent-1")]
    clock.now += access.FORMER_FOR_S - 1
    users.renew(redis)
    assert redis.take() == []
    clock.now += 1
    users.renew(redis)
    assert redis.take() == [f"ACL SETUSER {user} !{hashed(password)}" for user, password in on_this_node[1].items()]
    assert users.logins == [("agent", "agent-2")]


def test_a_password_that_returns_stays_valid(folder, clock):
    """A former password that is the present one again is not removed."""
    redis, users = Redis(), Access(folder)
    for number in (2, 1):
        write(folder, number)
        users.renew(redis)
    redis.take()
    clock.now += access.FORMER_FOR_S
    users.renew(redis)

    assert redis.take() == [f"ACL SETUSER {user} !{hashed(f'{user}-2')}" for user in access.USERS if user != "replica"]


def test_a_changed_secret_that_cannot_be_read_is_told_once(folder, caplog):
    """The passwords in use stay, so that the agent goes on with its work."""
    redis, users = Redis(), Access(folder)
    (folder / "agent").unlink()
    for _ in range(3):
        users.renew(redis)

    assert redis.take() == [] and users.logins == [("agent", "agent-1")]
    assert [record.getMessage() for record in caplog.records] == [
        f"{folder}/agent: the password of user 'agent' can't be read (FileNotFoundError). Apply the Secret redis-users again. The passwords in use stay valid."
    ]


def test_redis_is_open_only_beside_a_version_without_users(folder, clock):
    """It opens for a pod of such a version, closes some time after all pods know the users, and opens again after a rollback."""
    redis, users = Redis(), Access(folder)
    users.identify(redis, "aa", "bb")
    redis.take()
    users.admit(redis, [], complete=False)
    users.admit(redis, [], complete=True)
    assert (redis.take(), users.is_open) == ([], False)

    for _ in range(2):
        users.admit(redis, ["redis-0"], complete=False)
    opened = ["ACL SETUSER default on nopass allkeys allchannels allcommands", "CONFIG SET masteruser  masterauth "]
    assert (redis.take(), users.is_open) == (opened, True)
    users.admit(redis, [], complete=False)
    assert redis.take() == []
    users.admit(redis, [], complete=True)
    assert (redis.take(), users.is_open) == ([f"CONFIG SET masteruser replica masterauth {replication(1, 'bb')}"], True)
    users.admit(redis, ["redis-0"], complete=True)
    assert redis.take() == opened
    users.admit(redis, [], complete=True)
    redis.take()
    clock.now += access.OPEN_FOR_S
    users.admit(redis, [], complete=True)
    assert (redis.take(), users.is_open) == (["ACL SETUSER default reset", "CLIENT KILL USER default"], False)


def test_an_open_replica_sends_no_password(folder, clock):
    """A changed Secret does not make a replica send a password to a master of a version without users."""
    redis, users = Redis(), Access(folder)
    users.admit(redis, ["redis-0"], complete=False)
    redis.take()
    write(folder, 2)
    users.renew(redis)

    assert not any("masterauth" in command for command in redis.take())
