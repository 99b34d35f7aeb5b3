"""Tests of when a lease is free, and of its release."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rules.k8s.tools.errors import UnreachableError
from rules.k8s.tools.stack.lease import Lease, is_free
from rules.k8s.tools.stack.lease_holder import Process, holder_name, is_gone, this_process

NOW = "Sat, 21 Nov 2026 12:00:20 GMT"


def lease(written: str, process: str = "", holder: str = "jane@laptop (pid 7)"):
    """Returns a Lease that the server wrote at a time."""
    return {
        "metadata": {"annotations": {"turnup/process": process}, "managedFields": [{"time": written}]},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15},
    }


def test_lease_expires_by_the_servers_clock():
    """A holder that renewed in time keeps others out; others take over from one that did not."""
    assert not is_free(lease("2026-11-21T12:00:10Z"), NOW)
    assert is_free(lease("2026-11-21T12:00:00Z"), NOW)
    assert not is_free(lease("2026-11-21T12:00:00Z"), None)
    assert is_free(lease("2026-11-21T12:00:19Z", holder=""), NOW) and is_free(None, NOW)


def test_absurd_duration_does_not_lock_forever():
    """A lease with a duration of a year expires after 30 s."""
    forever = lease("2026-11-21T11:59:40Z")
    forever["spec"]["leaseDurationSeconds"] = 31536000

    assert is_free(forever, NOW)


def test_process_of_this_machine_that_is_gone_is_succeeded_at_once():
    """A process that ended holds no lease; a running process and one of another machine do."""
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mine = this_process()
    text = f"{mine.machine}:{child.pid}:"
    started = Path(f"/proc/{child.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    assert not is_free(lease("2026-11-21T12:00:19Z", text + started), NOW)
    child.communicate(b"\n")
    assert is_free(lease("2026-11-21T12:00:19Z", text + started), NOW)
    assert not is_free(lease("2026-11-21T12:00:19Z", f"othermachine:{child.pid}:{started}"), NOW)
    assert not is_gone(mine) and mine.pid == os.getpid()


def test_texts_of_processes():
    """A process can be parsed from its text; any other text is not a process."""
    assert Process.parse(str(this_process())) == this_process()
    assert [Process.parse(text) for text in ("", "a:b:c", ":1:2", "a:1")] == [None] * 4
    assert holder_name().endswith(f"(pid {os.getpid()})") and "@" in holder_name()


class _Silent:
    """A server that stops answering: it grants the lease, then lets each request time out."""

    date = None

    def __init__(self):
        self.asked = threading.Event()

    def request(self, method, path, *, body=None, query=None, read_timeout=None):
        """Answers the first request."""
        if method == "POST":
            return 201, {**body, "metadata": {**body["metadata"], "resourceVersion": "1"}}
        self.asked.set()
        time.sleep(read_timeout)
        raise UnreachableError("no answer")


@pytest.mark.parametrize("renewing", [True, False])
def test_a_silent_server_does_not_hold_up_the_end_of_a_run(monkeypatch, renewing):
    """A release takes less than 2 s, with and without a renewal under way."""
    if renewing:
        monkeypatch.setattr("rules.k8s.tools.stack.lease._RENEW_SECONDS", 2.0)
    client = _Silent()
    lease = Lease(client, "//svc:dev", "dev", lambda text: None)
    lease.acquire()
    if renewing:
        assert client.asked.wait(10)
    started = time.monotonic()
    lease.release()
    assert time.monotonic() - started < 1.9
