"""Tests of two simultaneous applies of one stack: they run one after the other, and the result is exactly one of the two inputs.

The short form races 3 pairs, the long form 30 (//tests/long:apply_concurrent_test). $RACES chooses.
"""

from __future__ import annotations

import datetime
import getpass
import json
import signal
import subprocess
import time
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, document
from rules.k8s.testing.shell import LABEL, Shell
from rules.k8s.tools.stack.inventory import parent_name
from tests.apply.stacks import live_objects, make_namespace, number, service_objects

RACES = number("RACES", 3, 30)
# Stops the process before it first writes an object, like a machine that is put to sleep.
_STOPPER = """
import itertools, os, signal, time
from rules.k8s.tools.stack.lease import Lease
counter, check = itertools.count(1), Lease.check
def stopping(self):
    # The first check is that before the inventory is written.
    if next(counter) == 2:
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(0.5)  # All threads stop, but not at once: this one does not go on before.
    check(self)
Lease.check = stopping
"""


@pytest.fixture(name="users")
def fixture_users(tmp_path, server, shell):
    """Returns two users on two machines, each with their own checkout."""
    folder = tmp_path / "second"
    folder.mkdir()
    return shell, Shell(folder, json.loads(server.kubeconfig.read_text()))


def objects(place: str, who: str, count: int = 25) -> list[dict]:
    """Returns a set of objects of one owner: some names are shared with different content, and some are the owner's alone."""
    same = [config_map(f"shared-{index}", place, whose=who) for index in range(count)]
    own = [config_map(f"own-{who}-{index}", place, key="1") for index in range(count)]
    return [*same, *own, *service_objects("web", place, who, who)]


def content(client, place: str) -> dict[str, Any]:
    """Returns {kind/name: data} for everything that a set can contain."""
    return {
        f"{identity.kind}/{identity.name}": obj.get("data") or obj.get("spec", {}).get("template", {}).get("spec", {}).get("containers")
        for identity, obj in live_objects(client, [place]).items()
        if identity.kind in ("ConfigMap", "Deployment") and not identity.name.startswith("turnup-") and identity.name != "kube-root-ca.crt"
    }


def wait_until_stopped(process: subprocess.Popen) -> None:
    """Waits until a process has stopped itself."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the process ended"
        with open(f"/proc/{process.pid}/stat", encoding="utf-8") as stat:
            if stat.read().rpartition(")")[2].split()[0] == "T":
                return
        time.sleep(0.02)
    raise AssertionError("the process was not stopped")


def lease_of(client, place: str) -> dict:
    """Returns the stack's lease."""
    return client.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{place}/leases/{parent_name(LABEL)}")[1]


def test_two_at_once(users, client, server, place):
    """Two users who apply different content at the same time both succeed, one after the other."""
    for turn in range(RACES):
        where = f"{place}-{turn:03d}"
        make_namespace(client, where)
        wanted = {}
        for who, shell in zip("ab", users, strict=False):
            shell.make_targets(document("//svc:dev", objects(where, who), namespace=where))
            wanted[who] = {f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects(where, who) if obj["kind"] in ("ConfigMap", "Deployment")}
        seen = len(server.audit())
        racing = [shell.start("apply", "--prune", stdout=subprocess.PIPE) for shell in users]
        outputs = [process.communicate(timeout=120)[0] for process in racing]
        assert [process.returncode for process in racing] == [0, 0], outputs

        live = content(client, where)
        whose = {data["whose"] for name, data in live.items() if name.startswith("ConfigMap/shared-")}
        assert len(whose) == 1
        winner = whose.pop()
        # The objects that only the loser created have left the stack, except older generations of settings.
        assert {name for name in live if not name.startswith("ConfigMap/web-settings-")} == {
            name for name in wanted[winner] if not name.startswith("ConfigMap/web-settings-")
        }
        assert live["Deployment/web"][0]["image"].endswith(winner * 64)
        assert lease_of(client, where)["spec"]["holderIdentity"] == ""

        # The writes are not interleaved: all objects of one user are written before those of the other.
        order = [
            event["objectRef"]["name"].split("-")[1]
            for event in server.audit()[seen:]
            if event["verb"] == "patch"
            and event["objectRef"]["namespace"] == where
            and "dryRun" not in event["requestURI"]
            and event["objectRef"]["name"].startswith("own-")
            and event["responseStatus"]["code"] < 300
        ]
        assert order in (sorted(order), sorted(order, reverse=True)) and set(order) == {"a", "b"}


def test_no_wait_names_the_holder(users, client, place):
    """With --no-wait the second run fails at once, names the holder, and writes nothing; after the holder's death it succeeds."""
    make_namespace(client, place)
    for who, shell in zip("ab", users, strict=False):
        shell.make_targets(document("//svc:dev", objects(place, who), namespace=place))
    first = users[0].start("apply", program=_STOPPER)
    try:
        wait_until_stopped(first)
        before = content(client, place)
        assert users[1].run("apply", "--no-wait") == 1
        assert f"{getpass.getuser()}@" in users[1].err and f"(pid {first.pid}) is writing to it; nothing was sent" in users[1].err
        assert content(client, place) == before
        assert users[1].run("delete", "--no-wait") == 1
        assert content(client, place) == before
    finally:
        first.send_signal(signal.SIGKILL)
        first.wait()

    assert users[1].run("apply", "--prune", "--no-wait") == 0, users[1].err
    assert {data["whose"] for name, data in content(client, place).items() if name.startswith("ConfigMap/shared-")} == {"b"}


def test_a_dead_holder_elsewhere_expires(users, client, place):
    """A holder on another machine that does not renew its lease is replaced when the lease expires."""
    make_namespace(client, place)
    users[0].make_targets(document("//svc:dev", objects(place, "a"), namespace=place))
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    client.request(
        "POST",
        f"/apis/coordination.k8s.io/v1/namespaces/{place}/leases",
        body={
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": parent_name(LABEL), "annotations": {"turnup/stack": LABEL, "turnup/process": "0123456789abcdef:1:1"}},
            "spec": {"holderIdentity": "jane@elsewhere (pid 1)", "leaseDurationSeconds": 3, "renewTime": now, "acquireTime": now},
        },
    )

    assert users[0].run("apply", "--no-wait") == 1
    assert "jane@elsewhere (pid 1) is writing to it" in users[0].err
    assert users[0].run("apply") == 0, users[0].err
    assert "waiting for jane@elsewhere (pid 1), who is writing to //svc:dev-deep" in users[0].err


def test_a_holder_that_sleeps_too_long_stops(users, client, server, place):
    """A run that slept until another run took its lease writes nothing when it wakes up."""
    make_namespace(client, place)
    for who, shell in zip("ab", users, strict=False):
        shell.make_targets(document("//svc:dev", objects(place, who), namespace=place))
    sleeper = users[0].start("apply", program=_STOPPER, stdout=subprocess.PIPE)
    try:
        wait_until_stopped(sleeper)
        # Another machine can't see that the process still exists, so it waits until the lease expires.
        assert users[1].run("apply", "--prune") == 0, users[1].err
        before = {str(identity): obj["metadata"]["resourceVersion"] for identity, obj in live_objects(client, [place]).items()}
        sleeper.send_signal(signal.SIGCONT)
        said = sleeper.communicate(timeout=60)[0]
    finally:
        sleeper.kill()
        sleeper.wait()

    assert sleeper.returncode == 1 and "lost its lease" in said
    after = {str(identity): obj["metadata"]["resourceVersion"] for identity, obj in live_objects(client, [place]).items()}
    assert after == before
