"""Tests of content-hashed names, generations and rollback, with a real API server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, deployment, document, namespace
from rules.k8s.testing.shell import LABEL, Shell
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.kubeconfig.kubeconfig import load
from rules.k8s.tools.objects.hashed_names import hash_names
from rules.k8s.tools.readiness import waiting
from rules.k8s.tools.stack import history
from rules.k8s.tools.stack.inventory import parent_name
from rules.k8s.tools.stack.members import unpack

CANARY = "canary-8890"


@pytest.fixture(name="client")
def fixture_client(server):
    """Returns a client that bypasses the engine."""
    return Client(load(server.kubeconfig, "turnup-test"))


def stack(place: str, value: str, password: str = CANARY) -> list[dict[str, Any]]:
    """Returns a Deployment with a ConfigMap and a Secret, and a Deployment without them."""
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


def live(client: Client, place: str) -> dict[str, tuple[int, str]]:
    """Returns {Deployment: (its generation, its ConfigMap)}."""
    found: dict[str, tuple[int, str]] = {}
    for obj in client.request("GET", f"/apis/apps/v1/namespaces/{place}/deployments")[1]["items"]:
        volumes = obj["spec"]["template"]["spec"].get("volumes") or [{}]
        found[obj["metadata"]["name"]] = (obj["metadata"]["generation"], volumes[0].get("configMap", {}).get("name", ""))
    return found


def generations(client: Client, place: str, kind: str) -> set[str]:
    """Returns the names of all generations of a kind."""
    return {
        obj["metadata"]["name"] for obj in client.request("GET", f"/api/v1/namespaces/{place}/{kind}", query={"labelSelector": "turnup/base-name"})[1]["items"]
    }


def test_a_change_rolls_its_users_and_a_rollback_restores_them(shell, client, place):
    """A changed value changes the template of only the Deployment that uses it; a rollback restores the old template within seconds."""
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


def test_old_generations_are_removed_after_rollouts(shell, client, place, monkeypatch):
    """After old rollouts, the last three generations stay."""
    from rules.k8s.tools.stack import generations as rules

    client.request("POST", "/api/v1/namespaces", body=namespace(place))
    for number in range(4):
        apply(shell, place, stack(place, str(number)))
        time.sleep(1.1)  # The server's timestamps have whole seconds.
    assert len(generations(client, place, "configmaps")) == 4
    monkeypatch.setattr(rules, "_SETTLED", rules.datetime.timedelta(seconds=0))

    apply(shell, place, stack(place, "4"))

    assert len(generations(client, place, "configmaps")) == 3
    assert len(generations(client, place, "secrets")) == 1


def test_rollback_needs_no_workspace(shell, client, place, tmp_path):
    """A copy of the launcher and its runfiles rolls back within ten seconds, without git and Bazel and with an empty PATH."""
    client.request("POST", "/api/v1/namespaces", body=namespace(place))
    for value in "12":
        apply(shell, place, stack(place, value))
    runfiles = tmp_path / "copied"
    shutil.copytree(os.environ["RUNFILES_DIR"], runfiles, ignore=shutil.ignore_patterns("cluster", "go"))
    shutil.copytree(Path(shell.environ["RUNFILES_DIR"]) / "turnup", runfiles / "turnup", dirs_exist_ok=True)
    environ = {**shell.environ, "RUNFILES_DIR": str(runfiles), "PATH": "/nonexistent"}

    done = subprocess.run(
        [str(runfiles / "turnup/rules/k8s/tools/verbs/k8s_run"), shell.plan, "rollback"],
        env=environ,
        cwd="/",
        text=True,
        capture_output=True,
        timeout=10,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "this is revision 3" in done.stderr
    assert live(client, place)["user"][1] == stack(place, "1")[2]["metadata"]["name"]


def test_a_target_alone_cannot_name_anothers_configuration(shell, client, place):
    """A reference that only the whole closure can resolve fails the apply, and nothing is written."""
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


@pytest.fixture(name="second")
def fixture_second(tmp_path, server):
    """Returns another user with their own checkout."""
    folder = tmp_path / "second"
    folder.mkdir()
    return Shell(folder, json.loads(server.kubeconfig.read_text()))


def use(shell, place: str, value: str) -> None:
    """Writes the plan of the stack with a value."""
    shell.make_targets(document("//svc:stack", stack(place, value), namespace=place))


def generation(place: str, value: str) -> str:
    """Returns the name of the ConfigMap with a value."""
    return stack(place, value)[2]["metadata"]["name"]


@pytest.fixture(name="three")
def fixture_three(shell, client, place):
    """Returns a stack with three applied generations, with distinct timestamps on the server."""
    client.request("POST", "/api/v1/namespaces", body=namespace(place))
    for value in "123":
        apply(shell, place, stack(place, value))
        time.sleep(1.1)
    return place


def meanwhile(monkeypatch, does: Callable[[], None]) -> None:
    """Does something while an apply waits for readiness, which no controller reports here."""
    monkeypatch.setattr(waiting, "wait_ready", lambda *arguments, **options: does())


def test_a_rollback_during_the_wait_keeps_its_configuration(shell, second, client, three, monkeypatch):
    """If another user rolls back while an apply waits, the apply removes no generation that the stack now uses."""

    def goes_back() -> None:
        use(second, three, "4")
        assert second.run("rollback", "--to=1") == 0, second.err

    meanwhile(monkeypatch, goes_back)
    use(shell, three, "4")
    assert shell.run("apply", "--wait=20s") == 0, shell.err

    assert live(client, three)["user"][1] == generation(three, "1")
    assert generations(client, three, "configmaps") == {generation(three, value) for value in "1234"}


def test_what_a_live_object_refers_to_stays(shell, client, three, monkeypatch):
    """A generation to which a user has pointed a Deployment by hand is not removed."""

    def points() -> None:
        client.request(
            "PATCH",
            f"/apis/apps/v1/namespaces/{three}/deployments/user",
            content_type="application/strategic-merge-patch+json",
            body={"spec": {"template": {"spec": {"volumes": [{"name": "settings", "configMap": {"name": generation(three, "1")}}]}}}},
        )

    meanwhile(monkeypatch, points)
    use(shell, three, "4")
    assert shell.run("apply", "--wait=20s") == 0, shell.err
    assert generation(three, "1") in generations(client, three, "configmaps")


def test_old_generations_go_after_the_wait(shell, client, three, monkeypatch):
    """After its wait, an apply removes the oldest generation, also from the inventory; but not while another run writes."""
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{three}/leases/{parent_name(LABEL)}"

    def writes() -> None:
        held = client.request("GET", lease)[1]
        held["spec"] |= {"holderIdentity": "jane@elsewhere (pid 1)"}
        held["metadata"].pop("annotations")
        client.request("PUT", lease, body=held)

    meanwhile(monkeypatch, writes)
    use(shell, three, "4")
    assert shell.run("apply", "--wait=20s") == 0, shell.err
    assert len(generations(client, three, "configmaps")) == 4
    client.request("DELETE", lease)

    meanwhile(monkeypatch, lambda: None)
    assert shell.run("apply", "--wait=20s") == 0, shell.err
    assert generations(client, three, "configmaps") == {generation(three, value) for value in "234"}
    parent = client.request("GET", f"/api/v1/namespaces/{three}/configmaps/{parent_name(LABEL)}")[1]
    assert {identity.name for identity in unpack(parent["binaryData"]["members"], "") if identity.kind == "ConfigMap"} == {
        generation(three, value) for value in "234"
    }
    before = server_changes(client, three)
    assert shell.run("apply", "--wait=20s") == 0 and server_changes(client, three) == before


def server_changes(client: Client, place: str) -> dict[str, str]:
    """Returns the resourceVersion of the stack's inventory and lease."""
    return {
        path: client.request("GET", f"{path}/{parent_name(LABEL)}")[1]["metadata"]["resourceVersion"]
        for path in (f"/api/v1/namespaces/{place}/configmaps", f"/apis/coordination.k8s.io/v1/namespaces/{place}/leases")
    }


def test_the_history_is_written_with_the_lease(shell, client, place, monkeypatch):
    """A run holds the lease while it writes a revision or deletes the history; the next run records a killed run's revision."""
    client.request("POST", "/api/v1/namespaces", body=namespace(place))
    held = []

    def look(real: Callable[..., Any]) -> Callable[..., Any]:
        def looking(*arguments: Any, **options: Any) -> Any:
            lease = client.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/{place}/leases/{parent_name(LABEL)}")[1]
            held.append(bool(lease["spec"]["holderIdentity"]))
            return real(*arguments, **options)

        return looking

    with monkeypatch.context() as patch:
        patch.setattr(history, "record", lambda *arguments, **options: (_ for _ in ()).throw(KeyboardInterrupt))
        use(shell, place, "1")
        assert shell.run("apply") == 130
    for verb in ("record", "forget"):
        monkeypatch.setattr(history, verb, look(getattr(history, verb)))
    assert shell.run("apply") == 0 and "4 unchanged" in shell.err and "this is revision 1" in shell.err
    assert shell.run("apply") == 0 and "revision" not in shell.err
    apply(shell, place, stack(place, "2"))
    assert shell.run("rollback") == 0, shell.err
    assert shell.run("delete") == 0, shell.err
    assert held == [True] * 4


def test_a_target_that_was_renamed(shell, client, place, second):
    """If a target is renamed, the objects in its inventory stay its own, in an apply and in a rollback; another stack's don't."""
    client.request("POST", "/api/v1/namespaces", body=namespace(place))
    objects = [config_map("stable", place, key="1"), *stack(place, "1")]
    path = f"/api/v1/namespaces/{place}/configmaps/stable"

    def owner() -> str:
        return client.request("GET", path)[1]["metadata"]["annotations"]["turnup/target"]

    shell.make_targets(document("//python/redis:dev", objects, namespace=place))
    assert shell.run("apply") == 0, shell.err
    before = client.request("GET", path)[1]["metadata"]["uid"]
    shell.make_targets(document("//services/redis:dev", objects, namespace=place))
    assert shell.run("apply", "--prune") == 0, shell.err
    assert owner() == "//services/redis:dev" and client.request("GET", path)[1]["metadata"]["uid"] == before
    assert shell.run("rollback") == 0, shell.err
    assert owner() == "//python/redis:dev"

    second.make_targets(document("//other/redis:dev", objects, namespace=place), label="//other:dev-deep")
    assert second.run("apply") == 1
    assert f"//other/redis:dev: ConfigMap {place}/stable belongs to //python/redis:dev" in second.err and "'.apply -- --adopt'" in second.err
    assert second.run("apply", "--adopt") == 0, second.err
    shell.make_targets(document("//services/redis:dev", objects, namespace=place))
    assert shell.run("apply") == 1 and "belongs to //other/redis:dev" in shell.err
    assert owner() == "//other/redis:dev"
