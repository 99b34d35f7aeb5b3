"""Tests of objects with changed immutable fields that ask to be recreated, with a real API server.

No controller runs: the test itself does the garbage collector's work on orphaned objects.
"""

from __future__ import annotations

import re
import signal
import subprocess
import threading
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.tools.api.client import MERGE_PATCH, Client
from tests.apply.stacks import definition, exists, placed

RECREATE = {"turnup/on-immutable": "recreate"}
DIGEST = "registry.example/app@sha256:"


def asking(obj: dict[str, Any], place: str, annotations: dict[str, str] | None = None) -> dict[str, Any]:
    """Returns an object in a namespace that asks to be recreated."""
    return {**obj, "metadata": {**obj["metadata"], "namespace": place, "annotations": RECREATE if annotations is None else annotations}}


def job(image: str) -> dict[str, Any]:
    """Returns a Job, whose template is immutable."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "migrate"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": DIGEST + image * 64}]}}},
    }


def stateful_set(storage: str, name: str = "db", **spec: Any) -> dict[str, Any]:
    """Returns a StatefulSet, whose claim templates are immutable."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "db"},
        "spec": {
            "serviceName": "db",
            "selector": {"matchLabels": labels},
            **spec,
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": DIGEST + "a" * 64}]}},
            "volumeClaimTemplates": [claim("data", storage)],
        },
    }


def claim(name: str, storage: str = "1Gi") -> dict[str, Any]:
    """Returns a PersistentVolumeClaim."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": storage}}},
    }


def role_binding(role: str) -> dict[str, Any]:
    """Returns a RoleBinding, whose roleRef is immutable."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "readers"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": "app"}],
    }


def make(shell, place: str, *objects: dict[str, Any]) -> None:
    """Writes the plan of one target."""
    shell.make_targets(document("//svc:dev", objects, namespace=place))


def read(client: Client, place: str, path: str) -> dict[str, Any]:
    """Returns a live object of a namespace; `path` is GROUP/VERSION/PLURAL/NAME."""
    version, plural, name = path.rsplit("/", 2)
    return client.request("GET", f"/apis/{version}/namespaces/{place}/{plural}/{name}")[1]


def deletes(server, place: str) -> list[str]:
    """Returns the kinds of the objects that were deleted in a namespace, without dry runs."""
    return [
        event["objectRef"]["resource"]
        for event in server.audit()
        if event["verb"] == "delete" and event["objectRef"].get("namespace") == place and "dryRun=All" not in event["requestURI"]
    ]


@pytest.mark.parametrize("verb", ["apply", "replace"])
@pytest.mark.parametrize(
    ("before", "after", "path"),
    [
        (job("a"), job("b"), "batch/v1/jobs/migrate"),
        (role_binding("view"), role_binding("edit"), "rbac.authorization.k8s.io/v1/rolebindings/readers"),
    ],
    ids=["job", "role-binding"],
)
def test_what_asks_for_it_is_deleted_and_made_again(shell, client, server, home, before, after, path, verb):
    """Without the annotation the change is an error; with it, diff and apply report that the object is recreated, and a second apply writes nothing."""
    make(shell, home, asking(before, home, {}), config_map("other", home))
    assert shell.run("apply") == 0, shell.err
    assert shell.run("replace") == 0, shell.err
    old = read(client, home, path)["metadata"]["uid"]
    make(shell, home, asking(after, home, {}), config_map("other", home))
    assert shell.run(verb) == 1 and "touches an immutable field" in shell.err and "'turnup/on-immutable: recreate'" in shell.err
    assert len(shell.err) < 500

    make(shell, home, asking(after, home), config_map("other", home))
    writes = server.changes()
    assert shell.run("diff") == 1, shell.err
    assert shell.out.startswith(f"# {after['kind']} {home}/{after['metadata']['name']} is replaced, that is deleted and recreated: ")
    assert server.changes() == writes and read(client, home, path)["metadata"]["uid"] == old
    # Values that exist only in a dry run under another name are not part of the change.
    assert "turnup-preflight" not in shell.out and not re.search(r"^[+-].*(job-name|controller-uid)", shell.out, re.MULTILINE)

    assert shell.run(verb) == 0, shell.err
    assert f"{after['kind']} {home}/{after['metadata']['name']} is deleted and recreated: " in shell.err
    assert "1 replaced, 1 unchanged" in shell.err and deletes(server, home) == [path.split("/")[2]]
    live = read(client, home, path)
    assert live["metadata"]["uid"] != old
    assert live.get("roleRef") == after.get("roleRef")
    assert "roleRef" in live or live["spec"]["template"]["spec"]["containers"][0]["image"] == DIGEST + "b" * 64
    writes = server.changes()
    assert shell.run(verb) == 0 and server.changes() == writes
    make(shell, home, config_map("other", home))
    assert shell.run("apply", "--prune") == 0 and "1 deleted" in shell.err, shell.err


def test_pods_and_claims_of_a_stateful_set_are_left_to_the_next(shell, client, home):
    """If its claim templates change, a StatefulSet is recreated, and its pod and its claim stay unchanged."""
    make(shell, home, asking(stateful_set("1Gi"), home))
    assert shell.run("apply") == 0, shell.err
    path = "apps/v1/statefulsets/db"
    old = read(client, home, path)["metadata"]["uid"]
    pod: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "db-0", "labels": {"app": "db"}},
        "spec": {"containers": [{"name": "main", "image": DIGEST + "a" * 64}]},
    }
    left = {}
    for plural, obj in (("persistentvolumeclaims", claim("data-db-0")), ("pods", pod)):
        where = f"/api/v1/namespaces/{home}/{plural}"
        meta = {**obj["metadata"], "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": old}]}
        left[f"{where}/{meta['name']}"] = client.request("POST", where, body={**obj, "metadata": meta})[1]["metadata"]["uid"]
    make(shell, home, asking(stateful_set("2Gi"), home))
    seen: list[list[str]] = []
    done = threading.Event()

    def collect() -> None:
        while not done.wait(0.05):
            meta = read(client, home, path)["metadata"]
            if meta.get("deletionTimestamp"):
                seen.append(meta["finalizers"])
                client.request("PATCH", f"/apis/apps/v1/namespaces/{home}/statefulsets/db", content_type=MERGE_PATCH, body={"metadata": {"finalizers": []}})
                return

    collector = threading.Thread(target=collect)
    collector.start()
    code = shell.run("apply")
    done.set()
    collector.join()

    assert code == 0 and "1 replaced" in shell.err, shell.err
    assert seen == [["orphan"]]
    live = read(client, home, path)
    assert live["metadata"]["uid"] != old and live["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert {where: client.request("GET", where)[1]["metadata"]["uid"] for where in left} == left


def test_pods_that_the_next_would_not_find_are_not_left_behind(shell, client, home):
    """A Deployment with another selector is deleted with its pods, because no other object would adopt them."""
    make(shell, home, asking(deployment("web"), home))
    assert shell.run("apply") == 0, shell.err
    other = asking(deployment("web"), home)
    other["spec"]["selector"]["matchLabels"] = other["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    make(shell, home, other)

    assert shell.run("apply") == 0 and "1 replaced" in shell.err, shell.err
    assert read(client, home, "apps/v1/deployments/web")["spec"]["selector"]["matchLabels"] == {"app": "other"}


def test_claims_that_would_go_with_their_set_are_a_refusal(shell, client, home):
    """A StatefulSet that would be deleted with its claims is not deleted if the new one would not adopt them."""
    retention = {"whenDeleted": "Delete", "whenScaled": "Retain"}
    make(shell, home, asking(stateful_set("1Gi", persistentVolumeClaimRetentionPolicy=retention), home))
    assert shell.run("apply") == 0, shell.err
    old = read(client, home, "apps/v1/statefulsets/db")["metadata"]["uid"]
    make(shell, home, asking(stateful_set("1Gi", name="other", persistentVolumeClaimRetentionPolicy=retention), home))

    assert shell.run("apply") == 1
    assert "its selector changes, and deleting it deletes its claims" in shell.err and "Nothing was written." in shell.err
    assert read(client, home, "apps/v1/statefulsets/db")["metadata"]["uid"] == old


def test_what_holds_data_is_never_replaced(shell, server, home):
    """The annotation is an error on volumes, claims, namespaces and definitions, and so is an unknown value."""
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{home}-volume"},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/data"}},
    }
    place = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": f"{home}-more"}}
    holders = [claim("data"), volume, place, definition("Holder")]
    writes = server.changes()
    for obj in holders:
        make(shell, home, asking(obj, home))
        assert shell.run("apply") == 1
        assert "its annotation turnup/on-immutable would delete its data; remove the annotation" in shell.err
    make(shell, home, asking(job("a"), home, {"turnup/on-immutable": "anew"}))
    assert shell.run("apply") == 1 and "turnup/on-immutable is 'anew'; write 'recreate' or remove it." in shell.err
    assert server.changes() == writes


def test_what_is_wrong_anyway_is_not_deleted(shell, client, server, home):
    """A change that would also be rejected for a new object deletes nothing."""
    make(shell, home, asking(job("a"), home))
    assert shell.run("apply") == 0, shell.err
    wrong = asking(job("b"), home)
    wrong["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    make(shell, home, wrong)

    assert shell.run("apply") == 1 and "spec.template.spec.restartPolicy: " in shell.err
    assert deletes(server, home) == []


def test_what_others_made_is_not_deleted(shell, client, server, home):
    """--adopt takes an object over, but does not delete it because of an immutable field."""
    client.request("POST", f"/apis/batch/v1/namespaces/{home}/jobs", body=placed(job("a"), home))
    make(shell, home, asking(job("b"), home))

    assert shell.run("apply", "--adopt") == 1 and "touches an immutable field" in shell.err
    assert deletes(server, home) == []


def test_killed_between_delete_and_create(shell, client, home):
    """If a run is killed between delete and create, the next run completes it, and the object belongs to the stack."""
    make(shell, home, asking(job("a"), home), config_map("other", home))
    assert shell.run("apply") == 0, shell.err
    make(shell, home, asking(job("b"), home), config_map("other", home))
    process = shell.start(
        "apply",
        stdout=subprocess.PIPE,
        program="""
import os, signal
from rules.k8s.tools.write.applier import Applier
Applier.apply = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
""",
    )
    process.communicate(timeout=60)
    where = f"/apis/batch/v1/namespaces/{home}/jobs/migrate"
    assert process.returncode == -signal.SIGKILL and not exists(client, where)

    assert shell.run("apply") == 0 and "1 created, 1 unchanged" in shell.err, shell.err
    assert client.request("GET", where)[1]["spec"]["template"]["spec"]["containers"][0]["image"] == DIGEST + "b" * 64
    make(shell, home, config_map("other", home))
    assert shell.run("apply", "--prune") == 0, shell.err
    assert not exists(client, where)


def test_killed_after_create(shell, client, home):
    """If a run is killed before it has recorded the new object's UID, the object belongs to the stack and can be pruned."""
    make(shell, home, asking(job("a"), home), config_map("other", home))
    assert shell.run("apply") == 0, shell.err
    make(shell, home, asking(job("b"), home), config_map("other", home))
    process = shell.start(
        "apply",
        stdout=subprocess.PIPE,
        program="""
import os, signal
from rules.k8s.tools.write.applier import Applier
apply = Applier.apply
Applier.apply = lambda *given: (apply(*given), os.kill(os.getpid(), signal.SIGKILL))
""",
    )
    process.communicate(timeout=60)
    where = f"/apis/batch/v1/namespaces/{home}/jobs/migrate"
    assert process.returncode == -signal.SIGKILL and exists(client, where)

    make(shell, home, config_map("other", home))
    assert shell.run("apply", "--prune") == 0, shell.err
    assert not exists(client, where)


def test_a_set_from_before_the_annotation_can_be_gone_back_to(shell, client, home):
    """A rollback to a revision without the annotation works, because the live object has the annotation."""
    make(shell, home, asking(job("a"), home, {}))
    assert shell.run("apply") == 0, shell.err
    make(shell, home, asking(job("b"), home))
    assert shell.run("apply") == 0, shell.err

    assert shell.run("rollback") == 0, shell.err
    assert f"Job {home}/migrate is deleted and recreated: " in shell.err
    live = read(client, home, "batch/v1/jobs/migrate")
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == DIGEST + "a" * 64
    assert "turnup/on-immutable" not in live["metadata"]["annotations"]
    assert shell.run("rollback") == 0, shell.err


def test_the_former_value_of_the_annotation_is_still_read(shell, client, server, home):
    """`replace`, the value of version 0.1, means `recreate`."""
    for role in ("view", "edit"):
        make(shell, home, asking(role_binding(role), home, {"turnup/on-immutable": "replace"}))
        assert shell.run("apply") == 0, shell.err

    assert read(client, home, "rbac.authorization.k8s.io/v1/rolebindings/readers")["roleRef"]["name"] == "edit"
    assert deletes(server, home) == ["rolebindings"]
