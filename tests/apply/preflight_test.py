"""Tests of the checks before the first write, and of accounts with few rights, with a real API server."""

from __future__ import annotations

import json

import pytest

from rules.k8s.testing.plans import config_map, deployment, document, namespace
from rules.k8s.testing.shell import LABEL
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError
from tests.apply.stacks import make_maps, maps


def test_one_bad_object_means_no_write_at_all(shell, client, server, home):
    """Errors of all objects (schema, values, unknown namespace) are reported at once, and nothing of the closure is written."""
    unknown, invalid = deployment("unknown"), deployment("invalid")
    unknown["spec"]["replica"] = 3
    invalid["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 99999}]
    for obj in (unknown, invalid):
        obj["metadata"]["namespace"] = home
    good = [config_map(f"good{number}", home) for number in range(5)]
    shell.make_targets(document("//a:dev", [*good, unknown], namespace=home), document("//b:dev", [invalid], namespace=home))
    before = server.changes()

    assert shell.run("apply") == 1
    assert server.changes() == before
    assert "ERROR: //a:dev: Deployment " in shell.err and ".spec.replica" in shell.err
    assert "ERROR: //b:dev: Deployment " in shell.err and "99999" in shell.err
    assert shell.err.splitlines()[-1] == f"ERROR: {LABEL}: 2 refusals in 7 objects; nothing was written."


def test_immutable_field_is_refused_before_the_first_write(shell, client, server, home):
    """A change of an immutable selector is reported before anything is written."""
    shell.make_targets(document("//svc:dev", [{**deployment("web"), "metadata": {"name": "web", "namespace": home}}], namespace=home))
    assert shell.run("apply") == 0, shell.err
    other = {**deployment("web"), "metadata": {"name": "web", "namespace": home}}
    other["spec"]["selector"]["matchLabels"] = other["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    shell.make_targets(document("//svc:dev", [config_map("new", home), other], namespace=home))
    before = server.changes()

    assert shell.run("apply") == 1
    assert "touches an immutable field" in shell.err and "spec.selector" in shell.err
    assert server.changes() == before


def test_new_namespace_does_not_hide_what_is_wrong(shell, client, place):
    """Objects in the run's own new namespace are checked before the namespace is created."""
    wrong = deployment("web")
    wrong["metadata"]["namespace"] = place
    wrong["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 99999}]
    shell.make(namespace(place), wrong)

    assert shell.run("apply") == 1
    assert "99999" in shell.err
    with pytest.raises(ApiError):
        client.request("GET", f"/api/v1/namespaces/{place}")


def test_quota_is_compared_before_the_first_write(shell, client, server, home):
    """A closure that needs more pods than the namespace's quota allows is rejected as a whole."""
    client.request(
        "POST",
        f"/api/v1/namespaces/{home}/resourcequotas",
        body={"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": {"hard": {"pods": "3"}}},
    )
    objects = [{**deployment(name, replicas=2), "metadata": {"name": name, "namespace": home}} for name in ("one", "two")]
    shell.make_targets(document("//svc:dev", objects, namespace=home))
    before = server.changes()

    assert shell.run("apply") == 1
    assert f"namespace {home}: the objects request 4 pods, and the quota small allows 3" in shell.err
    assert server.changes() == before


def test_what_others_use_of_a_quota_is_counted(shell, client, server, home):
    """If a quota has space for one object, two new objects are rejected as a whole, and one is accepted."""
    path = f"/api/v1/namespaces/{home}/resourcequotas"
    client.request("POST", path, body={"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "few"}, "spec": {"hard": {"count/configmaps": "5"}}})
    client.request(
        "PATCH",
        f"{path}/few/status",
        content_type="application/merge-patch+json",
        body={"status": {"hard": {"count/configmaps": "5"}, "used": {"count/configmaps": "3"}}},
    )
    make_maps(shell, home, "a", "b", "c")
    before = server.changes()

    assert shell.run("apply") == 1
    assert f"namespace {home}: the new objects request 3 count/configmaps, and the quota few allows 5, of which 3 are in use" in shell.err
    assert server.changes() == before
    make_maps(shell, home, "a")
    assert shell.run("apply") == 0, shell.err


def test_secret_values_of_the_server_stay_there(shell, client, home):
    """An error about a Secret does not contain a value that only the server knows."""
    client.request(
        "POST",
        f"/api/v1/namespaces/{home}/secrets",
        body={
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "s", "annotations": {"turnup/target": "//svc:dev"}},
            "immutable": True,
            "stringData": {"password": "canary-3361"},
        },
    )
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": home}, "immutable": True, "stringData": {"other": "x1y2z3"}}
    shell.make_targets(document("//svc:dev", [secret], namespace=home))

    assert shell.run("apply") == 1
    assert "Secret" in shell.err and "data: " in shell.err
    assert "canary-3361" not in shell.err and "Y2FuYXJ5" not in shell.err and "x1y2z3" not in shell.err


def test_unchanged_stack_is_not_written_at_all(shell, server, home):
    """A second apply writes nothing: no object, no inventory and no lease."""
    objects = [
        config_map("a", home, key="1"),
        {**deployment("web"), "metadata": {"name": "web", "namespace": home}},
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": home}, "stringData": {"password": "p"}},
    ]
    shell.make_targets(document("//svc:dev", objects, namespace=home))
    assert shell.run("apply") == 0, shell.err
    before = server.changes()

    assert shell.run("apply") == 0
    assert "3 unchanged" in shell.err
    assert server.changes() == before


def test_drift_is_repaired(shell, client, home):
    """A field that was removed by hand is restored; a field that another manager has changed is a conflict that names the manager."""
    make_maps(shell, home, "a")
    shell.run("apply")
    client.request("PATCH", f"/api/v1/namespaces/{home}/configmaps/a", content_type="application/merge-patch+json", body={"data": {"key": None}})

    assert shell.run("apply") == 0, shell.err
    assert maps(client, home)["a"]["data"] == {"key": "1"}
    client.request(
        "PATCH",
        f"/api/v1/namespaces/{home}/configmaps/a",
        content_type="application/merge-patch+json",
        body={"data": {"key": "2"}},
        query={"fieldManager": "by-hand"},
    )
    assert shell.run("apply") == 1
    assert "another manager owns .data.key (managed by 'by-hand')" in shell.err


def test_foreign_object_needs_adopting(shell, client, server, home):
    """An object of another owner is neither changed nor deleted, and the error names the owner."""
    client.request("POST", f"/api/v1/namespaces/{home}/configmaps", body=config_map("a", home, theirs="1"), query={"fieldManager": "by-hand"})
    make_maps(shell, home, "a", "b")
    before = server.changes()

    assert shell.run("apply") == 1
    assert f"ConfigMap {home}/a already exists and was created by 'by-hand'" in shell.err
    assert server.changes() == before
    assert shell.run("apply", "--adopt") == 0
    assert maps(client, home)["a"]["data"] == {"theirs": "1", "key": "1"}


@pytest.mark.parametrize("count", [1, 3])
def test_all_options_that_a_takeover_needs_are_named_at_once(shell, client, server, home, count):
    """If taking over an object needs two options, the error of every run without both names both."""
    names = [f"o{index}" for index in range(count)]
    for name in names:
        client.request("POST", f"/api/v1/namespaces/{home}/configmaps", body=config_map(name, home, key="theirs"), query={"fieldManager": "kubectl-create"})
    shell.make_targets(document("//svc:dev", [config_map(name, home, key="ours") for name in names], namespace=home))
    before = server.changes()

    for options in ([], ["--adopt"], ["--force-conflicts"]):
        assert shell.run("apply", *options) == 1
        assert shell.err.count("--adopt --force-conflicts'") == count, shell.err
    assert server.changes() == before
    assert shell.run("apply", "--adopt", "--force-conflicts") == 0, shell.err
    assert maps(client, home)["o0"]["data"] == {"key": "ours"}
    assert shell.run("create", "--adopt") == 2 and ".create does not take --adopt; it belongs to .apply, .diff." in shell.err


@pytest.mark.parametrize(
    ("obj", "said"),
    [
        (
            {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {"name": "t"}, "spec": {"token": "x"}},
            "TokenReview t: TokenReview objects are not stored, so they cannot be applied",
        ),
        (
            {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "b"}, "target": {"kind": "Node", "name": "n"}},
            "Binding objects are not stored, so they cannot be applied",
        ),
        (config_map("big", "default", key="x" * 8_500_000), "ConfigMap default/big is too large for the API server ("),
    ],
    ids=["TokenReview", "Binding", "large"],
)
def test_objects_that_cannot_be_stored_are_named(shell, server, obj, said):
    """The errors for a kind that can't be stored and for an object that is too large are specific, and nothing is written."""
    shell.make_targets(document("//svc:dev", [obj], namespace="default"))
    before = server.changes()

    assert shell.run("apply") == 1
    assert said in shell.err and "does not answer" not in shell.err
    assert server.changes() == before


def test_account_of_one_namespace_applies_and_prunes(shell, client, server, home):
    """With the rights of `edit` in one namespace, apply, prune, diff and delete work."""
    client.request("POST", f"/api/v1/namespaces/{home}/serviceaccounts", body={"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}})
    for role in ("system:aggregate-to-edit", "system:aggregate-to-view"):  # A controller aggregates the rules of `edit`.
        client.request(
            "POST",
            f"/apis/rbac.authorization.k8s.io/v1/namespaces/{home}/rolebindings",
            body={
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"generateName": "robot-"},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": home}],
            },
        )
    use_token(shell, client, server, home)
    make_maps(shell, home, "a", "b")

    assert shell.run("apply") == 0, shell.err
    assert "note:" not in shell.err
    make_maps(shell, home, "b")
    assert shell.run("diff", "--prune") == 1
    assert shell.run("apply", "--prune") == 0, shell.err
    assert set(maps(client, home)) == {"b"}
    make_maps(shell, "default", "b")
    assert shell.run("apply") == 1
    assert "ConfigMap default/b: the cluster forbids it" in shell.err
    make_maps(shell, home, "b")
    assert shell.run("delete") == 0, shell.err
    assert not maps(client, home)


def test_account_without_leases_and_lists_applies(shell, client, server, home):
    """An account that may only write Deployments can apply them, and the run reports the consequences."""
    client.request("POST", f"/api/v1/namespaces/{home}/serviceaccounts", body={"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}})
    client.request(
        "POST",
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{home}/roles",
        body={
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "own"},
            "rules": [{"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "create", "patch"]}],
        },
    )
    client.request(
        "POST",
        f"/apis/rbac.authorization.k8s.io/v1/namespaces/{home}/rolebindings",
        body={
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "own"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "own"},
            "subjects": [{"kind": "ServiceAccount", "name": "robot", "namespace": home}],
        },
    )
    use_token(shell, client, server, home)
    objects = [{**deployment(name), "metadata": {"name": name, "namespace": home}} for name in ("one", "two", "three", "four")]
    shell.make_targets(document("//svc:dev", objects, namespace=home))

    assert shell.run("apply") == 0, shell.err
    assert "4 created" in shell.err and "may not use Leases" in shell.err
    assert shell.run("apply") == 0 and "4 unchanged" in shell.err, shell.err
    assert shell.run("apply", "--prune") == 1
    assert f"may not read ConfigMaps in {home}" in shell.err


def use_token(shell, client: Client, server, place: str) -> None:
    """Makes a shell use the ServiceAccount robot of a namespace."""
    token = client.request(
        "POST", f"/api/v1/namespaces/{place}/serviceaccounts/robot/token", body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    )[1]["status"]["token"]
    config = json.loads(server.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    shell.use(config)


@pytest.mark.parametrize("count", [2, 4])
def test_create_asks_three_times_of_an_object(shell, client, server, home, count):
    """A create reads, tries and creates each object, for few and for many objects of a kind; an existing object rejects the whole run."""
    names = [f"c{index}" for index in range(count)]
    make_maps(shell, home, *names)
    seen = len(server.audit())
    assert shell.run("create") == 0, shell.err
    asked = [
        event["objectRef"].get("name")
        for event in server.audit()[seen:]
        if (event.get("objectRef") or {}).get("resource") == "configmaps" and event["objectRef"].get("namespace") == home
    ]
    assert all(0 < asked.count(name) <= 3 for name in names)

    for name, value in (("ours", "2"), ("theirs", "1")):
        shell.make_targets(document("//svc:dev", [config_map(each, home, key=value) for each in (*names, "theirs")], namespace=home))
        if name == "theirs":
            assert shell.run("delete") == 0, shell.err
            client.request("POST", f"/api/v1/namespaces/{home}/configmaps", body=config_map("theirs", home, key="0"))
        writes = server.changes()
        assert shell.run("create") == 1
        there = f"ConfigMap {home}/{'theirs' if name == 'theirs' else 'c0'}"
        assert there in shell.err.splitlines()[-1] and "already in the cluster; nothing was sent. Use .apply" in shell.err
        assert server.changes() == writes
