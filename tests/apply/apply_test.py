"""Tests that need a real API server: field ownership, definitions, admission, versions, interruption."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

from rules.k8s.testing.plans import config_map, deployment, document, namespace
from rules.k8s.tools.api.client import APPLY_PATCH, Client
from tests.apply.stacks import custom, definition, placed


def service(name: str, place: str, port: int) -> dict[str, Any]:
    """Returns a Service."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": place},
        "spec": {"selector": {"app": name}, "ports": [{"name": "main", "port": port, "protocol": "TCP"}]},
    }


def versions(client: Client, place: str, *plurals: str) -> dict[str, str]:
    """Returns {plural/name: resourceVersion} for all objects of these kinds in a namespace."""
    found = {}
    for plural in plurals:
        root = "/apis/apps/v1" if plural == "deployments" else "/apis/tests.example.com/v1" if plural.endswith("things") else "/api/v1"
        for obj in client.request("GET", f"{root}/namespaces/{place}/{plural}")[1]["items"]:
            found[f"{plural}/{obj['metadata']['name']}"] = obj["metadata"]["resourceVersion"]
    return found


def test_no_order_is_needed(shell, client, place):
    """A closure that lists its namespace and its definitions last is applied in one run, and a second apply changes nothing."""
    kind = "Latething"
    objects = [custom(kind, f"c{number}", place) for number in range(5)] + [
        config_map("settings", place, key="1"),
        service("web", place, 80),
        placed(deployment("web", image="registry.example/web@sha256:" + "0" * 64), place),
        definition(kind),
        namespace(place),
    ]
    shell.make(*objects)

    assert shell.run("apply") == 0, shell.err
    assert f"{len(objects)} created" in shell.err
    before = versions(client, place, "latethings", "configmaps", "services", "deployments")
    assert len(before) == 8
    assert shell.run("apply", "--wait=5s") == 1  # No controller handles Deployments here.
    assert f"{len(objects)} unchanged" in shell.err
    assert versions(client, place, "latethings", "configmaps", "services", "deployments") == before
    assert shell.run("diff") == 0, shell.out


def test_definition_of_another_run(shell, client, home):
    """Right after another run has created a definition, an apply waits until the server serves its kind."""
    for number in range(5):
        kind = f"Earlything{number}"
        shell.make(custom(kind, "c", home))
        client.request("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", body=definition(kind))

        assert shell.run("apply") == 0, shell.err
    shell.make(custom("Nothing", "c", home))
    assert shell.run("apply") == 1
    assert "the cluster does not serve kind Nothing in tests.example.com/v1; correct apiVersion or kind" in shell.err


def test_removed_fields_go(shell, client, place):
    """A key that left the manifest is removed from the object; a key of another manager stays."""
    shell.make(namespace(place), config_map("a", place, mine="1", old="1"))
    shell.run("apply")
    client.request(
        "PATCH",
        f"/api/v1/namespaces/{place}/configmaps/a",
        content_type=APPLY_PATCH,
        query={"fieldManager": "other"},
        body={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"theirs": "2"}},
    )
    shell.make(namespace(place), config_map("a", place, mine="1"))

    assert shell.run("apply") == 0
    assert client.request("GET", f"/api/v1/namespaces/{place}/configmaps/a")[1]["data"] == {"mine": "1", "theirs": "2"}


def test_conflict_names_the_other_manager(shell, client, place):
    """The error for a field that another manager has changed names the manager; an apply takes the field over if asked."""
    shell.make(namespace(place), config_map("a", place, key="1"))
    shell.run("apply")
    client.request(
        "PATCH",
        f"/api/v1/namespaces/{place}/configmaps/a",
        content_type=APPLY_PATCH,
        query={"fieldManager": "autoscaler", "force": "true"},
        body={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"key": "9"}},
    )

    assert shell.run("apply") == 1
    assert "another manager owns .data.key (managed by 'autoscaler')" in shell.err
    assert shell.run("apply", "--force-conflicts") == 0
    assert client.request("GET", f"/api/v1/namespaces/{place}/configmaps/a")[1]["data"] == {"key": "1"}


def test_replace_then_apply(shell, client, place):
    """What .replace wrote does not conflict with the next .apply, and a Service keeps its address."""
    shell.make(namespace(place), service("web", place, 80))
    shell.run("apply")
    address = client.request("GET", f"/api/v1/namespaces/{place}/services/web")[1]["spec"]["clusterIP"]
    shell.make(service("web", place, 81))
    assert shell.run("replace") == 0, shell.err
    shell.make(service("web", place, 82))

    assert shell.run("apply") == 0, shell.err
    spec = client.request("GET", f"/api/v1/namespaces/{place}/services/web")[1]["spec"]
    assert (spec["clusterIP"], spec["ports"][0]["port"]) == (address, 82)


def test_wrong_cluster_sees_no_request(shell, server, place):
    """A target for another context sends no request to the server, by its audit log."""
    shell.make(namespace(place))
    before = len(server.audit_log.read_text().splitlines())

    assert shell.run("apply", "--context", "production") == 3
    assert len(server.audit_log.read_text().splitlines()) == before


def test_invalid_secret_is_refused_without_its_value(shell, place):
    """The server's error about a Secret is printed without the value that it quotes."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": place},
        "type": "kubernetes.io/tls",
        "stringData": {"tls.crt": "canary-4521"},
    }
    shell.make(namespace(place))
    shell.run("apply")
    shell.make(secret)

    assert shell.run("apply") == 1
    assert "the cluster finds it invalid" in shell.err and "tls.key" in shell.err
    assert "canary-4521" not in shell.err


def test_secret_diff_shows_change_not_value(shell, place):
    """.diff shows a changed Secret as changed, with neither of its values."""

    def secret(value: str) -> dict[str, Any]:
        return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": place}, "stringData": {"password": value}}

    shell.make(namespace(place), secret("canary-old"))
    shell.run("apply")
    shell.make(namespace(place), secret("canary-new"))

    assert shell.run("diff") == 1
    assert "*** (before)" in shell.out and "*** (after)" in shell.out
    assert "canary" not in shell.out and "Y2FuYXJ5" not in shell.out


def test_delete_takes_only_its_own(shell, client, place):
    """Delete removes what the target applied, and leaves the namespace and other objects."""
    shell.make(namespace(place), config_map("a", place), config_map("b", place))
    shell.run("apply")
    client.request("POST", f"/api/v1/namespaces/{place}/configmaps", body=config_map("foreign", place))
    shell.make(namespace(place), config_map("a", place), config_map("b", place), config_map("foreign", place))

    assert shell.run("delete") == 0, shell.err
    assert set(versions(client, place, "configmaps")) == {"configmaps/foreign"}


def test_restricted_user_gets_one_sentence(shell, client, server, place):
    """A user with rights in one namespace can apply there, and the error for other namespaces is clear."""
    shell.make(namespace(place), config_map("first", place))
    shell.run("apply")
    base = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{place}"
    client.request(
        "POST",
        f"{base}/roles",
        body={
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "own"},
            "rules": [{"apiGroups": ["", "apps"], "resources": ["*"], "verbs": ["*"]}],
        },
    )
    client.request(
        "POST",
        f"{base}/rolebindings",
        body={
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "own"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "own"},
            "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": place}],
        },
    )
    client.request("POST", f"/api/v1/namespaces/{place}/serviceaccounts", body={"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}})
    token = client.request(
        "POST", f"/api/v1/namespaces/{place}/serviceaccounts/robot/token", body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    )[1]["status"]["token"]
    config = json.loads(server.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    shell.use(config)

    shell.make(config_map("second", place))
    assert shell.run("apply", "--wait=5s") == 0, shell.err
    shell.make(config_map("second", "default"))
    assert shell.run("apply") == 1
    assert "ConfigMap default/second: the cluster forbids it" in shell.err


def test_requests_stay_few(shell, server, place):
    """An apply sends at most 3 requests per object plus 20."""
    objects = [namespace(place)] + [config_map(f"c{number}", place, key="1") for number in range(100)]
    shell.make(*objects)
    for outcome in ("created", "unchanged"):
        before = len(server.audit_log.read_text().splitlines())
        assert shell.run("apply") == 0, shell.err
        assert f"{len(objects)} {outcome}" in shell.err
        assert len(server.audit_log.read_text().splitlines()) - before <= 3 * len(objects) + 20


def test_large_objects_apply_twice(shell, place):
    """A ConfigMap of 900 KiB, too large for a last-applied annotation, is applied, and a second apply changes nothing."""
    shell.make(namespace(place), config_map("big", place, blob="x" * 900 * 1024))

    assert shell.run("apply") == 0, shell.err
    assert shell.run("apply") == 0
    assert "2 unchanged" in shell.err


def test_killed_apply_converges(shell, client, place):
    """After SIGKILL at random moments, the next run leaves every object as an uninterrupted run does."""
    kind = "Killthing"
    objects = [namespace(place), definition(kind)]
    objects += [config_map(f"c{number}", place, key=str(number)) for number in range(60)]
    objects += [custom(kind, f"k{number}", place) for number in range(10)]
    shell.make_targets(*(document(f"//part{part}:dev", objects[part::4]) for part in range(4)))
    program = "import sys; from rules.k8s.tools.verbs import start; start.main(sys.argv[1:])"
    clock = random.Random(5)
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", program, shell.plan, "apply"], stderr=subprocess.DEVNULL, env={**shell.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        )
        time.sleep(clock.uniform(0.15, 0.6))
        process.send_signal(signal.SIGKILL)
        process.wait()

    assert shell.run("apply") == 0, shell.err
    assert len(versions(client, place, "configmaps", "killthings")) == 70
    assert shell.run("apply") == 0
    assert f"{len(objects)} unchanged" in shell.err


def test_events_keep_to_the_schema(shell, client, place):
    """Every event of real runs (apply, wait, diff, describe, delete, failures) matches the published schema, and contains no secret."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": place}, "stringData": {"password": "canary-8841"}}
    bad = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bad", "namespace": place}, "spec": {"ports": [{"port": 0}]}}
    objects = [namespace(place), secret, service("web", place, 80), placed(deployment("web"), place)]
    shell.make(*objects)
    told = shell.events("diff") + shell.events("apply", "--wait=2s") + shell.events("apply") + shell.events("describe")
    shell.make(*objects, bad)
    told += shell.events("apply") + shell.events("show") + shell.events("delete", "--delete-data", "--wait=1s")

    assert {event["event"] for event in told} >= {"object", "summary", "state", "error", "ended", "manifest", "diff", "description"}
    assert {event["outcome"] for event in told if event["event"] == "object"} >= {"created", "unchanged", "failed", "deleted", "absent"}
    assert "canary-8841" not in json.dumps(told) and "Y2FuYXJ5" not in json.dumps(told)
