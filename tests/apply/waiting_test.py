"""Tests of wait and status with a real API server; the tests act as the controllers."""

from __future__ import annotations

import json
import threading
import time

import pytest

from rules.k8s.testing.plans import deployment, document, namespace
from rules.k8s.tools.api.client import MERGE_PATCH, Client
from rules.k8s.tools.kubeconfig.kubeconfig import load

RBAC = "rbac.authorization.k8s.io/v1"


@pytest.fixture(name="client")
def fixture_client(server):
    """Returns a client that bypasses the engine."""
    return Client(load(server.kubeconfig, "turnup-test"))


@pytest.fixture(name="stack")
def fixture_stack(shell, place):
    """Returns the applied plan of web, which depends on redis."""

    def placed(name):
        obj = deployment(name, image="registry.example/x@sha256:" + "0" * 64)
        return {**obj, "metadata": {"name": name, "namespace": place}}

    labels = [f"//{name}:dev" for name in ("redis", "web")]
    shell.make_targets(
        document(labels[0], [namespace(place), placed("redis")]),
        document(labels[1], [placed("web")]),
        services={labels[0]: "redis", labels[1]: "web"},
        deps={labels[1]: [labels[0]]},
    )
    assert shell.run("apply") == 0, shell.err
    return shell


def become_ready(client: Client, place: str, *names: str) -> None:
    """Makes a Deployment ready, as the Deployment controller does."""
    for name in names:
        path = f"/apis/apps/v1/namespaces/{place}/deployments/{name}"
        generation = client.request("GET", path)[1]["metadata"]["generation"]
        client.request(
            "PATCH",
            f"{path}/status",
            content_type=MERGE_PATCH,
            body={"status": {"observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}},
        )


def restrict(shell, client: Client, server, place: str, verbs: list[str]) -> None:
    """Makes the shell's user a ServiceAccount with only the given verbs in its own namespace."""
    rules = [{"apiGroups": ["apps", ""], "resources": ["deployments", "pods", "events"], "verbs": verbs}]
    base = f"/apis/{RBAC}/namespaces/{place}"
    client.request("POST", f"{base}/roles", body={"apiVersion": RBAC, "kind": "Role", "metadata": {"name": "few"}, "rules": rules})
    client.request(
        "POST",
        f"{base}/rolebindings",
        body={
            "apiVersion": RBAC,
            "kind": "RoleBinding",
            "metadata": {"name": "few"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "few"},
            "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": place}],
        },
    )
    accounts = f"/api/v1/namespaces/{place}/serviceaccounts"
    client.request("POST", accounts, body={"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}})
    token = client.request("POST", f"{accounts}/robot/token", body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})[1]["status"][
        "token"
    ]
    config = json.loads(server.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    shell.use(config)


def test_status_then_wait(stack, client, server, place):
    """.status reports what is not ready and changes nothing; .wait ends soon after the last object is ready."""
    writes = server.writes()
    assert stack.run("status") == 1
    assert "… web" in stack.out and f"Deployment {place}/redis: its controller has not seen it yet" in stack.out

    def controller() -> None:
        time.sleep(1.0)
        become_ready(client, place, "redis", "web")

    threading.Thread(target=controller, daemon=True).start()
    assert stack.run("wait", "--timeout=30s") == 0, stack.err
    assert stack.run("status") == 0, stack.out
    # The only writes are the controller's patches.
    assert server.writes() == writes + 2


def test_a_new_generation_is_not_ready(stack, client, place):
    """Old pods that are still ready do not make a changed Deployment ready."""
    become_ready(client, place, "redis", "web")
    assert stack.run("status") == 0, stack.out
    client.request(
        "PATCH",
        f"/apis/apps/v1/namespaces/{place}/deployments/web",
        content_type=MERGE_PATCH,
        body={"spec": {"template": {"metadata": {"labels": {"new": "yes"}}}}},
    )

    assert stack.run("status") == 1
    assert f"Deployment {place}/web: its controller has not seen the change yet" in stack.out


@pytest.mark.parametrize("rights", [["get"], ["get", "list"], ["get", "list", "watch"]])
def test_waiting_with_few_rights(stack, client, server, place, rights):
    """A ServiceAccount of one namespace can wait with any of get, list and watch."""
    labels = [f"//{name}:dev" for name in ("redis", "web")]
    objects = {name: {**deployment(name), "metadata": {"name": name, "namespace": place}} for name in ("redis", "web")}
    stack.make_targets(document(labels[0], [objects["redis"]]), document(labels[1], [objects["web"]]))
    restrict(stack, client, server, place, rights)
    assert stack.run("status") == 1, stack.err

    def controller() -> None:
        time.sleep(1.0)
        become_ready(client, place, "redis", "web")

    threading.Thread(target=controller, daemon=True).start()
    assert stack.run("wait", "--timeout=30s") == 0, stack.err


def put_pod(client: Client, place: str, revision: int, words: str) -> None:
    """Creates a ReplicaSet of a revision of redis, and its pod, which has crashed with the given message."""
    name = f"redis-{revision}"
    meta = {"name": name, "namespace": place, "labels": {"app": "redis", "rs": name}}
    base = deployment("redis")["spec"]
    pod = {"containers": [{"name": "main", "image": "app", "command": [f"v{revision}"]}]}
    made = client.request(
        "POST",
        f"/apis/apps/v1/namespaces/{place}/replicasets",
        body={
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {**meta, "annotations": {"deployment.kubernetes.io/revision": str(revision)}},
            "spec": {**base, "replicas": 0, "selector": {"matchLabels": meta["labels"]}, "template": {"metadata": {"labels": meta["labels"]}, "spec": pod}},
        },
    )[1]
    client.request(
        "POST",
        f"/api/v1/namespaces/{place}/pods",
        body={
            "apiVersion": "v1",
            "kind": "Pod",
            "spec": pod,
            "metadata": {
                **meta,
                "ownerReferences": [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": made["metadata"]["uid"], "controller": True}],
            },
        },
    )
    client.request(
        "PATCH",
        f"/api/v1/namespaces/{place}/pods/{name}/status",
        content_type=MERGE_PATCH,
        body={
            "status": {
                "phase": "Running",
                "containerStatuses": [
                    {
                        "name": "main",
                        "ready": False,
                        "restartCount": 6,
                        "image": "app",
                        "imageID": "",
                        "state": {"terminated": {"reason": "Error", "exitCode": 3, "message": words}},
                    }
                ],
            }
        },
    )


def test_a_cured_deployment_is_waited_for(stack, client, place):
    """Only crashes of the current template's pods end a wait, and values of the cluster's Secrets are masked in their messages."""
    become_ready(client, place, "web")
    path = f"/apis/apps/v1/namespaces/{place}/deployments/redis"
    client.request("PATCH", path, content_type=MERGE_PATCH, body={"metadata": {"annotations": {"deployment.kubernetes.io/revision": "2"}}})
    client.request(
        "PATCH",
        f"{path}/status",
        content_type=MERGE_PATCH,
        body={"status": {"observedGeneration": client.request("GET", path)[1]["metadata"]["generation"], "replicas": 2, "updatedReplicas": 1}},
    )
    name = "leak-0123456789"
    client.request(
        "POST",
        f"/api/v1/namespaces/{place}/secrets",
        body={"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": place}, "stringData": {"password": "Canary-AAAA1111"}},
    )
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "leak-9876543210", "namespace": place, "annotations": {"turnup/base-name": "leak"}},
        "stringData": {"password": "Canary-BBBB2222"},
    }
    redis = {**deployment("redis"), "metadata": {"name": "redis", "namespace": place}}
    stack.make_targets(document("//redis:dev", [redis, secret]), label="//redis:dev")
    put_pod(client, place, 1, "the former one")

    assert stack.run("wait", "--timeout=3s") == 1
    assert f"not ready after 3.0s: //redis:dev: Deployment {place}/redis 1 old replicas are still there; " in stack.err

    put_pod(client, place, 2, "with Canary-AAAA1111")
    assert stack.run("wait", "--timeout=60s") == 1
    assert (
        f"ERROR: //redis:dev: Deployment {place}/redis 1 old replicas are still there (pod redis-2: container main: Error, exit code 3 (with ***)" in stack.err
    )
