"""Tests of an unchanged apply after a failure: what cannot start by itself is started again, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.testing.fake_server import FakeServer, Request
from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import deployment

POD = {"containers": [{"name": "main", "image": "app"}], "restartPolicy": "Never"}
JOB: dict[str, Any] = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "migrate", "namespace": "dev"}, "spec": {"template": {"spec": POD}}}


def _set_status(server: FakeServer, obj: dict[str, Any], **status: Any) -> str:
    """Plays the controller; returns the object's UID."""
    live = server.get(obj) or {}
    live["status"] = status
    server.put(live)
    return str(live["metadata"]["uid"])


def _ended(kind: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": "True", "message": "the database was down"}]}


def _requests(server: FakeServer, method: str, words: str) -> list[Request]:
    return [request for request in server.requests if request.method == method and words in request.path and request.query.get("dryRun") != "All"]


@pytest.fixture(name="jobs")
def fixture_jobs(server):
    """Serves Jobs."""
    if not any(kind == "Job" for _, kind, _, _ in server.kinds):
        server.kinds.append(("batch/v1", "Job", "jobs", True))
    return server


def test_a_failed_job_runs_again(shell, jobs):
    """An unchanged apply recreates a Job that has failed, and says why; a Job that is complete or runs is left alone."""
    shell.make(JOB)
    assert shell.run("apply") == 0, shell.err
    for status in (_ended("Complete"), {"active": 1}):
        uid = _set_status(jobs, JOB, **status)
        assert shell.run("apply") == 0, shell.err
        assert (jobs.get(JOB) or {})["metadata"]["uid"] == uid and "1 unchanged" in shell.err

    uid = _set_status(jobs, JOB, **_ended("Failed"))
    assert shell.run("apply") == 0, shell.err

    assert "Job dev/migrate is deleted and recreated: it has failed, so it runs again" in shell.err
    assert (jobs.get(JOB) or {})["metadata"]["uid"] != uid


def _pod(server: FakeServer, name: str, app: str, reason: str) -> dict[str, Any]:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "dev", "labels": {"app": app}},
        "status": {"phase": "Running", "containerStatuses": [{"name": "main", "ready": False, "restartCount": 3, "state": {"waiting": {"reason": reason}}}]},
    }
    return server.put(pod)


UNREADY = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 0}
READY = {**UNREADY, "availableReplicas": 1}


@pytest.mark.parametrize(
    ("status", "reason", "arguments", "deleted"),
    [
        (UNREADY, "CrashLoopBackOff", ["--wait=1s"], True),
        (UNREADY, "ImagePullBackOff", ["--wait=1s"], True),
        (UNREADY, "ContainerCreating", ["--wait=1s"], False),
        (READY, "CrashLoopBackOff", ["--wait=1s"], False),
        (UNREADY, "CrashLoopBackOff", [], False),
    ],
)
def test_delayed_pods_of_an_unchanged_workload_start_at_once(shell, server, status, reason, arguments, deleted):
    """A run that waits deletes a pod that its kubelet lets wait; a run that does not wait, and one that finds all ready, deletes none."""
    shell.make(deployment("web"))
    assert shell.run("apply") == 0, shell.err
    _set_status(server, deployment("web"), **status)
    _pod(server, "web-1", "web", reason)
    _pod(server, "other-1", "other", reason)

    shell.run("apply", *arguments)

    assert [request.path.rpartition("/")[2] for request in _requests(server, "DELETE", "/pods/")] == (["web-1"] if deleted else [])
    assert ("the pod web-1 is deleted, so that a new one starts at once" in shell.err) == deleted


def test_a_changed_workload_keeps_its_pods(shell, server):
    """If the run changes a workload, its controller replaces the pods."""
    shell.make(deployment("web"))
    shell.run("apply")
    _set_status(server, deployment("web"), **UNREADY)
    _pod(server, "web-1", "web", "CrashLoopBackOff")
    shell.make(deployment("web", image="new"))

    shell.run("apply", "--wait=1s")

    assert _requests(server, "DELETE", "/pods/") == []


def test_an_account_that_may_not_delete_pods(shell, server):
    """Without the right to delete pods the run waits as before."""
    shell.make(deployment("web"))
    shell.run("apply")
    _set_status(server, deployment("web"), **UNREADY)
    _pod(server, "web-1", "web", "CrashLoopBackOff")
    server.refuse = lambda request: (403, {"reason": "Forbidden", "message": "no"}) if request.method == "DELETE" else None

    assert shell.run("apply", "--wait=1s") == 1
    assert "not ready after 1.0s" in shell.err and "is deleted, so that" not in shell.err
