"""Tests of slow deletes, with a real API server without controllers."""

from __future__ import annotations

import subprocess
import time

from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.tools.api.informer import Informer
from rules.k8s.tools.deletion import deletion


def test_what_takes_long_to_go_costs_no_requests(shell, client, server, home):
    """While finalizers and a pod delay a delete for seconds, the run does not poll the server."""
    names = [f"c{index}" for index in range(20)]
    redis, web = ({**deployment(name), "metadata": {"name": name, "namespace": home}} for name in ("redis", "web"))
    held = [{**config_map(name, home, key="1"), "metadata": {"name": name, "namespace": home, "finalizers": ["tests.example.com/held"]}} for name in names]
    shell.make_targets(
        document("//redis:dev", [redis], namespace=home), document("//web:dev", [web, *held], namespace=home), deps={"//web:dev": ["//redis:dev"]}
    )
    assert shell.run("apply") == 0, shell.err
    pods = f"/api/v1/namespaces/{home}/pods"
    client.request(
        "POST",
        pods,
        body={
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web-1", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "app"}]},
        },
    )
    seen = len(server.audit())
    process = shell.start("delete", stdout=subprocess.PIPE)
    time.sleep(4)
    for name in names:
        client.request(
            "PATCH", f"/api/v1/namespaces/{home}/configmaps/{name}", content_type="application/merge-patch+json", body={"metadata": {"finalizers": []}}
        )
    time.sleep(3)
    client.request("DELETE", f"{pods}/web-1", body={"gracePeriodSeconds": 0})
    said, _ = process.communicate(timeout=30)

    assert process.returncode == 0, said
    asked = len({event["auditID"] for event in server.audit()[seen:]}) - len(names) - 1
    assert asked <= 3 * (len(names) + 2) + 20


def test_what_does_not_go_is_named_with_what_holds_it(shell, client, home):
    """After the timeout of a delete, the error names the object and its finalizers."""
    obj = config_map("held", home, key="1")
    obj["metadata"]["finalizers"] = ["tests.example.com/held"]
    shell.make_targets(document("//svc:dev", [obj, config_map("free", home)], namespace=home))
    assert shell.run("apply") == 0, shell.err

    assert shell.run("delete", "--wait=1s") == 1
    assert f"ConfigMap {home}/held is still terminating (finalizers: tests.example.com/held); look at the controllers of these finalizers." in shell.err
    assert f"deleted     ConfigMap {home}/free" in shell.err


def test_a_delete_ends_with_the_last_object(shell, home, monkeypatch):
    """Once the watch has shown that the last object is gone, a delete waits for no further event."""
    steps: list[str] = []
    is_gone, wait = deletion._is_gone, Informer.wait
    monkeypatch.setattr(deletion, "_is_gone", lambda *given: steps.append("gone" if (gone := is_gone(*given)) else "there") or gone)
    monkeypatch.setattr(Informer, "wait", lambda *given: steps.append("wait") or wait(*given))
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": home}, "spec": {"ports": [{"port": 80}]}}
    shell.make_targets(document("//svc:dev", [service], namespace=home))
    assert shell.run("apply") == 0, shell.err
    assert shell.run("delete") == 0, shell.err
    assert steps and steps[-1] == "gone"
