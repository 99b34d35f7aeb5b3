"""Tests of what belongs to a stack: inventory, prune and delete, with a real API server."""

from __future__ import annotations

import subprocess
import time

from rules.k8s.testing.plans import config_map, deployment, document, namespace
from rules.k8s.testing.shell import LABEL
from rules.k8s.tools.objects.hashed_names import hash_names
from rules.k8s.tools.stack.inventory import PART_OF, applyset_id, parent_name
from rules.k8s.tools.write import live_stack
from rules.k8s.tools.write.live_stack import LiveStack
from tests.apply.stacks import custom, definition, exists, make_maps, maps

OTHER = "//python/redis:dev-deep"


def test_prune_deletes_previous_minus_current(shell, client, server, home):
    """Objects that left a set are pruned, after a preview; a second prune changes nothing."""
    make_maps(shell, home, "a", "b", "c")
    assert shell.run("apply") == 0, shell.err
    make_maps(shell, home, "b", "d")

    before = server.changes()
    assert shell.run("diff", "--prune") == 1
    assert f"--- live ConfigMap {home}/a" in shell.out and f"--- live ConfigMap {home}/c" in shell.out
    assert server.changes() == before
    assert shell.run("apply") == 0
    assert f"{LABEL}: 2 objects left the stack: ConfigMap {home}/a, ConfigMap {home}/c; delete them with 'bazel run {LABEL}.apply -- --prune'." in shell.err
    assert set(maps(client, home)) == {"a", "b", "c", "d"}
    assert shell.run("diff") == 0 and "2 objects left the stack" in shell.err

    assert shell.run("apply", "--prune") == 0, shell.err
    assert set(maps(client, home)) == {"b", "d"}
    assert "2 deleted, 2 unchanged" in shell.err
    before = server.changes()
    assert shell.run("apply", "--prune") == 0
    assert server.changes() == before and "left the stack" not in shell.err


def test_parent_and_members_are_an_applyset(shell, client, home):
    """The parent has the ID that KEP-3659 defines and its annotations, and every member has the label."""
    make_maps(shell, home, "a")
    shell.run("apply")
    name = parent_name(LABEL)
    parent = client.request("GET", f"/api/v1/namespaces/{home}/configmaps/{name}")[1]["metadata"]

    wanted = applyset_id(name, home)
    assert parent["labels"] == {"applyset.kubernetes.io/id": wanted}
    assert parent["annotations"]["applyset.kubernetes.io/tooling"] == "turnup/v1"
    assert parent["annotations"]["applyset.kubernetes.io/contains-group-kinds"] == "ConfigMap"
    assert maps(client, home)["a"]["metadata"]["labels"] == {PART_OF: wanted}
    listed = client.request("GET", f"/api/v1/namespaces/{home}/configmaps", query={"labelSelector": f"{PART_OF}={wanted}"})[1]["items"]
    assert [obj["metadata"]["name"] for obj in listed] == ["a"]


def test_list_of_another_tool_is_left_alone(shell, client, server, home):
    """If another tool wrote an object under the inventory's name, every writing verb fails, names it, and keeps it."""
    name = parent_name(LABEL)
    parent = config_map(name, home)
    parent["metadata"] |= {
        "labels": {"applyset.kubernetes.io/id": applyset_id(name, home)},
        "annotations": {"applyset.kubernetes.io/tooling": "kubectl/v1.36", "turnup/stack": LABEL},
    }
    client.request("POST", f"/api/v1/namespaces/{home}/configmaps", body=parent)
    make_maps(shell, home, "a")
    before = server.changes()

    for arguments in (("apply",), ("apply", "--prune"), ("create",), ("delete",)):
        assert shell.run(*arguments) == 1
        assert (
            f"ConfigMap {home}/{name}, which lists the objects of {LABEL}: the list was written by 'kubectl/v1.36', not by 'turnup/v1'; apply the stack with "
            "that tool, or delete the ConfigMap to start a new list."
        ) in shell.err, arguments
    assert server.changes() == before


def test_the_label_alone_does_not_make_a_member(shell, client, home):
    """An object that only has the set's label, and one that took a member's name, are not pruned."""
    make_maps(shell, home, "a", "b")
    shell.run("apply")
    stranger = config_map("stranger", home)
    stranger["metadata"]["labels"] = {PART_OF: applyset_id(parent_name(LABEL), home)}
    client.request("POST", f"/api/v1/namespaces/{home}/configmaps", body=stranger)
    client.request("DELETE", f"/api/v1/namespaces/{home}/configmaps/b")
    again = config_map("b", home)
    again["metadata"]["annotations"] = {"turnup/target": "//svc:dev"}
    client.request("POST", f"/api/v1/namespaces/{home}/configmaps", body=again)
    make_maps(shell, home, "c")

    assert shell.run("apply", "--prune") == 0, shell.err
    assert set(maps(client, home)) == {"stranger", "b", "c"}
    assert f"kept        ConfigMap {home}/b: is not the object that this stack made" in shell.err


def test_data_needs_a_second_flag(shell, client, server, home, place):
    """Prune keeps a namespace and a claim unless --delete-data is given."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": home},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    shell.make_targets(document("//svc:dev", [claim, config_map("a", home), namespace(f"{place}-own")], namespace=home))
    assert shell.run("apply") == 0, shell.err
    make_maps(shell, home, "b")

    assert shell.run("apply", "--prune") == 0, shell.err
    assert f"kept        PersistentVolumeClaim {home}/data: may hold data of others" in shell.err
    before = server.changes()
    assert shell.run("apply", "--prune") == 0 and server.changes() == before
    assert "2 objects left the stack and may hold data of others" in shell.err and "--prune --delete-data" in shell.err
    assert client.request("GET", f"/api/v1/namespaces/{place}-own")[0] == 200
    assert set(maps(client, home)) == {"b"}
    # Nothing removes finalizers here, so only the deletion timestamp shows.
    process = shell.start("apply", "--prune", "--delete-data", stdout=subprocess.PIPE)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        live = client.request("GET", f"/api/v1/namespaces/{home}/persistentvolumeclaims/data")[1]
        if live["metadata"].get("deletionTimestamp"):
            break
        time.sleep(0.1)
    process.kill()
    assert live["metadata"]["deletionTimestamp"]


def test_object_dropped_from_one_of_two_namespaces(shell, client, home, place):
    """Of two objects with one name, only the one in the dropped namespace is deleted."""
    client.request("POST", "/api/v1/namespaces", body=namespace(f"{place}-two"))
    two = document("//two:dev", [config_map("a", f"{place}-two")], namespace=f"{place}-two")
    one = document("//one:dev", [config_map("a", home)], namespace=home)
    shell.make_targets(one, two)
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(one)

    assert shell.run("apply", "--prune") == 0, shell.err
    assert set(maps(client, home)) == {"a"} and not maps(client, f"{place}-two")


def test_two_stacks_share_objects(shell, client, server, home):
    """A dependency's own stack neither takes objects from the deep stack nor loses them to its prune."""
    redis = document("//python/redis:dev", [config_map("redis", home)], namespace=home)
    web = document("//svc:dev", [config_map("web", home)], namespace=home)
    shell.make_targets(redis, web, deps={"//svc:dev": ["//python/redis:dev"]})
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(redis, label=OTHER)
    assert shell.run("apply") == 0, shell.err
    before = server.changes()
    shell.make_targets(redis, web, deps={"//svc:dev": ["//python/redis:dev"]})
    assert shell.run("apply") == 0 and server.changes() == before

    # First the deep stack drops redis, which its own stack still has; then its own stack drops it, too.
    shell.make_targets(web)
    assert shell.run("apply", "--prune") == 0, shell.err
    assert set(maps(client, home)) == {"redis", "web"}
    shell.make_targets(document("//python/redis:dev", [config_map("cache", home)], namespace=home), label=OTHER)
    assert shell.run("apply", "--prune") == 0, shell.err
    assert set(maps(client, home)) == {"cache", "web"}


def test_what_another_stack_has_stays_in_a_namespace_that_was_left(shell, client, home, place):
    """A stack that leaves a namespace does not prune objects there that are in another stack's inventory."""
    client.request("POST", "/api/v1/namespaces", body=namespace(f"{place}-two"))
    redis = document("//python/redis:dev", [config_map("redis", f"{place}-two")], namespace=f"{place}-two")
    web = document("//svc:dev", [config_map("web", home)], namespace=home)
    shell.make_targets(redis, label=OTHER)
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(redis, web, deps={"//svc:dev": ["//python/redis:dev"]})
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(web)

    shell.run("diff", "--prune")
    assert "ConfigMap" in shell.out and f"{place}-two/redis" not in shell.out
    assert shell.run("apply", "--prune") == 0, shell.err
    assert set(maps(client, f"{place}-two")) == {"redis"} and set(maps(client, home)) == {"web"}


def test_delete_takes_what_was_applied_since_it_looked(shell, client, home, monkeypatch):
    """If an apply comes between a delete's check and its lease, the delete leaves no unlisted objects."""
    make_maps(shell, home, "a")
    assert shell.run("apply") == 0, shell.err
    read = live_stack.read_inventory
    between = iter([lambda: shell.run("apply")])

    def race(*arguments):
        found = read(*arguments)
        for step in between:
            make_maps(shell, home, "a", "b")
            assert step() == 0, shell.err
        return found

    monkeypatch.setattr(live_stack, "read_inventory", race)
    assert shell.run("delete") == 0, shell.err
    assert not maps(client, home)


def test_delete_of_the_deep_stack_leaves_no_list_behind(shell, client, home):
    """If a delete removes all objects of another stack, it also removes that stack's inventory and lease."""
    redis = document("//python/redis:dev", [config_map("redis", home)], namespace=home)
    shell.make_targets(redis, label=OTHER)
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(redis, document("//svc:dev", [config_map("web", home)], namespace=home))
    assert shell.run("apply") == 0, shell.err

    assert shell.run("delete") == 0, shell.err
    for path in (f"/api/v1/namespaces/{home}/configmaps", f"/apis/coordination.k8s.io/v1/namespaces/{home}/leases"):
        assert [obj["metadata"]["name"] for obj in client.request("GET", path)[1]["items"]] in ([], ["kube-root-ca.crt"])


def test_delete_leaves_the_list_of_a_stack_that_is_being_written(shell, client, home, monkeypatch):
    """Another stack's inventory stays while that stack's lease is held, and if it has been written since."""
    redis = document("//python/redis:dev", [config_map("redis", home)], namespace=home)
    lists = f"/api/v1/namespaces/{home}/configmaps/{parent_name(OTHER)}"
    lease = f"/apis/coordination.k8s.io/v1/namespaces/{home}/leases/{parent_name(OTHER)}"

    def delete() -> None:
        shell.make_targets(redis, document("//svc:dev", [config_map("web", home)], namespace=home))
        assert shell.run("delete") == 0, shell.err

    shell.make_targets(redis, label=OTHER)
    assert shell.run("apply") == 0, shell.err
    held = client.request("GET", lease)[1]
    held["spec"] |= {"holderIdentity": "jane@elsewhere (pid 1)"}
    held["metadata"].pop("annotations")
    client.request("PUT", lease, body=held)
    delete()
    assert exists(client, lists) and exists(client, lease)

    client.request("DELETE", lease)
    shell.make_targets(redis, label=OTHER)
    assert shell.run("apply") == 0, shell.err
    update = LiveStack.update_others

    def late(*arguments, **options):
        client.request("PATCH", lists, content_type="application/merge-patch+json", body={"metadata": {"annotations": {"written": "since"}}})
        update(*arguments, **options)

    monkeypatch.setattr(LiveStack, "update_others", late)
    delete()
    assert exists(client, lists)


def test_old_generations_are_not_pruned(shell, client, home):
    """Prune keeps older generations, which a rollback needs, until their ConfigMap leaves the stack."""

    def settings(value: str) -> None:
        shell.make_targets(document("//svc:dev", hash_names([config_map("settings", home, key=value)]), namespace=home))

    settings("1")
    shell.run("apply")
    settings("2")
    assert shell.run("apply", "--prune") == 0, shell.err
    assert len(maps(client, home)) == 2
    make_maps(shell, home, "other")
    assert shell.run("apply", "--prune") == 0, shell.err
    assert set(maps(client, home)) == {"other"}


def test_delete_removes_what_left_the_stack(shell, client, home):
    """Delete removes the stack with its earlier objects, its inventory and its lease, and nothing of other owners."""
    make_maps(shell, home, "a", "b")
    shell.run("apply")
    make_maps(shell, home, "a")
    shell.run("apply")
    client.request("POST", f"/api/v1/namespaces/{home}/configmaps", body=config_map("foreign", home))

    assert shell.run("delete") == 0, shell.err
    assert set(maps(client, home)) == {"foreign"}
    for path in (f"/api/v1/namespaces/{home}/configmaps", f"/apis/coordination.k8s.io/v1/namespaces/{home}/leases"):
        assert [obj for obj in client.request("GET", path)[1]["items"] if obj["metadata"]["name"].startswith("turnup-")] == []


def test_custom_resources_are_pruned_and_definitions_kept(shell, client, home, place):
    """A custom resource that left the stack is deleted; its definition needs --delete-data."""
    kind = f"Prune{place.replace('-', '')}"
    crd = definition(kind)
    shell.make_targets(document("//svc:dev", [crd, custom(kind, "one", home), custom(kind, "two", home)], namespace=home))
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(document("//svc:dev", [custom(kind, "two", home)], namespace=home))

    assert shell.run("apply", "--prune") == 0, shell.err
    found = client.request("GET", f"/apis/tests.example.com/v1/namespaces/{home}/{kind.lower()}s")[1]["items"]
    assert [obj["metadata"]["name"] for obj in found] == ["two"]
    assert f"kept        CustomResourceDefinition {crd['metadata']['name']}" in shell.err


def test_dependents_and_their_pods_are_gone_before_a_dependency_is_deleted(shell, client, home):
    """A dependency is not deleted while a pod of a dependent exists."""
    parts = [document(f"//{name}:dev", [{**deployment(name), "metadata": {"name": name, "namespace": home}}], namespace=home) for name in ("redis", "web")]
    shell.make_targets(*parts, deps={"//web:dev": ["//redis:dev"]})
    assert shell.run("apply") == 0, shell.err
    client.request(
        "POST",
        f"/api/v1/namespaces/{home}/pods",
        body={
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web-1", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "image": "app"}]},
        },
    )
    path = f"/apis/apps/v1/namespaces/{home}/deployments"
    process = shell.start("delete", stdout=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while len(client.request("GET", path)[1]["items"]) == 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)

    assert [obj["metadata"]["name"] for obj in client.request("GET", path)[1]["items"]] == ["redis"]
    client.request("DELETE", f"/api/v1/namespaces/{home}/pods/web-1", body={"gracePeriodSeconds": 0})
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert client.request("GET", path)[1]["items"] == []
