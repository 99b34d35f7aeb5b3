"""Content-hashed names, generations and rollback against a real API server."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, deployment, document, namespace
from rules.k8s.tools.client import Client
from rules.k8s.tools.config_names import hash_names
from rules.k8s.tools.kubeconfig import load

CANARY = "canary-8890"


@pytest.fixture(name="client")
def fixture_client(server):
    """Requests to the server, past the engine."""
    return Client(load(server.kubeconfig, "turnup-test"))


def stack(place: str, value: str, password: str = CANARY) -> list[dict[str, Any]]:
    """Returns a Deployment with a ConfigMap and a Secret, and one that uses neither."""
    user, other = deployment("user", image="registry.example/a@sha256:" + "0" * 64), deployment("other", image="registry.example/b@sha256:" + "0" * 64)
    user["spec"]["template"]["spec"] |= {"volumes": [{"name": "settings", "configMap": {"name": "settings"}}]}
    user["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": "key"}}]
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "stringData": {"password": password}}
    objects = [user, other, config_map("settings", key=value), secret]
    return hash_names([{**obj, "metadata": {**obj["metadata"], "namespace": place}} for obj in objects])


def apply(shell, place: str, objects: list[dict[str, Any]]) -> None:
    """Applies a target of one namespace."""
    shell.make_targets(document("//svc:stack", objects, namespace=place))
    assert shell.run("apply") == 0, shell.err


def live(client: Client, place: str) -> dict[str, tuple[str, str]]:
    """Returns {Deployment: (its generation, its ConfigMap)}."""
    found = {}
    for obj in client.request("GET", f"/apis/apps/v1/namespaces/{place}/deployments")[1]["items"]:
        volumes = obj["spec"]["template"]["spec"].get("volumes") or [{}]
        found[obj["metadata"]["name"]] = (obj["metadata"]["generation"], volumes[0].get("configMap", {}).get("name", ""))
    return found


def generations(client: Client, place: str, kind: str) -> set[str]:
    """Returns the names of all generations of a kind."""
    return {obj["metadata"]["name"] for obj in client.request(
        "GET", f"/api/v1/namespaces/{place}/{kind}", query={"labelSelector": "turnup/base-name"})[1]["items"]}


def test_a_change_rolls_its_users_and_a_rollback_restores_them(shell, client, place):
    """A changed value gives the one Deployment that uses it a new template; a rollback brings the old one back, in seconds."""
    client.request("POST", "/api/v1/namespaces", body=namespace(place))
    apply(shell, place, stack(place, "1"))
    first = live(client, place)
    apply(shell, place, stack(place, "1"))
    assert "4 unchanged" in shell.err and live(client, place) == first

    apply(shell, place, stack(place, "2", password="another"))
    second = live(client, place)
    assert second["other"] == first["other"]
    assert second["user"][0] == first["user"][0] + 1 and second["user"][1] != first["user"][1]

    assert shell.run("rollback") == 0, shell.err
    back = live(client, place)
    assert back["user"][1] == first["user"][1] and back["other"] == first["other"]
    assert len(generations(client, place, "configmaps")) == len(generations(client, place, "secrets")) == 2
    revisions = client.request("GET", f"/api/v1/namespaces/{place}/secrets", query={"fieldSelector": "type=turnup/revision"})[1]["items"]
    assert len(revisions) == 3
    assert shell.run("rollback", "--list") == 0
    assert len(shell.out.splitlines()) == 4
    assert CANARY not in shell.out + shell.err

    assert shell.run("delete") == 0, shell.err
    for kind in ("configmaps", "secrets"):
        left = client.request("GET", f"/api/v1/namespaces/{place}/{kind}")[1]["items"]
        assert [obj["metadata"]["name"] for obj in left if obj["metadata"]["name"] != "kube-root-ca.crt"] == []


def test_old_generations_go_when_their_time_has_come(shell, client, place, monkeypatch):
    """With rollouts long ended, the last three generations stay."""
    from rules.k8s.tools import generations as rules

    client.request("POST", "/api/v1/namespaces", body=namespace(place))
    for number in range(4):
        apply(shell, place, stack(place, str(number)))
        time.sleep(1.1)  # The server's times have whole seconds.
    assert len(generations(client, place, "configmaps")) == 4
    monkeypatch.setattr(rules, "_SETTLED", rules.datetime.timedelta(seconds=0))

    apply(shell, place, stack(place, "4"))

    assert len(generations(client, place, "configmaps")) == 3
    assert len(generations(client, place, "secrets")) == 1


def test_rollback_needs_no_workspace(shell, client, place, tmp_path):
    """The launcher's files, copied away, roll back within ten seconds with no git, no Bazel and an empty PATH."""
    client.request("POST", "/api/v1/namespaces", body=namespace(place))
    for value in "12":
        apply(shell, place, stack(place, value))
    runfiles = tmp_path / "copied"
    shutil.copytree(os.environ["RUNFILES_DIR"], runfiles, ignore=shutil.ignore_patterns("cluster", "go"))
    shutil.copytree(Path(shell.environ["RUNFILES_DIR"]) / "turnup", runfiles / "turnup", dirs_exist_ok=True)
    environ = {**shell.environ, "RUNFILES_DIR": str(runfiles), "PATH": "/nonexistent"}

    done = subprocess.run([str(runfiles / "turnup/rules/k8s/tools/k8s_run"), shell.plan, "rollback"], env=environ, cwd="/", text=True, capture_output=True, timeout=10)

    assert done.returncode == 0, done.stderr
    assert "this is revision 3" in done.stderr
    assert live(client, place)["user"][1] == stack(place, "1")[2]["metadata"]["name"]


def test_a_target_alone_cannot_name_anothers_configuration(shell, client, place):
    """A reference that only the whole closure can follow ends the apply with nothing written."""
    client.request("POST", "/api/v1/namespaces", body=namespace(place))
    apply(shell, place, stack(place, "1"))
    before = live(client, place)
    user = deployment("late", image="registry.example/a@sha256:" + "0" * 64)
    user["metadata"]["namespace"] = place
    user["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "settings"}}]
    shell.make_targets(document("//other:dev", [user], namespace=place))

    assert shell.run("apply") == 1
    assert "uses ConfigMap settings, which //svc:stack applies under a name that changes with its content" in shell.err
    assert live(client, place) == before
