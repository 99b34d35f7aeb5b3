"""Tests of .restart and .trigger: what they write, what they wait for, and what they refuse."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, deployment
from rules.k8s.tools.pod_verbs.trigger import job_of

ANNOTATION = "kubectl.kubernetes.io/restartedAt"
READY = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
TEMPLATE = {
    "metadata": {"labels": {"run": "nightly"}},
    "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "app"}]}}},
}
CRON: dict[str, Any] = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "nightly", "namespace": "dev"},
    "spec": {"schedule": "0 0 * * *", "suspend": True, "jobTemplate": TEMPLATE},
}


@pytest.fixture(name="jobs")
def fixture_jobs(server):
    """Serves CronJobs and Jobs."""
    server.kinds += [("batch/v1", "CronJob", "cronjobs", True), ("batch/v1", "Job", "jobs", True)]
    return server


def _annotations(server, name: str) -> dict[str, str]:
    return ((server.get(deployment(name)) or {})["spec"]["template"].get("metadata") or {}).get("annotations") or {}


def test_restart_changes_the_template_of_each_workload(shell, server):
    """Each workload of the closure gets the annotation of kubectl, nothing else is written, and an apply keeps it."""
    shell.make(deployment("web"), deployment("db"), config_map("c", key="1"))
    assert shell.run("apply") == 0, shell.err

    assert shell.run("restart") == 0, shell.err
    assert "2 restarted" in shell.err and "restarted   Deployment dev/web" in shell.err
    first = _annotations(server, "web")[ANNOTATION]
    assert first == _annotations(server, "db")[ANNOTATION]
    patches = [request for request in server.writes if request.query.get("fieldManager") == "turnup-restart"]
    assert len(patches) == 2
    assert shell.run("restart") == 0 and _annotations(server, "web")[ANNOTATION] != first


def test_restart_waits_for_the_new_pods(shell, server):
    """With --wait the run ends when the workloads are ready, and fails at the deadline."""
    shell.make(deployment("web"))
    shell.run("apply")
    live = server.get(deployment("web")) or {}
    server.put({**live, "status": READY})

    assert shell.run("restart", "--wait=20s") == 0, shell.err
    assert "ready after" in shell.err
    server.put({**(server.get(deployment("web")) or {}), "status": {**READY, "availableReplicas": 0}})
    assert shell.run("restart", "--wait=1s") == 1
    assert "0 of 1 replicas are available" in shell.err


def test_restart_refuses(shell, server):
    """Nothing to restart, a workload that is not there and a paused one are one sentence each."""
    shell.make(config_map("c", key="1"))
    assert shell.run("restart") == 2
    assert shell.err == "ERROR: //svc:dev-deep has no Deployment, StatefulSet or DaemonSet, so there is nothing to restart.\n"
    shell.make(deployment("web"))
    assert shell.run("restart") == 1
    assert "Deployment dev/web is not in the cluster; apply it first." in shell.err
    paused = deployment("web")
    paused["spec"]["paused"] = True
    shell.make(paused)
    shell.run("apply")
    assert shell.run("restart") == 1
    assert "Deployment dev/web is paused, so it would not restart; resume it first." in shell.err
    assert not [request for request in server.writes if request.query.get("fieldManager") == "turnup-restart"]


def _made(server) -> list[dict[str, Any]]:
    names = [path.rpartition("/")[2] for path in server.paths() if "/jobs/" in path]
    found = [server.get({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "dev"}}) for name in names]
    return [job for job in found if job]


def test_trigger_runs_a_cron_job_now(shell, jobs):
    """The Job has the CronJob's template and owner, also if the CronJob is suspended; each run makes another."""
    shell.make(CRON, {**CRON, "metadata": {"name": "weekly", "namespace": "dev"}})
    assert shell.run("apply") == 0, shell.err

    assert shell.run("trigger", "--name=nightly") == 0, shell.err
    (made,) = _made(jobs)
    owner = made["metadata"]["ownerReferences"][0]
    assert made["metadata"]["name"].startswith("nightly-") and made["spec"]["template"]["spec"]["containers"][0]["image"] == "app"
    assert (owner["kind"], owner["uid"]) == ("CronJob", (jobs.get(CRON) or {})["metadata"]["uid"])
    assert made["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"] == "manual"
    assert f"created     Job dev/{made['metadata']['name']}" in shell.err

    assert shell.run("trigger") == 0, shell.err
    assert len(_made(jobs)) == 3
    assert shell.run("apply") == 0 and "2 unchanged" in shell.err


@pytest.mark.parametrize(("kind", "code"), [("Complete", 0), ("Failed", 1)])
def test_trigger_waits_for_the_end_of_the_job(shell, jobs, kind, code):
    """With --wait the exit code is that of the Job."""
    shell.make(CRON)
    shell.run("apply")

    def controller() -> None:
        deadline = time.monotonic() + 10
        while not _made(jobs) and time.monotonic() < deadline:
            time.sleep(0.02)
        for made in _made(jobs):
            jobs.put({**made, "status": {"conditions": [{"type": kind, "status": "True", "message": "it ended"}]}})

    threading.Thread(target=controller, daemon=True).start()

    assert shell.run("trigger", "--wait=20s") == code, shell.err
    assert ("ready after" in shell.err) == (code == 0) and ("it ended" in shell.err) == (code == 1)


def test_trigger_refuses(shell, jobs):
    """Nothing to trigger, an unknown name and a CronJob that is not there are one sentence each."""
    shell.make(config_map("c", key="1"))
    assert shell.run("trigger") == 2
    assert shell.err == "ERROR: //svc:dev-deep has no CronJob, so there is nothing to trigger.\n"
    shell.make(CRON)
    assert shell.run("trigger", "--name=daily") == 2
    assert shell.err == "ERROR: --name=daily is not a CronJob of //svc:dev-deep; it has nightly.\n"
    assert shell.run("trigger") == 1
    assert "CronJob dev/nightly is not in the cluster; apply it first." in shell.err


@pytest.mark.parametrize("name", ["a", "a" * 52, "x" * 51 + ".y", "b" * 40 + "-" * 12 + "c"])
def test_the_names_of_jobs_fit_into_labels(name):
    """A Job's name is valid, whatever the length of the CronJob's, and different each time."""
    cron = {"metadata": {"name": name, "namespace": "dev", "uid": "u"}, "spec": {"jobTemplate": {"spec": {}}}}
    names = {job_of(cron)["metadata"]["name"] for _ in range(20)}

    assert len(names) == 20
    assert all(len(each) <= 63 and "--" not in each[-10:] and ".-" not in each for each in names)
