"""Tests of finding the pods of the current template."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import deployment
from rules.k8s.tools.objects.objects import Identity
from rules.k8s.tools.output.events import UnreadyObject
from rules.k8s.tools.readiness import stuck_detector
from rules.k8s.tools.readiness.current_pods import CurrentPods, matches_template
from rules.k8s.tools.readiness.readiness import readiness

CRASHED = {"name": "main", "ready": False, "restartCount": 6, "state": {"terminated": {"reason": "Error", "exitCode": 3}}}
STARTING = {"name": "main", "ready": False, "restartCount": 0, "state": {"running": {}}}


def put_pod(server: FakeServer, revision: int, command: str, container: dict[str, Any], **status: Any) -> None:
    """Plays the Deployment controller: a ReplicaSet of a revision, and its pod."""
    name = f"web-rs{revision}"
    server.put(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": name, "namespace": "dev", "annotations": {"deployment.kubernetes.io/revision": str(revision)}},
        }
    )
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{name}-x",
                "namespace": "dev",
                "labels": {"app": "web"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": name, "uid": name}],
            },
            "spec": {"containers": [{"name": "main", "image": "app", "command": [command]}]},
            "status": {"phase": "Running", "containerStatuses": [container], **status},
        }
    )


@pytest.fixture(name="stack")
def fixture_stack(shell, server, monkeypatch):
    """A shell with a Deployment at revision 2, which has a crashed pod of revision 1."""
    monkeypatch.setattr(stuck_detector, "_BAD_AFTER", 0.3)
    monkeypatch.setattr(stuck_detector, "_SLOW_AFTER", 0.3)
    server.kinds.append(("apps/v1", "ReplicaSet", "replicasets", True))
    web = deployment("web")
    web["spec"]["template"]["spec"]["containers"][0]["command"] = ["good"]
    shell.make(web)
    server.put(
        {
            **web,
            "metadata": {**web["metadata"], "generation": 2, "annotations": {"deployment.kubernetes.io/revision": "2"}},
            "status": {"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1},
        }
    )
    put_pod(server, 1, "bad", CRASHED)
    return shell


def refuse_replica_sets(server: FakeServer, rights: str) -> None:
    """Removes the permission to read ReplicaSets."""
    server.refuse = lambda request: (403, {"message": "no"}) if rights == "few" and "/replicasets" in request.path else None


@pytest.mark.parametrize("rights", ["all", "few"])
def test_former_pods_that_crashed_do_not_end_the_wait(stack, server, rights):
    """While the pod of a fixed template starts, crashes of the previous one neither end the wait nor explain anything."""
    put_pod(server, 2, "good", STARTING)
    refuse_replica_sets(server, rights)
    emitted = stack.events("wait", "--timeout=2s")

    assert "stuck" not in [event["event"] for event in emitted]
    assert emitted[-2]["message"].startswith(
        "not ready after 2.0s: //svc:dev: Deployment dev/web 1 old replicas are still there (pod web-rs2-x: container main runs"
    )


@pytest.mark.parametrize("rights", ["all", "few"])
def test_present_pods_that_crashed_are_explained_and_end_the_wait(stack, server, rights, monkeypatch):
    """Of two crashed pods, only the one of the current template is explained and ends the wait."""
    put_pod(server, 2, "good", {**CRASHED, "restartCount": 1})
    refuse_replica_sets(server, rights)
    emitted = stack.events("wait", "--timeout=2s")
    assert [event["pod"] for event in emitted if event["event"] == "stuck"] == ["web-rs2-x"]

    put_pod(server, 2, "good", CRASHED)
    assert stack.run("wait", "--timeout=60s") == 1
    assert stack.err.startswith("ERROR: //svc:dev: Deployment dev/web 1 old replicas are still there (pod web-rs2-x: container main: Error, exit code 3")


def test_nothing_is_final_before_the_controller_has_seen_the_change(stack, server):
    """No pod counts until the controller has observed the current template."""
    live = server.get(deployment("web"))
    live["metadata"]["generation"] = 3
    server.put(live)
    put_pod(server, 2, "good", CRASHED)

    assert stack.run("wait", "--timeout=1s") == 1
    assert stack.err == "ERROR: not ready after 1.0s: //svc:dev: Deployment dev/web its controller has not seen the change yet.\n"


def test_replica_sets_are_read_in_trouble_only(stack, server):
    """Only a rollout with a failing pod reads ReplicaSets, and each of them once."""
    assert stack.run("wait", "--timeout=2s") == 1
    assert [request.path.rpartition("/")[2] for request in server.requests if "/replicasets/" in request.path] == ["web-rs1"]


def waiting(
    kind: str, pods: list[dict[str, Any]], annotations: dict[str, str] | None = None, spec: dict[str, Any] | None = None, **status: Any
) -> UnreadyObject:
    """Returns a workload that is not ready."""
    live = {
        "apiVersion": "apps/v1",
        "kind": kind,
        "spec": spec or {},
        "status": {"observedGeneration": 2, **status},
        "metadata": {"name": "x", "namespace": "dev", "generation": 2, "annotations": annotations or {}},
    }
    return UnreadyObject(Identity("apps", kind, "dev", "x"), readiness(None), tuple((pod, "") for pod in pods), live)


@pytest.mark.parametrize(
    ("kind", "label", "old", "new", "marks"),
    [
        ("StatefulSet", "controller-revision-hash", "x-1", "x-2", {"updateRevision": "x-2"}),
        ("DaemonSet", "pod-template-generation", "4", "5", {"annotations": {"deprecated.daemonset.template.generation": "5"}}),
    ],
)
def test_sets_mark_their_pods(kind, label, old, new, marks):
    """The labels of StatefulSet and DaemonSet pods tell their template, without a request."""
    pods = [{"metadata": {"name": mark, "labels": {label: mark} if mark else {}}} for mark in (old, new, "")]
    found = CurrentPods(None).of(waiting(kind, pods, **marks), pods)

    assert [pod["metadata"]["name"] for pod in found] == [new, ""]


def test_a_stateful_set_waits_for_its_former_pods(stack, server):
    """A crashed pod of a StatefulSet's previous template, which blocks the rollout, is explained with what to do, and does not end the wait."""
    labels = {"app": "db"}
    db: dict[str, Any] = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "dev"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}},
    }
    stack.make(db)
    server.put(
        {
            **db,
            "metadata": {**db["metadata"], "generation": 2},
            "status": {"observedGeneration": 2, "replicas": 1, "updateRevision": "db-2", "currentRevision": "db-1"},
        }
    )
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "db-0", "namespace": "dev", "labels": {**labels, "controller-revision-hash": "db-1"}},
            "status": {"phase": "Running", "containerStatuses": [CRASHED]},
        }
    )
    emitted = stack.events("wait", "--timeout=2s")

    assert [event["reason"] for event in emitted if event["event"] == "stuck"] == [
        "container main: Error, exit code 3 (it has the previous template, and the StatefulSet waits for it; delete the pod)"
    ]
    assert emitted[-2]["message"].startswith("not ready after 2.0s: ")


@pytest.mark.parametrize(
    ("container", "same"),
    [
        ({"name": "main", "image": "app", "command": ["good"], "env": [{"name": "A", "value": "1"}, {"name": "ADDED", "value": "x"}]}, True),
        ({"name": "main", "image": "app", "command": ["good"], "env": [{"name": "A", "value": "2"}]}, False),
        ({"name": "main", "image": "other", "command": ["good"], "env": [{"name": "A", "value": "1"}]}, False),
        ({"name": "main", "image": "app", "command": ["good"], "args": ["-v"], "env": [{"name": "A", "value": "1"}]}, False),
        ({"name": "another", "image": "app"}, False),
    ],
)
def test_a_pod_is_compared_with_the_template(container, same):
    """A pod may have additions by admission, but not another image, command, argument or value."""
    live = deployment("web")
    live["spec"]["template"]["spec"]["containers"][0] |= {"command": ["good"], "env": [{"name": "A", "value": "1"}]}
    pod = {"metadata": {"name": "p", "labels": {"app": "web", "pod-template-hash": "1"}}, "spec": {"containers": [{"name": "injected"}, container]}}

    assert matches_template(pod, live) is same
