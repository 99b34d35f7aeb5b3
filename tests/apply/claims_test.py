"""Tests of prune and delete with StatefulSets and their persistent volume claims, with a real API server."""

from __future__ import annotations

import subprocess
import time

from rules.k8s.testing.plans import config_map, document
from tests.apply.stacks import maps


def stateful_set(namespace: str) -> dict:
    """Returns a StatefulSet with claim templates."""
    labels = {"app": "redis"}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "redis", "namespace": namespace},
        "spec": {
            "serviceName": "redis",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "app"}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}}],
        },
    }


def make_claims(client, stateful: dict, *names: str) -> str:
    """Creates claims as the StatefulSet controller does, and one of another owner with the same labels; returns the claims' path."""
    path = f"/api/v1/namespaces/{stateful['metadata']['namespace']}/persistentvolumeclaims"
    for name in names or ("data-redis-0", "data-redis-1", "data-redis-extra"):
        client.request(
            "POST",
            path,
            body={
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "spec": stateful["spec"]["volumeClaimTemplates"][0]["spec"],
                "metadata": {"name": name, "labels": stateful["spec"]["selector"]["matchLabels"]},
            },
        )
        # No controller here would remove the finalizer.
        client.request("PATCH", f"{path}/{name}", content_type="application/merge-patch+json", body={"metadata": {"finalizers": None}})
    return path


def live_names(client, path: str) -> set[str]:
    """Returns the names of a collection's objects."""
    return {obj["metadata"]["name"] for obj in client.request("GET", path)[1]["items"]}


def test_claims_of_a_stateful_set_need_the_flag(shell, client, home):
    """Claims of our StatefulSet are deleted only with --delete-data; a claim with another name stays even then."""
    stateful = stateful_set(home)
    shell.make_targets(document("//svc:dev", [stateful], namespace=home))
    claims = make_claims(client, stateful)
    assert shell.run("apply") == 0, shell.err
    assert shell.run("delete") == 0, shell.err
    assert len(live_names(client, claims)) == 3
    assert shell.run("apply") == 0, shell.err
    assert shell.run("delete", "--delete-data") == 0, shell.err
    assert live_names(client, claims) == {"data-redis-extra"}


def test_claims_of_a_pruned_stateful_set_need_the_flag(shell, client, home):
    """A StatefulSet that left the stack is deleted like a current one: after its pods, and with its claims only if the flag is given."""
    stateful = stateful_set(home)
    claims = make_claims(client, stateful)
    for flags, count in (((), 3), (("--delete-data",), 1)):
        shell.make_targets(document("//svc:dev", [stateful], namespace=home))
        assert shell.run("apply") == 0, shell.err
        shell.make_targets(document("//svc:dev", [], namespace=home))
        assert shell.run("apply", "--prune", *flags) == 0, shell.err
        assert len(live_names(client, claims)) == count
    assert live_names(client, claims) == {"data-redis-extra"}

    shell.make_targets(document("//svc:dev", [stateful], namespace=home))
    assert shell.run("apply") == 0, shell.err
    make_claims(client, stateful, "data-redis-2")
    pods = f"/api/v1/namespaces/{home}/pods"
    client.request(
        "POST",
        pods,
        body={
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "redis-2", "labels": {"app": "redis"}},
            "spec": {"containers": [{"name": "main", "image": "app"}]},
        },
    )
    shell.make_targets(document("//svc:dev", [], namespace=home))
    process = shell.start("apply", "--prune", "--delete-data", stdout=subprocess.PIPE)
    sets = f"/apis/apps/v1/namespaces/{home}/statefulsets"
    deadline = time.monotonic() + 30
    while live_names(client, sets) and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    assert live_names(client, claims) == {"data-redis-2", "data-redis-extra"}

    client.request("DELETE", f"{pods}/redis-2", body={"gracePeriodSeconds": 0})
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert live_names(client, claims) == {"data-redis-extra"}


def test_a_stateful_set_that_takes_its_claims_along_needs_the_flag(shell, client, server, home):
    """A StatefulSet whose claims the cluster would delete with it stays without --delete-data, and in the inventory."""
    stateful = stateful_set(home)
    stateful["spec"]["persistentVolumeClaimRetentionPolicy"] = {"whenDeleted": "Delete", "whenScaled": "Retain"}
    sets = f"/apis/apps/v1/namespaces/{home}/statefulsets"
    full, empty = (document("//svc:dev", objects, namespace=home) for objects in ([stateful, config_map("a", home)], []))
    shell.make_targets(full)
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(empty)
    for verb in (("apply", "--prune"), ("diff", "--prune"), ("delete",)):
        shell.make_targets(full if verb == ("delete",) else empty)
        shell.run(*verb)
        assert live_names(client, sets) == {"redis"}, verb
        assert f"StatefulSet {home}/redis" in shell.err and "would delete its claims" in shell.err
        assert "StatefulSet" not in shell.out
        before = server.changes()
        assert verb[0] == "delete" or (shell.run("apply", "--prune") == 0 and server.changes() == before)
    assert not maps(client, home)

    shell.make_targets(empty)
    assert shell.run("apply", "--prune", "--delete-data") == 0, shell.err
    assert live_names(client, sets) == set()
    shell.make_targets(full)
    assert shell.run("apply") == 0, shell.err
    assert shell.run("delete", "--delete-data") == 0, shell.err
    assert live_names(client, sets) == set()
