"""Tests of how redis-server is configured, started and ended, with stand-in programs."""

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
    """Address, name and volume of this pod reach redis-server."""
    words = server.redis_arguments(WHO, Path("/data"), "64mb", is_new=False)
    options = dict(zip(words[::2], words[1::2], strict=True))

    assert options["--cluster-announce-ip"] == "10.0.0.3"
    assert options["--cluster-announce-hostname"] == "redis-2"
    assert options["--cluster-config-file"] == "/data/nodes.conf"
    assert options["--appendonly"] == "yes"
    assert options["--cluster-node-timeout"] == "5000"


class IdleAgent:
    """Has nothing to do; counts what it was asked for."""

    def __init__(self, clear_after=0):
        self.handed_over = 0
        self.asked_to_clear = 0
        self._clear_after = clear_after

    def clear_the_way(self):
        """Says no the first `clear_after` times."""
        self.asked_to_clear += 1
        return self.asked_to_clear > self._clear_after

    def tick(self):
        """Says that all is well."""
        return True

    def hand_over(self):
        """Counts."""
        self.handed_over += 1


@pytest.fixture
def supervise(tmp_path):
    """Makes supervisors whose "redis-server" is a Python script."""

    def make(script, agent):
        program = tmp_path / "redis-server"
        program.write_text(f"#!{sys.executable}\nimport pathlib, signal, sys\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return server.Supervisor(str(program), WHO, agent, tmp_path, "16mb")

    return make


def test_redis_servers_end_is_ours(supervise):
    """When redis-server ends by itself, its exit code is passed on."""
    agent = IdleAgent()

    assert supervise("sys.exit(7)", agent).run(threading.Event()) == 7
    assert agent.handed_over == 0


def test_a_signal_hands_over_first(supervise, tmp_path):
    """When it shall stop, the agent hands over, then redis-server gets SIGTERM."""
    agent, stopping, up = IdleAgent(), threading.Event(), tmp_path / "up"
    script = (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        f"pathlib.Path({str(up)!r}).touch()\n"
        "signal.pause()"
    )
    codes = []
    running = supervise(script, agent)
    thread = threading.Thread(target=lambda: codes.append(running.run(stopping)))
    thread.start()
    deadline = time.monotonic() + 10
    while not up.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    stopping.set()
    thread.join(10)

    assert (codes, agent.handed_over) == ([0], 1)


def test_a_killed_redis_server_counts_as_128_more(supervise):
    """Death by signal 9 becomes 137, as a shell reports it."""
    script = "import os; os.kill(os.getpid(), signal.SIGKILL)"

    assert supervise(script, IdleAgent()).run(threading.Event()) == 137


def test_a_new_volume_waits_for_the_replica(supervise, monkeypatch):
    """An empty Redis does not start while a replica would follow it."""
    monkeypatch.setattr(server, "BUSY_S", 0.01)
    agent = IdleAgent(clear_after=3)

    supervise("sys.exit(0)", agent).run(threading.Event())

    assert agent.asked_to_clear == 4


def test_a_known_volume_starts_at_once(supervise, tmp_path):
    """With nodes.conf on the volume nobody has to clear the way."""
    (tmp_path / "nodes.conf").write_text("vars currentEpoch 0 lastVoteEpoch 0\n")
    agent = IdleAgent(clear_after=1000)

    supervise("sys.exit(0)", agent).run(threading.Event())

    assert agent.asked_to_clear == 0
