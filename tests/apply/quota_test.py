"""Tests of quotas before the first write, with a real API server: its own quota admission, and no controllers."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.tools.api.client import MERGE_PATCH
from tests.apply.stacks import admin, placed


def quota(name: str = "limit", **hard: str) -> dict[str, Any]:
    """Returns a ResourceQuota; `__` in a resource is a slash."""
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name},
        "spec": {"hard": {key.replace("__", "/"): value for key, value in hard.items()}},
    }


def use(shell, place: str, *objects: dict[str, Any]) -> None:
    """Writes the plan of a target."""
    shell.make_targets(document("//svc:dev", [placed(obj, place) for obj in objects], namespace=place))


def enforce(client, place: str, hard: dict[str, str], used: dict[str, str]) -> None:
    """Sets the status of the quota `limit`, as the quota controller does."""
    client.request("PATCH", f"/api/v1/namespaces/{place}/resourcequotas/limit/status", content_type=MERGE_PATCH, body={"status": {"hard": hard, "used": used}})


def run_pod(client, place: str, name: str, workload: str = "") -> None:
    """Creates a pod of others, or one of a Deployment."""
    meta: dict[str, Any] = {"name": name}
    if workload:
        owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"{workload}-5d4", "uid": "0", "controller": True}
        meta |= {"labels": {"app": workload, "pod-template-hash": "5d4"}, "ownerReferences": [owner]}
    client.request(
        "POST",
        f"/api/v1/namespaces/{place}/pods",
        body={"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [{"name": "c", "image": "i"}]}},
    )


def test_a_closure_below_its_own_quota_is_refused(shell, server, home):
    """A quota of the same closure counts before it exists: nothing is written of what can never run."""
    use(shell, home, quota(pods="2"), deployment("web", replicas=3))
    before = server.changes()

    assert shell.run("apply") == 1
    assert f"//svc:dev: namespace {home}: the objects request 3 pods, and the quota limit allows 2; request less, or raise the quota." in shell.err
    assert server.changes() == before


@pytest.mark.parametrize("verb", ["apply", "rollback"])
def test_raising_a_quota_is_never_refused_by_it(shell, client, home, verb):
    """After a quota was lowered below what runs, the set that raises it is applied, and rolled back to."""
    use(shell, home, quota(pods="30"), deployment("web", replicas=3))
    assert shell.run("apply") == 0, shell.err
    client.request("PATCH", f"/api/v1/namespaces/{home}/resourcequotas/limit", content_type=MERGE_PATCH, body={"spec": {"hard": {"pods": "2"}}})
    use(shell, home, quota(pods="30"), deployment("web", replicas=3), config_map("more"))
    if verb == "rollback":
        assert shell.run("apply", "--force-conflicts") == 0, shell.err
        client.request("PATCH", f"/api/v1/namespaces/{home}/resourcequotas/limit", content_type=MERGE_PATCH, body={"spec": {"hard": {"pods": "2"}}})

    assert shell.run(verb, "--force-conflicts") == 0, shell.err
    assert client.request("GET", f"/api/v1/namespaces/{home}/resourcequotas/limit")[1]["spec"]["hard"] == {"pods": "30"}


def test_objects_wait_until_the_raised_quota_counts(shell, server, home):
    """If the server's admission still has the old limit, the quota is written first, and what it refuses is sent again."""
    client = admin(server)
    use(shell, home, quota(count__configmaps="2"))
    assert shell.run("apply") == 0, shell.err
    enforce(client, home, {"count/configmaps": "2"}, {"count/configmaps": "2"})
    use(shell, home, quota(count__configmaps="9"), config_map("a"), config_map("b"))
    timer = threading.Timer(2.0, enforce, (client, home, {"count/configmaps": "9"}, {"count/configmaps": "2"}))
    timer.start()
    try:
        assert shell.run("apply") == 0, shell.err
    finally:
        timer.join()
    assert "2 created" in shell.err


def test_what_others_run_counts(shell, client, server, home):
    """Pods of others use a quota; pods of this stack that the new ones replace do not count twice."""
    client.request("POST", f"/api/v1/namespaces/{home}/resourcequotas", body=quota(pods="3"))
    for name in ("one", "two"):
        run_pod(client, home, name)
    use(shell, home, deployment("web", replicas=2))
    before = server.changes()
    assert shell.run("apply") == 1
    assert "the objects request 2 pods beside the 2 that others use, and the quota limit allows 3; make room, request less, or raise the quota." in shell.err
    assert server.changes() == before

    use(shell, home, deployment("web"))
    assert shell.run("apply") == 0, shell.err
    run_pod(client, home, "web-1", "web")
    use(shell, home, {**deployment("web"), "metadata": {"name": "web", "labels": {"new": "label"}}})
    assert shell.run("apply") == 0, shell.err


def test_a_rollout_needs_its_surge_pod(shell, client, server, home):
    """A rollout that may not delete a pod first is refused without room for one more; a change without a rollout is not."""
    client.request("POST", f"/api/v1/namespaces/{home}/resourcequotas", body=quota(pods="1"))
    use(shell, home, deployment("web"))
    assert shell.run("apply") == 0, shell.err
    run_pod(client, home, "web-1", "web")
    use(shell, home, {**deployment("web"), "metadata": {"name": "web", "annotations": {"a": "b"}}})
    assert shell.run("apply") == 0, shell.err
    use(shell, home, deployment("web", image="next"))
    before = server.changes()

    assert shell.run("apply") == 1
    assert (
        f"the rollout of Deployment {home}/web starts a new pod before it deletes an old one, which takes 2 pods and the quota limit allows 1; "
        "let it delete one first (maxUnavailable: 1), make room, or raise the quota." in shell.err
    )
    assert server.changes() == before
    first = deployment("web", image="next")
    first["spec"]["strategy"] = {"rollingUpdate": {"maxUnavailable": 1}}
    use(shell, home, first)
    assert shell.run("apply") == 0, shell.err


def test_what_a_prune_deletes_makes_room(shell, client, home):
    """Pods of a workload that left the stack do not count if the run prunes it."""
    client.request("POST", f"/api/v1/namespaces/{home}/resourcequotas", body=quota(pods="1"))
    use(shell, home, deployment("old"))
    assert shell.run("apply") == 0, shell.err
    run_pod(client, home, "old-1", "old")
    use(shell, home, deployment("new"))

    assert shell.run("apply") == 1 and "beside the 1 that others use" in shell.err
    assert shell.run("apply", "--prune") == 0, shell.err


def test_a_new_quota_counts_what_exists(shell, client, server, home):
    """A quota that the run creates is compared with the objects that exist, although the cluster has not counted them."""
    for name in "abc":
        client.request("POST", f"/api/v1/namespaces/{home}/configmaps", body=config_map(name, home))
    use(shell, home, quota(count__configmaps="4"), config_map("d"), config_map("e"))
    before = server.changes()

    assert shell.run("apply") == 1
    assert "the new objects request 2 count/configmaps, and the quota limit allows 4, of which 3 are in use" in shell.err
    assert server.changes() == before


def limit_range(**fields: dict[str, str]) -> dict[str, Any]:
    """Returns a LimitRange for containers."""
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "defaults"}, "spec": {"limits": [{"type": "Container", **fields}]}}


@pytest.mark.parametrize("live", [False, True])
def test_a_limit_range_counts(shell, server, client, home, live):
    """What a LimitRange gives to containers that name nothing counts in a quota, whether the closure has it or the namespace."""
    limits = limit_range(default={"memory": "64Mi"}, defaultRequest={"memory": "32Mi"})
    if live:
        client.request("POST", f"/api/v1/namespaces/{home}/limitranges", body=limits)
    web = deployment("web", replicas=3)
    use(shell, home, quota(**{"requests.memory": "90Mi"}), web, *([] if live else [limits]))
    before = server.changes()

    assert shell.run("apply") == 1
    assert f"namespace {home}: the objects request 96Mi requests.memory, and the quota limit allows 90Mi" in shell.err
    assert server.changes() == before


def test_a_limit_range_changes_no_manifest(shell, server, client, home):
    """A pod that gets requests and limits from a LimitRange of the closure is as its manifest says: a second apply writes nothing."""
    limits = limit_range(default={"memory": "64Mi"}, defaultRequest={"memory": "32Mi", "cpu": "10m"})
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    use(shell, home, pod, deployment("web"), limits)
    assert shell.run("apply") == 0, shell.err
    live = client.request("GET", f"/api/v1/namespaces/{home}/pods/bare")[1]
    assert live["spec"]["containers"][0]["resources"] == {"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi", "cpu": "10m"}}
    before = server.changes()

    assert shell.run("apply", "--prune") == 0, shell.err
    assert shell.run("diff") == 0, shell.out
    assert server.changes() == before
