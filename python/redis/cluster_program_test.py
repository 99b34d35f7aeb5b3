"""Tests of the program that runs a Redis Cluster for tests in other languages."""

from python.redis.testing import cluster_program


class FakeCluster:
    """Cluster that records what it is told."""

    port = 6379

    def __init__(self):
        self.told = []

    def start(self):
        """Records the call."""
        self.told.append("start")

    def wait_ready(self):
        """Records the call."""
        self.told.append("wait")

    def kill(self):
        """Records the call."""
        self.told.append("kill")

    def wipe(self, ordinal):
        """Records the call and its pod."""
        self.told.append(f"wipe {ordinal}")

    def make_tester(self):
        """Returns a user."""
        return "tester", "word"

    @property
    def pods(self):
        """Returns one pod."""
        return {0: self}

    def keep_passwords(self):
        """Records the call."""
        self.told.append("keep")

    def masters(self):
        """Returns two pods."""
        return [0, 2]

    def ip(self, ordinal):
        """Returns an address of the pod."""
        return f"127.0.0.{ordinal + 1}"


def test_each_command_has_one_reply():
    """Each command acts on the cluster and has one line as its reply."""
    cluster = FakeCluster()

    replies = [cluster_program.obey(cluster, command) for command in ("start", "wait", "kill", "wipe", "masters", "tester", "keep")]

    assert replies == ["done"] * 4 + ["127.0.0.1:6379 127.0.0.3:6379", "tester word", "done"]
    assert cluster.told == ["start", "wait", "kill"] + [f"wipe {ordinal}" for ordinal in range(6)] + ["keep"]


def test_an_unknown_command_lists_the_known_ones():
    """The reply to an unknown command is an error that names the commands, and nothing happens."""
    cluster = FakeCluster()

    assert cluster_program.obey(cluster, "stop") == "ERROR: unknown command 'stop'; use start, wait, kill, wipe, masters, tester or keep"
    assert cluster.told == []
