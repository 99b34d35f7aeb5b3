"""Tests of .restart and .trigger on a real API server."""

from __future__ import annotations

from typing import Any

from rules.k8s.testing.plans import deployment, document
from tests.apply.stacks import make_namespace

POD = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "registry.example/x"}]}


def _cron(place: str) -> dict[str, Any]:
    template = {"spec": {"template": {"spec": POD}}}
    metadata = {"name": "nightly", "namespace": place}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": metadata, "spec": {"schedule": "0 0 * * *", "jobTemplate": template}}


def _make(shell, place: str) -> None:
    web = deployment("web")
    web["metadata"]["namespace"] = place
    shell.make_targets(document("//a:dev", [web, _cron(place)], namespace=place))


def test_a_restart_stays_and_is_no_difference(shell, client, place):
    """After a restart the template has a new annotation, .diff shows nothing, and an apply writes nothing."""
    make_namespace(client, place)
    _make(shell, place)
    assert shell.run("apply") == 0, shell.err
    path = f"/apis/apps/v1/namespaces/{place}/deployments/web"
    before = client.request("GET", path)[1]

    assert shell.run("restart") == 0, shell.err
    restarted = client.request("GET", path)[1]
    assert restarted["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert "kubectl.kubernetes.io/restartedAt" in restarted["spec"]["template"]["metadata"]["annotations"]

    assert shell.run("diff") == 0, shell.out
    assert shell.run("apply") == 0 and "2 unchanged" in shell.err
    assert client.request("GET", path)[1]["metadata"]["resourceVersion"] == restarted["metadata"]["resourceVersion"]


def test_a_triggered_job_belongs_to_its_cron_job(shell, client, place):
    """The server accepts the Job, the CronJob owns it, and neither .diff nor an apply sees it."""
    make_namespace(client, place)
    _make(shell, place)
    assert shell.run("apply") == 0, shell.err

    assert shell.run("trigger") == 0, shell.err
    (job,) = client.request("GET", f"/apis/batch/v1/namespaces/{place}/jobs")[1]["items"]
    assert [owner["name"] for owner in job["metadata"]["ownerReferences"]] == ["nightly"]
    assert job["spec"]["template"]["spec"]["containers"][0]["image"] == "registry.example/x"
    assert shell.run("diff") == 0, shell.out
    assert shell.run("apply") == 0 and "2 unchanged" in shell.err
