"""Tests of `apply --wait`: what it waits for, what it says, how it ends."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.testing.plans import config_map, deployment, document, namespace
from rules.k8s.testing.shell import LABEL, Shell
from rules.k8s.tools.manifests import Identity
from rules.k8s.tools.readiness import Readiness
from rules.k8s.tools.tree import draw
from rules.k8s.tools.waiting import Part, Waiting


@pytest.fixture(name="server")
def fixture_server():
    """A fake API server with the namespace dev."""
    with FakeServer() as server:
        server.put(namespace("dev"))
        yield server


@pytest.fixture(name="shell")
def fixture_shell(tmp_path, server):
    """A shell with the plan of a server that depends on redis."""
    shell = Shell(tmp_path, server.kubeconfig())
    shell.make_targets(
        document("//redis:dev", [deployment("redis"), config_map("settings")]), document("//server:dev", [deployment("server")]),
        services={"//redis:dev": "redis", "//server:dev": "server"}, deps={"//server:dev": ["//redis:dev"]})
    return shell


def become_ready(server: FakeServer, name: str) -> None:
    """Plays the Deployment controller."""
    live = server.get(deployment(name)) or {}
    live["status"] = {"observedGeneration": 0, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
    server.put(live)


def put_pod(server: FakeServer, name: str, app: str, **status: Any) -> None:
    """Plays the kubelet."""
    server.put({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "dev", "labels": {"app": app}}, "status": status})


def test_wait_ends_when_all_is_ready(shell, server):
    """The wait ends soon after the last object becomes ready, learnt from a watch."""
    ready_at = []

    def controller() -> None:
        deadline = time.monotonic() + 10
        while server.get(deployment("server")) is None and time.monotonic() < deadline:
            time.sleep(0.01)
        for name in ("redis", "server"):
            time.sleep(0.3)
            become_ready(server, name)
        ready_at.append(time.monotonic())

    threading.Thread(target=controller, daemon=True).start()
    code = shell.run("apply", "--wait=20s")

    assert code == 0, shell.err
    assert time.monotonic() - ready_at[0] < 5.0
    assert f"{LABEL}: ready after" in shell.err


def test_wait_on_a_ready_stack_ends_at_once(shell, server):
    """When nothing changed and all is ready, waiting costs one list a collection."""
    shell.run("apply")
    for name in ("redis", "server"):
        become_ready(server, name)
    before = len(server.writes)
    started = time.monotonic()

    code = shell.run("apply", "--wait")

    assert code == 0, shell.err
    assert "3 unchanged" in shell.err
    assert time.monotonic() - started < 5.0
    assert len(server.requests) < 40 and len(server.writes) - before == 3


def test_deadline_names_what_is_not_ready(shell, server):
    """After the deadline the exit code is 1 and the sentence goes from service to object to pod to reason."""
    shell.run("apply")
    become_ready(server, "server")
    put_pod(server, "redis-0", "redis", phase="Pending", containerStatuses=[
        {"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}])
    pod = server.get({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "redis-0", "namespace": "dev"}})
    server.put({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "namespace": "dev"}, "type": "Warning",
                "reason": "Failed", "message": "pull failed", "count": 3, "involvedObject": {"uid": pod["metadata"]["uid"]}})

    code = shell.run("apply", "--wait=1s")

    assert code == 1
    assert shell.err.splitlines()[-1] == (
        "ERROR: not ready after 1.0s: redis: Deployment dev/redis its controller has not seen it yet (pod redis-0: "
        "container main: ImagePullBackOff: no such image; last event: Warning Failed (x3): pull failed).")


def test_failure_ends_the_wait_early(shell, server):
    """A Deployment past its progress deadline ends the wait long before the wait's own deadline."""
    shell.run("apply")
    become_ready(server, "server")
    live = server.get(deployment("redis"))
    live["status"] = {"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "too late"}]}
    server.put(live)
    started = time.monotonic()

    code = shell.run("apply", "--wait=60s")

    assert code == 1
    assert time.monotonic() - started < 15
    assert "//redis:dev: Deployment dev/redis: too late; look at it with 'bazel run //redis:dev.describe'" in shell.err


@pytest.mark.parametrize("moment", ["waiting", "applying"])
def test_interrupt_ends_in_two_seconds(shell, server, moment):
    """SIGINT ends with exit 130, one sentence and no traceback within 2 s, even while the server does not answer."""
    if moment == "applying":
        server.refuse = lambda request: time.sleep(8) if request.method == "PATCH" else None
    program = "import sys; from rules.k8s.tools import run; run._exit(run.main(sys.argv[1:]))"
    process = subprocess.Popen([sys.executable, "-c", program, shell.plan, "apply", "--wait=60s"], stderr=subprocess.PIPE, text=True,
                               env={**shell.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    try:
        deadline = time.monotonic() + 20
        while not any(request.method == "PATCH" for request in server.requests):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(0.5)
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        err = process.communicate(timeout=10)[1]
    finally:
        process.kill()

    assert process.returncode == 130
    assert time.monotonic() - started < 2.0
    assert "ERROR: interrupted; run the same command again to continue." in err
    assert "Traceback" not in err


def test_tree_goes_from_service_to_reason():
    """The tree hangs a dependency below its dependents, once, and the reason below its pod."""
    from rich.console import Console

    waiting = Waiting(Identity("apps", "StatefulSet", "dev", "redis"), Readiness(False, "5 of 6 replicas are ready"),
                      (({"metadata": {"name": "redis-5"}}, "container redis runs but is not ready"),))
    parts = [Part("//redis:dev", "redis", (), (waiting,)), Part("//server:dev", "server", ("//redis:dev",), ()),
             Part("//client:dev", "client", ("//server:dev", "//redis:dev"), ())]
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(draw(LABEL, parts, 12.0))

    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "//svc:dev-deep: 2 of 3 ready, 12s",
        "└── ✓ client",
        "    ├── ✓ server",
        "    │   └── … redis",
        "    │       └── StatefulSet dev/redis: 5 of 6 replicas are ready",
        "    │           └── redis-5: container redis runs but is not ready",
        "    └── redis (above)",
    ]
