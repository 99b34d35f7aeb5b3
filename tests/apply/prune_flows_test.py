"""Tests of what leaves a stack, with a real API server: the flows of KEP-3659, and everything that must stay."""

from __future__ import annotations

import pytest

from rules.k8s.testing.plans import config_map, document, namespace
from rules.k8s.tools.api.client import MERGE_PATCH
from rules.k8s.tools.deletion.deletion import Deleter
from rules.k8s.tools.stack.inventory import PART_OF
from tests.apply.stacks import custom, definition, exists, live_objects, make_namespace, placed, service_objects


@pytest.fixture(name="two")
def fixture_two(client, place):
    """Returns two existing namespaces that no stack created."""
    places = (place, f"{place}-second")
    for name in places:
        make_namespace(client, name)
    return places


def sets(place: str) -> tuple[list[dict], list[dict]]:
    """Returns two sets: the second drops two objects, changes one and adds one."""
    one = [
        *service_objects("web", place, "1", "a"),
        config_map("stays", place, key="1"),
        config_map("changes", place, key="1"),
        config_map("goes", place, key="1"),
        placed({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "goes"}}, place),
    ]
    two = [*one[:5], config_map("changes", place, key="2"), config_map("comes", place, key="1")]
    return one, two


def names(client, *places: str) -> set[str]:
    """Returns kind/name of the objects that the tests created, without those of every namespace and the engine's own."""
    return {
        f"{identity.kind}/{identity.name}"
        for identity in live_objects(client, places)
        if identity.kind != "Lease" and identity.name not in ("kube-root-ca.crt", "default") and not identity.name.startswith("turnup-")
    }


def named(objects: list[dict]) -> set[str]:
    """Returns kind/name of a set's objects."""
    return {f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects}


def versions(client, *places: str) -> dict[str, str]:
    """Returns the resourceVersion of all objects, including the stack's own records."""
    return {str(identity): obj["metadata"]["resourceVersion"] for identity, obj in live_objects(client, places).items()}


def uids(client, *places: str) -> dict[str, str]:
    """Returns the UID of all objects."""
    return {str(identity): obj["metadata"]["uid"] for identity, obj in live_objects(client, places).items()}


def test_what_is_annotated_to_stay_stays(shell, client, two):
    """With `//prod:setup` of two users, neither set has the other user's namespace, and prune keeps it."""
    place, other = two
    shared = config_map("shared", place, key="1")
    kept = config_map("jane", place, key="1")
    kept["metadata"]["annotations"] = {"turnup/on-remove": "keep"}
    shell.make_targets(document("//prod:namespaces", [shared, kept, config_map("goes", place, key="1")], namespace=place))
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(document("//prod:namespaces", [shared], namespace=place))
    assert shell.run("apply", "--prune", "--delete-data") == 0, shell.err
    assert names(client, place, other) == named([shared, kept])
    assert shell.run("diff", "--prune") == 0, shell.out
    shell.make_targets(document("//prod:namespaces", [shared, kept], namespace=place))
    assert shell.run("delete") == 0, shell.err
    assert names(client, place, other) == set()


def test_the_six_flows(shell, client, two):
    """The flows of KEP-3659: set1; a preview of set2 with prune; set2 without prune; a preview; set2 with prune; set2 again without a change."""
    place = two[0]
    one, second = sets(place)
    shell.make_targets(document("//svc:dev", one, namespace=place))
    assert shell.run("apply") == 0, shell.err
    assert names(client, place) == named(one)
    first_uids = uids(client, place)

    before = versions(client, place)
    shell.make_targets(document("//svc:dev", second, namespace=place))
    assert shell.run("diff", "--prune") == 1
    assert "ConfigMap" in shell.out and f"{place}/goes" in shell.out and f"{place}/comes" in shell.out
    assert versions(client, place) == before

    assert shell.run("apply") == 0, shell.err
    assert "2 objects left the stack" in shell.err
    assert names(client, place) == named(one) | named(second)

    before = versions(client, place)
    assert shell.run("diff", "--prune") == 1
    assert shell.out.count("goes") and "comes" not in shell.out
    assert shell.run("diff") == 0, shell.out
    assert versions(client, place) == before

    assert shell.run("apply", "--prune") == 0, shell.err
    assert names(client, place) == named(second)
    # Objects that stayed were not recreated.
    last_uids = uids(client, place)
    assert all(last_uids[key] == first_uids[key] for key in first_uids.keys() & last_uids.keys())

    before = versions(client, place)
    assert shell.run("apply", "--prune") == 0, shell.err
    assert versions(client, place) == before
    assert shell.run("diff", "--prune") == 0, shell.out


def test_the_preview_is_exact(shell, client, two):
    """Exactly what .diff --prune lists is deleted, and nothing else is deleted or created."""
    place = two[0]
    one, second = sets(place)
    shell.make_targets(document("//svc:dev", one, namespace=place))
    shell.run("apply")
    before = names(client, place)
    shell.make_targets(document("//svc:dev", second, namespace=place))
    said = {f"{event['object']['kind']}/{event['object']['name']}" for event in shell.events("diff", "--prune") if event["event"] == "diff"}

    assert shell.run("apply", "--prune") == 0, shell.err
    after = names(client, place)
    assert said == (before ^ after) | {"ConfigMap/changes"}


def test_an_empty_set_prunes_everything(shell, client, two):
    """A stack without objects leaves nothing in the namespace, and not the namespace."""
    place = two[0]
    shell.make_targets(document("//svc:dev", sets(place)[0], namespace=place))
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(document("//svc:dev", [], namespace=place))

    assert shell.run("apply", "--prune") == 0, shell.err
    assert names(client, place) == set()
    assert exists(client, f"/api/v1/namespaces/{place}")


def test_a_target_that_left_is_pruned(shell, client, two):
    """A service that is no longer a dependency is deleted with all its objects and generations."""
    place = two[0]
    kept = document("//kept:dev", service_objects("kept", place, "1", "a"), namespace=place)
    for value in "12":
        shell.make_targets(kept, document("//gone:dev", service_objects("gone", place, value, "a"), namespace=place))
        assert shell.run("apply") == 0, shell.err
    shell.make_targets(kept)

    assert shell.run("apply", "--prune") == 0, shell.err
    assert names(client, place) == named(service_objects("kept", place, "1", "a"))


def test_custom_resources_are_pruned(shell, client, two):
    """A custom resource that left the stack is deleted, even with its definition; the definition is deleted only on request."""
    place, kind = two[0], "Prunething"
    both = [custom(kind, "stays", place), custom(kind, "goes", place)]
    shell.make_targets(document("//svc:dev", [definition(kind), *both], namespace=place))
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(document("//svc:dev", [definition(kind), both[0]], namespace=place))
    assert shell.run("apply", "--prune") == 0, shell.err
    assert names(client, place) == {f"{kind}/stays"}

    shell.make_targets(document("//svc:dev", [], namespace=place))
    assert shell.run("apply", "--prune") == 0, shell.err
    assert names(client, place) == set()
    crd = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{kind.lower()}s.tests.example.com"
    assert exists(client, crd)
    assert shell.run("apply", "--prune", "--delete-data") == 0, shell.err
    assert not exists(client, crd) or client.request("GET", crd)[1]["metadata"].get("deletionTimestamp")


def test_dropped_from_one_of_two_namespaces(shell, client, two):
    """An object that left only one of the stack's namespaces is deleted only there."""
    first, second = two
    both = [config_map("same", first, key="1"), config_map("same", second, key="1")]
    shell.make_targets(document("//svc:dev", both, namespace=""))
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(document("//svc:dev", both[1:], namespace=""))

    assert shell.run("apply", "--prune") == 0, shell.err
    assert names(client, first) == set()
    assert names(client, second) == {"ConfigMap/same"}


def test_data_needs_a_second_flag(shell, client, two):
    """Namespaces, volumes and claims that left the stack stay with --prune, and are deleted with --delete-data."""
    place = two[0]
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": place},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{place}-volume"},
        "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Mi"}, "hostPath": {"path": "/nonexistent"}},
    }
    made = namespace(f"{place}-made")
    paths = [f"/api/v1/namespaces/{place}/persistentvolumeclaims/data", f"/api/v1/persistentvolumes/{place}-volume", f"/api/v1/namespaces/{place}-made"]
    shell.make_targets(document("//svc:dev", [claim, volume, made, config_map("plain", place)], namespace=place))
    assert shell.run("apply") == 0, shell.err
    before = [client.request("GET", path)[1]["metadata"]["resourceVersion"] for path in paths]
    shell.make_targets(document("//svc:dev", [], namespace=place))

    assert shell.run("apply", "--prune") == 0, shell.err
    assert [client.request("GET", path)[1]["metadata"]["resourceVersion"] for path in paths] == before
    assert not exists(client, f"/api/v1/namespaces/{place}/configmaps/plain")
    # No controller here removes finalizers, so only the deletion timestamp shows.
    shell.run("apply", "--prune", "--delete-data", "--wait=1s")
    for path in paths:
        assert not exists(client, path) or client.request("GET", path)[1]["metadata"].get("deletionTimestamp"), path


def test_impersonation(shell, client, two):
    """An object of another owner that has the stack's label, and even its owner annotation, is not pruned."""
    place = two[0]
    shell.make_targets(document("//svc:dev", [config_map("mine", place, key="1"), config_map("goes", place, key="1")], namespace=place))
    assert shell.run("apply") == 0, shell.err
    mine = client.request("GET", f"/api/v1/namespaces/{place}/configmaps/mine")[1]["metadata"]
    for name, noted in (("labelled", {}), ("disguised", mine["annotations"])):
        client.request(
            "POST",
            f"/api/v1/namespaces/{place}/configmaps",
            body={**config_map(name, place), "metadata": {"name": name, "labels": mine["labels"], "annotations": noted}},
        )
    assert PART_OF in mine["labels"]

    # Another user deletes the object to prune and creates an own one under its name, with the same label and annotation.
    path = f"/api/v1/namespaces/{place}/configmaps/goes"
    client.request("DELETE", path)
    client.request(
        "POST",
        f"/api/v1/namespaces/{place}/configmaps",
        body={**config_map("goes", place, theirs="1"), "metadata": {"name": "goes", "labels": mine["labels"], "annotations": mine["annotations"]}},
    )
    shell.make_targets(document("//svc:dev", [config_map("mine", place, key="1")], namespace=place))

    assert shell.run("apply", "--prune") == 0, shell.err
    assert names(client, place) == {"ConfigMap/mine", "ConfigMap/labelled", "ConfigMap/disguised", "ConfigMap/goes"}
    assert client.request("GET", path)[1]["data"] == {"theirs": "1"}
    assert shell.run("delete") == 0, shell.err
    assert names(client, place) == {"ConfigMap/labelled", "ConfigMap/disguised", "ConfigMap/goes"}


def test_what_another_stack_still_has_stays(shell, client, two):
    """An object of a target that left this stack and is in another one is released, not deleted."""
    place = two[0]
    shared = document("//shared:dev", [config_map("shared", place, key="1")], namespace=place)
    own = document("//svc:dev", [config_map("own", place, key="1")], namespace=place)
    shell.make_targets(shared, own)
    assert shell.run("apply") == 0, shell.err
    plan = shell.folder / "runfiles" / shell.plan
    shell.make_targets(shared)
    plan.write_text(plan.read_text().replace('"//svc:dev-deep"', '"//other:dev-deep"'))
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(own)

    assert shell.run("apply", "--prune") == 0, shell.err
    assert names(client, place) == {"ConfigMap/shared", "ConfigMap/own"}


def test_two_users_of_one_target(shell, client, two):
    """A target whose namespace has the user's name is two stacks: pruning one keeps the other's objects."""
    for name in ("jane", "joe"):
        make_namespace(client, f"{two[0]}-{name}")
    for name in ("jane", "joe"):
        own = f"{two[0]}-{name}"
        shell.make_targets(document("//svc:myns", [config_map(f"of-{name}", own), *(config_map("shared", place) for place in two)], namespace=own))
        assert shell.run("apply", "--prune") == 0, shell.err

    assert names(client, f"{two[0]}-jane") == {"ConfigMap/of-jane"}
    assert names(client, f"{two[0]}-joe") == {"ConfigMap/of-joe"}


def test_a_refused_object_keeps_everything(shell, client, two):
    """If any object is rejected, nothing is written and nothing is pruned."""
    place = two[0]
    one, second = sets(place)
    shell.make_targets(document("//svc:dev", one, namespace=place))
    shell.run("apply")
    before = versions(client, place)
    bad = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "bad", "namespace": place}, "spec": {"ports": [{"port": 0}]}}
    shell.make_targets(document("//svc:dev", [*second, bad], namespace=place))

    assert shell.run("apply", "--prune") == 1
    assert f"Service {place}/bad" in shell.err
    assert versions(client, place) == before


def test_changed_between_the_check_and_the_prune(shell, client, two, monkeypatch):
    """An object that another user takes over after the preflight stays; an object that is only changed is pruned."""
    place = two[0]
    shell.make_targets(document("//svc:dev", [config_map(name, place, key="1") for name in ("stays", "taken", "touched")], namespace=place))
    assert shell.run("apply") == 0, shell.err
    look = Deleter.refusals

    def refusals(self, items):
        found = look(self, items)
        for name, change in (("taken", {"annotations": {"turnup/target": "//other:dev"}}), ("touched", {"labels": {"touched": "yes"}})):
            client.request("PATCH", f"/api/v1/namespaces/{place}/configmaps/{name}", content_type=MERGE_PATCH, body={"metadata": change})
        return found

    monkeypatch.setattr(Deleter, "refusals", refusals)
    shell.make_targets(document("//svc:dev", [config_map("stays", place, key="1")], namespace=place))

    assert shell.run("apply", "--prune") == 0, shell.err
    assert names(client, place) == {"ConfigMap/stays", "ConfigMap/taken"}
    assert "was made by //other:dev" in shell.err


def test_a_member_that_another_user_changed_is_pruned(shell, client, two):
    """A member that another user has changed still belongs to the stack, and is pruned when it leaves the stack."""
    place = two[0]
    shell.make_targets(document("//svc:dev", [config_map("a", place, key="1"), config_map("b", place, key="1")], namespace=place))
    shell.run("apply")
    client.request("PATCH", f"/api/v1/namespaces/{place}/configmaps/b", content_type=MERGE_PATCH, body={"data": {"theirs": "1"}})
    shell.make_targets(document("//svc:dev", [config_map("a", place, key="1")], namespace=place))

    assert shell.run("apply", "--prune") == 0, shell.err
    assert names(client, place) == {"ConfigMap/a"}


@pytest.mark.parametrize("options", [(), ("--delete-data",)])
def test_an_object_that_someone_else_recreated_leaves_the_inventory(shell, client, home, options):
    """An object that another user recreated under a name that left the stack is reported once as kept, and then dropped from the inventory."""
    shell.make_targets(document("//svc:dev", [config_map("goes", home, key="1"), config_map("stays", home, key="1")], namespace=home))
    assert shell.run("apply") == 0, shell.err
    path = f"/api/v1/namespaces/{home}/configmaps/goes"
    theirs = client.request("GET", path)[1]
    client.request("DELETE", path)
    theirs["metadata"] = {key: theirs["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    client.request("POST", path.rpartition("/")[0], body=theirs)
    shell.make_targets(document("//svc:dev", [config_map("stays", home, key="1")], namespace=home))
    assert shell.run("apply") == 0 and "1 object left the stack" in shell.err

    assert shell.run("apply", "--prune", *options) == 0, shell.err
    assert "is not the object that this stack made, but another one under the same name" in shell.err
    assert shell.run("apply") == 0 and "left the stack" not in shell.err
    assert exists(client, path)


def test_what_a_failed_delete_has_deleted_leaves_the_list(shell, client, home):
    """A delete that fails because of one object drops deleted objects from the inventory, so no later apply deletes them."""
    held = config_map("held", home, key="1")
    held["metadata"]["finalizers"] = ["tests.example.com/held"]
    shell.make_targets(document("//svc:dev", [held, config_map("gone", home, key="1")], namespace=home))
    assert shell.run("apply") == 0, shell.err
    assert shell.run("delete", "--wait=1s") == 1 and not exists(client, f"/api/v1/namespaces/{home}/configmaps/gone")
    shell.make_targets(document("//svc:dev", [config_map("next", home, key="1")], namespace=home))

    assert shell.run("apply") == 0, shell.err
    assert f"1 object left the stack: ConfigMap {home}/held;" in shell.err
    client.request("PATCH", f"/api/v1/namespaces/{home}/configmaps/held", content_type=MERGE_PATCH, body={"metadata": {"finalizers": None}})
