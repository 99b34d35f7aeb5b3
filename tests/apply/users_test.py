"""Tests of one target that several users apply as their stacks, and of a stack with changing namespaces, with a real API server."""

from __future__ import annotations

import json

import pytest

from rules.k8s.testing.plans import config_map, deployment, document, namespace
from rules.k8s.testing.shell import LABEL, Shell
from rules.k8s.tools.stack import inventory
from rules.k8s.tools.stack.members import unpack
from rules.k8s.tools.write import transaction
from tests.apply.stacks import make_namespace, maps, placed

SHARED_NAMESPACE = "/api/v1/namespaces/kube-system"


@pytest.fixture(name="users")
def fixture_users(tmp_path, server, shell, place):
    """Returns two users with a checkout and a namespace each, which does not exist yet: {namespace: shell}."""
    folder = tmp_path / "joe"
    folder.mkdir()
    return {f"{place}-jane": shell, f"{place}-joe": Shell(folder, json.loads(server.kubeconfig.read_text()))}


def lists(client, stack: str = LABEL) -> set[str]:
    """Returns the names of one target's inventories in kube-system."""
    return {
        obj["metadata"]["name"]
        for obj in client.request("GET", f"{SHARED_NAMESPACE}/configmaps")[1]["items"]
        if (obj["metadata"].get("annotations") or {}).get("turnup/stack") == stack
    }


def deployments(client, place: str) -> dict[str, str]:
    """Returns {Deployment of a namespace: its image}."""
    return {
        obj["metadata"]["name"]: obj["spec"]["template"]["spec"]["containers"][0]["image"]
        for obj in client.request("GET", f"/apis/apps/v1/namespaces/{place}/deployments")[1]["items"]
    }


def test_a_stack_that_makes_its_namespace(users, client):
    """Prune and delete of one user keep what the same target created for another user, including the namespace."""

    def make(own: str, *names: str) -> None:
        users[own].make_targets(
            document("//team:stack", [namespace(own), placed(deployment("web"), own), *(config_map(name, own) for name in names)], namespace=own),
            label="//team:stack",
        )

    jane, joe = users
    for own in users:
        make(own, "stays", "goes")
        assert users[own].run("apply", "--prune", "--delete-data") == 0, users[own].err
        assert "deleted" not in users[own].err and "left the stack" not in users[own].err
    assert all(set(deployments(client, own)) == {"web"} for own in users)

    make(joe, "stays")
    assert users[joe].run("apply", "--prune") == 0, users[joe].err
    assert set(maps(client, jane)) == {"stays", "goes"} and set(maps(client, joe)) == {"stays"}
    assert users[joe].run("delete") == 0, users[joe].err
    assert set(deployments(client, jane)) == {"web"} and set(maps(client, jane)) == {"stays", "goes"}
    assert not deployments(client, joe) and not maps(client, joe)
    make(jane, "stays")
    assert users[jane].run("apply", "--prune") == 0, users[jane].err
    assert set(maps(client, jane)) == {"stays"}


def test_a_stack_of_several_namespaces(users, client, home):
    """Prune, rollback and delete of one user touch neither another user's part nor what both share."""

    def make(own: str, image: str, *names: str) -> None:
        users[own].make_targets(
            document("//team:db", [config_map("db", home)], namespace=home),
            document("//team:app", [placed(deployment("app", image), own), *(config_map(name, own) for name in names)], namespace=own),
        )

    jane, joe = users
    for own in users:
        make_namespace(client, own)
    for own, image in ((jane, "jane-1"), (joe, "joe-1"), (jane, "jane-2"), (joe, "joe-2")):
        make(own, image, image)
        assert users[own].run("apply", "--prune") == 0, users[own].err
    assert deployments(client, jane) == {"app": "jane-2"} and deployments(client, joe) == {"app": "joe-2"}
    assert set(maps(client, jane)) == {"jane-2"} and set(maps(client, joe)) == {"joe-2"}
    assert users[joe].run("apply", "--prune") == 0 and "3 unchanged" in users[joe].err

    assert users[joe].run("rollback") == 0, users[joe].err
    assert deployments(client, joe) == {"app": "joe-1"} and set(maps(client, joe)) == {"joe-1"}
    assert deployments(client, jane) == {"app": "jane-2"} and set(maps(client, jane)) == {"jane-2"}
    assert users[joe].run("delete") == 0, users[joe].err
    assert f"kept        ConfigMap {home}/db: is also part of {LABEL} for {home}, {jane}" in users[joe].err
    assert not deployments(client, joe) and deployments(client, jane) == {"app": "jane-2"} and set(maps(client, home)) == {"db"}
    assert users[jane].run("rollback") == 0 and deployments(client, jane) == {"app": "jane-1"}
    assert users[jane].run("delete") == 0, users[jane].err
    assert not deployments(client, jane) and not maps(client, home) and not lists(client)


def test_a_stack_that_gets_a_namespace_and_loses_it(shell, client, home, place):
    """A stack whose set of namespaces grows and shrinks stays one stack: what left it is pruned, and there is one inventory."""
    second, third = f"{place}-second", f"{place}-third"
    parts = {}
    for name in (home, second, third):
        if name != home:
            make_namespace(client, name)
        parts[name] = document(f"//{name}:dev", [config_map("stays", name)], namespace=name)
    first = document(f"//{home}:dev", [config_map("stays", home), config_map("goes", home)], namespace=home)
    shell.make_targets(first)
    assert shell.run("apply") == 0, shell.err
    for sets in ([first, parts[second]], [parts[home], parts[second], parts[third]], [parts[home], parts[third]]):
        shell.make_targets(*sets)
        assert shell.run("apply", "--prune") == 0, shell.err
    assert set(maps(client, home)) == {"stays"} and not maps(client, second) and set(maps(client, third)) == {"stays"}
    assert len(lists(client)) == 1
    before = shell.run("diff", "--prune"), lists(client)
    assert before[0] == 0, shell.out

    shell.make_targets(parts[home])
    assert shell.run("apply", "--prune") == 0, shell.err
    assert not maps(client, third) and not lists(client)


def test_a_target_that_moves(shell, client, home, place):
    """A target that left a namespace may be another user's, so its objects there are deleted only if the user says so."""
    old, new = f"{place}-old", f"{place}-new"
    for name in (old, new):
        make_namespace(client, name)

    def make(own: str, *names: str) -> None:
        shell.make_targets(
            document("//fixed:dev", [config_map(name, home) for name in names], namespace=home),
            document("//moves:dev", [config_map("app", own)], namespace=own),
        )

    make(old, "stays", "goes")
    assert shell.run("apply") == 0, shell.err
    make(new, "stays")
    assert shell.run("apply", "--prune") == 0, shell.err
    assert set(maps(client, old)) == {"app"} and set(maps(client, home)) == {"stays", "goes"}

    assert shell.run("diff", "--prune", f"--moved-from={old}") == 1
    assert f"{old}/app" in shell.out and f"{home}/goes" in shell.out and f"{new}/app" not in shell.out
    assert shell.run("apply", "--prune", f"--moved-from={old}") == 0, shell.err
    assert not maps(client, old) and set(maps(client, home)) == {"stays"} and set(maps(client, new)) == {"app"}
    assert len(lists(client)) == 1
    assert shell.run("apply", "--prune") == 0 and "2 unchanged" in shell.err
    assert shell.run("delete") == 0, shell.err
    assert not maps(client, home) and not maps(client, new) and not lists(client)


def test_a_target_that_moved_is_deleted_where_it_was(shell, client, home, place):
    """A delete also keeps the objects of the old inventory, and deletes them only if the user says that the old namespace was this stack's."""
    for name in ("old", "new"):
        make_namespace(client, f"{place}-{name}")
        shell.make_targets(
            document("//fixed:dev", [config_map("stays", home)], namespace=home),
            document("//moves:dev", [config_map("app", f"{place}-{name}")], namespace=f"{place}-{name}"),
        )
        assert shell.run("apply") == 0, shell.err
    assert shell.run("delete") == 0, shell.err
    assert set(maps(client, home)) == {"stays"} and set(maps(client, f"{place}-old")) == {"app"} and not maps(client, f"{place}-new")
    assert shell.run("delete", f"--moved-from={place}-old") == 0, shell.err
    assert not maps(client, home) and not maps(client, f"{place}-old") and not lists(client)


def test_killed_while_it_takes_a_list_over(shell, client, home, place, monkeypatch):
    """If a run is killed between writing its inventory and deleting the old one, the next run completes it and leaves one inventory."""
    second = f"{place}-second"
    make_namespace(client, second)
    both = [document("//one:dev", [config_map("a", home)], namespace=home), document("//two:dev", [config_map("a", second)], namespace=second)]
    shell.make_targets(both[0])
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(*both)
    with monkeypatch.context() as patch:
        patch.setattr(transaction, "remove_parent", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
        assert shell.run("apply", "--prune") == 130
    path = f"/api/v1/namespaces/{home}/configmaps/{inventory.parent_name(LABEL)}"
    assert client.request("GET", path)[0] == 200

    assert shell.run("apply", "--prune") == 0, shell.err
    assert set(maps(client, home)) == set(maps(client, second)) == {"a"}
    assert not [
        obj for obj in client.request("GET", f"/api/v1/namespaces/{home}/configmaps")[1]["items"] if obj["metadata"]["name"] == inventory.parent_name(LABEL)
    ]
    assert len(lists(client)) == 1


def test_a_list_that_two_users_had_together(users, client):
    """From an inventory that an earlier version shared between two users, each user takes their own objects and prunes none of the other's."""

    def make(own: str, *names: str) -> None:
        users[own].make_targets(document("//team:stack", [namespace(own), *(config_map(name, own) for name in names)], namespace=own), label="//team:stack")

    jane, joe = users
    members = []
    for own in users:
        make(own, "stays", "goes")
        assert users[own].run("apply") == 0, users[own].err
    for obj in client.request("GET", f"{SHARED_NAMESPACE}/configmaps")[1]["items"]:
        if (obj["metadata"].get("annotations") or {}).get("turnup/stack") == "//team:stack":
            members += unpack(obj["binaryData"]["members"], "").values()
            client.request("DELETE", f"{SHARED_NAMESPACE}/configmaps/{obj['metadata']['name']}")
    former = inventory.parent_object(inventory.ApplySetParent("//team:stack", "kube-system", {}), {member.identity: member for member in members})
    client.request("POST", f"{SHARED_NAMESPACE}/configmaps", body=former)

    for own in (joe, jane):
        make(own, "stays")
        assert users[own].run("apply", "--prune") == 0, users[own].err
    assert set(maps(client, jane)) == set(maps(client, joe)) == {"stays"}
    client.request("DELETE", f"{SHARED_NAMESPACE}/configmaps/{former['metadata']['name']}")
