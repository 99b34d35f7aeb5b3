"""Tests of `apply --wait`: what it waits for, what it prints, and how it ends."""

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
from rules.k8s.testing.fixtures import fixture_server  # noqa: F401 (pytest finds it by name)
from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.testing.shell import LABEL, Shell
from rules.k8s.tools.objects.objects import Identity
from rules.k8s.tools.objects.states import Readiness
from rules.k8s.tools.output.events import TargetState, UnreadyObject, state
from rules.k8s.tools.output.tree import layout, lines
from rules.k8s.tools.readiness import stuck_detector
from rules.k8s.tools.verbs.main import main


@pytest.fixture(name="shell")
def fixture_shell(tmp_path, server):
    """A shell with the plan of a server that depends on redis."""
    shell = Shell(tmp_path, server.kubeconfig())
    shell.make_targets(
        document("//redis:dev", [deployment("redis"), config_map("settings")]),
        document("//server:dev", [deployment("server")]),
        services={"//redis:dev": "redis", "//server:dev": "server"},
        deps={"//server:dev": ["//redis:dev"]},
    )
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
    """The wait ends soon after a watch shows that the last object is ready."""
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
    """If nothing changes and everything is ready, waiting takes one list per collection, and writes nothing once that is on record."""
    shell.run("apply")
    for name in ("redis", "server"):
        become_ready(server, name)
    shell.run("apply", "--wait")
    server.requests.clear()
    before = len(server.writes)
    started = time.monotonic()

    code = shell.run("apply", "--wait")

    assert code == 0, shell.err
    assert "3 unchanged" in shell.err
    assert time.monotonic() - started < 5.0
    assert len(server.requests) < 45 and len(server.writes) == before


def test_deadline_names_what_is_not_ready(shell, server):
    """After the deadline the exit code is 1, and the message goes from service to object to pod to reason."""
    shell.run("apply")
    become_ready(server, "server")
    put_pod(
        server,
        "redis-0",
        "redis",
        phase="Pending",
        containerStatuses=[{"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}],
    )
    pod = server.get({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "redis-0", "namespace": "dev"}})
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e", "namespace": "dev"},
            "type": "Warning",
            "reason": "Failed",
            "message": "pull failed",
            "count": 3,
            "involvedObject": {"uid": pod["metadata"]["uid"]},
        }
    )

    code = shell.run("wait", "--timeout=1s")

    assert code == 1
    assert shell.err.splitlines()[-1] == (
        "ERROR: not ready after 1.0s: redis: Deployment dev/redis its controller has not seen it yet (pod redis-0: "
        "container main: ImagePullBackOff: no such image; last event: Warning Failed (x3): pull failed)."
    )


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


def test_status_is_a_tree(shell, server):
    """.status prints what is ready and what waits for what, from service to pod to reason, and writes nothing."""
    assert shell.run("status") == 1
    assert shell.out.splitlines()[0] == f"{LABEL}: 0 of 2 ready"
    assert "ConfigMap dev/settings: does not exist" in shell.out
    shell.run("apply")
    become_ready(server, "server")
    put_pod(server, "redis-0", "redis", phase="Pending", containerStatuses=[{"name": "main", "state": {"waiting": {"reason": "ErrImagePull"}}}])
    writes = len(server.writes)

    assert shell.run("status") == 1
    assert shell.out.splitlines() == [
        f"{LABEL}: 1 of 2 ready",
        "└── ✓ server",
        "    └── … redis",
        "        └── Deployment dev/redis: its controller has not seen it yet",
        "            └── redis-0: container main: ErrImagePull",
    ]
    states = shell.events("status")
    assert [(state["target"], state["ready"]) for state in states[:-1]] == [("//redis:dev", False), ("//server:dev", True)]
    become_ready(server, "redis")
    assert shell.run("status") == 0
    assert len(server.writes) == writes


def test_wait_verb_waits_for_what_somebody_else_applies(shell, server):
    """.wait ends when all objects exist and are ready, whoever created them, or says at its deadline what is missing."""
    assert shell.run("wait", "--timeout=1s") == 1
    assert "not ready after 1.0s: redis: Deployment dev/redis does not exist; redis: ConfigMap dev/settings does not exist; server:" in shell.err

    def colleague() -> None:
        time.sleep(0.3)
        server.put(config_map("settings"))
        for name in ("redis", "server"):
            server.put(deployment(name))
            become_ready(server, name)

    threading.Thread(target=colleague, daemon=True).start()
    assert shell.run("wait", "--timeout=20s") == 0, shell.err
    assert f"{LABEL}: ready after" in shell.err
    assert server.writes == []


@pytest.mark.parametrize("forbidden", ["list", "watch"])
def test_objects_are_read_one_by_one_where_lists_are_forbidden(shell, server, forbidden):
    """An account that may get objects, but neither list nor watch them, can wait, too."""
    shell.run("apply")

    def refuse(request):
        if request.method == "GET" and request.path.endswith(("deployments", "pods")) and (forbidden == "list" or request.query.get("watch")):
            return 403, {"reason": "Forbidden", "message": f"cannot {forbidden}"}
        return None

    server.refuse = refuse
    assert shell.run("status") == 1

    def controller() -> None:
        time.sleep(0.5)
        for name in ("redis", "server"):
            become_ready(server, name)

    threading.Thread(target=controller, daemon=True).start()
    assert shell.run("apply", "--wait=20s") == 0, shell.err


def test_objects_that_may_not_be_read_are_named(shell, server):
    """The message for an object that the account may not get names it."""
    server.refuse = lambda request: (403, {"message": "no"}) if "deployments" in request.path and request.method == "GET" else None

    assert shell.run("status") == 1
    assert shell.err == "ERROR: Deployment dev/redis cannot be read: no; ask for the permission to get it.\n"


def trouble(server: FakeServer, **container: Any) -> None:
    """Gives redis a failing pod."""
    put_pod(server, "redis-0", "redis", phase="Running", containerStatuses=[{"name": "main", "ready": False, **container}])


def test_crashes_are_tolerated_while_a_dependency_starts(shell, server, monkeypatch):
    """Crashes end the wait only once all dependencies are ready."""
    shell.run("apply")
    put_pod(
        server,
        "server-0",
        "server",
        phase="Running",
        containerStatuses=[
            {
                "name": "main",
                "ready": False,
                "restartCount": 7,
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"reason": "Error", "exitCode": 1}},
            }
        ],
    )
    assert shell.run("wait", "--timeout=1s") == 1
    assert "not ready after 1.0s" in shell.err

    become_ready(server, "redis")
    assert shell.run("wait", "--timeout=60s") == 1
    assert shell.err.startswith(
        "ERROR: //server:dev: Deployment dev/server its controller has not seen it yet (pod server-0: container main: CrashLoopBackOff after Error, exit code 1"
    )


def test_missing_image_ends_the_wait_after_a_while(shell, server, monkeypatch):
    """A pod that cannot start is explained first, and ends the wait if nobody fixes it."""
    monkeypatch.setattr(stuck_detector, "_BAD_AFTER", 0.5)
    monkeypatch.setattr(stuck_detector, "_CANNOT_START_SECONDS", 2.0)
    shell.run("apply")
    trouble(server, state={"waiting": {"reason": "ErrImagePull", "message": "not found"}})
    emitted = shell.events("wait", "--timeout=60s")

    stuck = [event for event in emitted if event["event"] == "stuck"]
    assert [(event["service"], event["pod"], event["reason"]) for event in stuck] == [("redis", "redis-0", "container main: ErrImagePull: not found")]
    assert emitted[-2]["event"] == "error" and "look at it with 'bazel run //redis:dev.describe'" in emitted[-2]["message"]


def test_slow_object_with_a_warning_is_explained(shell, server, monkeypatch):
    """A slow object is explained only if there is a warning about it."""
    monkeypatch.setattr(stuck_detector, "_SLOW_AFTER", 0.2)
    monkeypatch.setattr(stuck_detector, "_EVENTS_EVERY", 0.0)
    shell.run("apply")
    live = server.get(deployment("redis"))
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e", "namespace": "dev"},
            "type": "Warning",
            "reason": "FailedCreate",
            "message": "exceeded quota",
            "involvedObject": {"uid": live["metadata"]["uid"]},
        }
    )
    emitted = shell.events("wait", "--timeout=2s")

    assert [(event["object"]["name"], event["pod"], event["last_event"]) for event in emitted if event["event"] == "stuck"] == [
        ("redis", "", "Warning FailedCreate (x1): exceeded quota")
    ]


def test_a_claim_that_a_pod_uses_is_explained(shell, server, monkeypatch):
    """A claim that a pod uses must be bound. A normal event explains it, which is also in the last message."""
    monkeypatch.setattr(stuck_detector, "_SLOW_AFTER", 0.2)
    server.kinds.append(("v1", "PersistentVolumeClaim", "persistentvolumeclaims", True))
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "dev"}}
    shell.make(claim)
    live = server.put({**claim, "status": {"phase": "Pending"}})
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "user", "namespace": "dev"},
            "spec": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]},
            "status": {"phase": "Pending"},
        }
    )
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e", "namespace": "dev"},
            "type": "Normal",
            "reason": "WaitForFirstConsumer",
            "message": "waiting for first consumer",
            "involvedObject": {"uid": live["metadata"]["uid"]},
        }
    )
    emitted = shell.events("wait", "--timeout=2s")

    event = "Normal WaitForFirstConsumer (x1): waiting for first consumer"
    assert [(event["object"]["name"], event["reason"], event["last_event"]) for event in emitted if event["event"] == "stuck"] == [
        ("data", "is Pending", event)
    ]
    assert emitted[-2]["message"] == f"not ready after 2.0s: //svc:dev: PersistentVolumeClaim dev/data is Pending (last event: {event})."


@pytest.mark.parametrize("moment", ["waiting", "applying"])
def test_interrupt_ends_in_two_seconds(shell, server, moment):
    """SIGINT ends with exit 130, one sentence and no traceback within 2 s, even if the server does not answer."""
    if moment == "applying":
        server.refuse = lambda request: time.sleep(8) if request.method == "PATCH" else None
    program = "import sys; from rules.k8s.tools.verbs import start; start.main(sys.argv[1:])"
    process = subprocess.Popen(
        [sys.executable, "-c", program, shell.plan, "apply", "--wait=60s"],
        stderr=subprocess.PIPE,
        text=True,
        env={**shell.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
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
    """The tree shows a dependency once, below its dependents, and a reason below its pod."""
    waiting = UnreadyObject(
        Identity("apps", "StatefulSet", "dev", "redis"),
        Readiness(False, "5 of 6 replicas are ready"),
        (({"metadata": {"name": "redis-5"}}, "container redis runs but is not ready"),),
    )
    parts = [
        TargetState("//redis:dev", "redis", (), (waiting,)),
        TargetState("//server:dev", "server", ("//redis:dev",), ()),
        TargetState("//client:dev", "", ("//server:dev", "//redis:dev"), ()),
    ]
    states = [state(part) for part in parts]

    assert [before + text for before, text, _ in lines(layout(LABEL, states, 12.0))] == [
        "//svc:dev-deep: 2 of 3 ready, 12s",
        "└── ✓ //client:dev",
        "    ├── ✓ server",
        "    │   └── … redis",
        "    │       └── StatefulSet dev/redis: 5 of 6 replicas are ready",
        "    │           └── redis-5: container redis runs but is not ready",
        "    └── redis (above)",
    ]
    assert [before + text for before, text, _ in lines(layout(LABEL, states, all_ready=False))] == [
        "//svc:dev-deep: 2 of 3 ready",
        "├── … redis",
        "│   └── StatefulSet dev/redis: 5 of 6 replicas are ready",
        "│       └── redis-5: container redis runs but is not ready",
        "└── redis (above)",
    ]


def test_terminal_draws_the_tree(shell, server):
    """On a terminal, the tree with services and reasons is drawn while the run waits."""
    shell.run("apply")
    become_ready(server, "server")
    ours, theirs = os.openpty()
    out = io.StringIO()
    with open(theirs, "w", encoding="utf-8") as terminal:
        assert main([shell.plan, "apply", "--wait=1s"], out, terminal, shell.environ) == 1
        terminal.flush()
        drawn = os.read(ours, 1 << 20).decode()
    os.close(ours)

    assert "1 of 2 ready" in drawn and "… redis" in drawn
    assert "Deployment dev/redis: its controller has not seen it yet" in drawn
