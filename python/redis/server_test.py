"""Tests of the supervisor, with scripts instead of redis-server."""

import stat
import sys
import threading
import time
from pathlib import Path

import pytest

from python.redis import server
from python.redis.agent import Identity

WHO = Identity("redis", 2, 6, "dev", "node-1", "10.0.0.3")


def test_the_arguments_announce_the_pod():
    """The arguments contain address, name and volume of this pod."""
    words = server.redis_arguments(WHO, Path("/data"), "64mb", is_new=False)
    options = dict(zip(words[::2], words[1::2], strict=True))

    assert options["--cluster-announce-ip"] == "10.0.0.3"
    assert options["--cluster-announce-hostname"] == "redis-2"
    assert options["--cluster-config-file"] == "/data/nodes.conf"
    assert (options["--appendonly"], options["--appendfsync"]) == ("yes", "always")
    assert options["--cluster-node-timeout"] == "5000"


class IdleAgent:
    """Agent that has nothing to do and counts its calls."""

    def __init__(self, promoted_after=0):
        self.failovers = 0
        self.promotions = 0
        self._promoted_after = promoted_after

    def promote_replicas(self):
        """Returns False the first `promoted_after` times."""
        self.promotions += 1
        return self.promotions > self._promoted_after

    def tick(self):
        """Returns that there is nothing to do."""
        return True

    def fail_over(self):
        """Counts the call."""
        self.failovers += 1


@pytest.fixture
def supervise(tmp_path):
    """Returns a function that creates a supervisor of a Python script."""

    def make(script, agent, configuration=""):
        program = tmp_path / "redis-server"
        program.write_text(f"#!{sys.executable}\nimport pathlib, signal, sys\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return server.Supervisor(str(program), WHO, agent, tmp_path, "16mb", configuration)

    return make


def test_the_exit_code_is_redis_servers(supervise):
    """If redis-server exits by itself, run() returns its exit code."""
    agent = IdleAgent()

    assert supervise("sys.exit(7)", agent).run(threading.Event()) == 7
    assert agent.failovers == 0


def test_a_stop_fails_over_first(supervise, tmp_path):
    """On a stop, the agent fails over before redis-server gets SIGTERM."""
    agent, stopping, up = IdleAgent(), threading.Event(), tmp_path / "up"
    script = f"signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\npathlib.Path({str(up)!r}).touch()\nsignal.pause()"
    codes = []
    running = supervise(script, agent)
    thread = threading.Thread(target=lambda: codes.append(running.run(stopping)))
    thread.start()
    deadline = time.monotonic() + 10
    while not up.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    stopping.set()
    thread.join(10)

    assert (codes, agent.failovers) == ([0], 1)


def test_a_signal_is_128_plus_its_number(supervise):
    """If signal 9 kills redis-server, run() returns 137, like a shell."""
    script = "import os; os.kill(os.getpid(), signal.SIGKILL)"

    assert supervise(script, IdleAgent()).run(threading.Event()) == 137


def test_a_new_volume_waits_for_the_replica(supervise, monkeypatch):
    """With a new volume, redis-server does not start before the replicas are promoted."""
    monkeypatch.setattr(server, "BUSY_S", 0.01)
    agent = IdleAgent(promoted_after=3)

    supervise("sys.exit(0)", agent).run(threading.Event())

    assert agent.promotions == 4


def test_a_known_volume_starts_at_once(supervise, tmp_path):
    """With nodes.conf on the volume, redis-server starts without promotions."""
    (tmp_path / "nodes.conf").write_text("vars currentEpoch 0 lastVoteEpoch 0\n")
    agent = IdleAgent(promoted_after=1000)

    supervise("sys.exit(0)", agent).run(threading.Event())

    assert agent.promotions == 0
