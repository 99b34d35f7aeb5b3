"""Tests of replace: it writes only differences, and works while controllers write."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.testing.plans import deployment, document
from rules.k8s.tools.preflight.verdicts import Verdict
from rules.k8s.tools.write import replacer
from tests.apply.stacks import IMAGE, make_maps, maps, placed


def test_replace_writes_only_what_differs(shell, client, server, home):
    """A second replace writes nothing, and a field that another manager added is removed."""
    make_maps(shell, home, "a", "b")
    shell.run("apply")
    assert shell.run("replace") == 0, shell.err
    before = server.changes()
    assert shell.run("replace") == 0 and "2 unchanged" in shell.err
    assert server.changes() == before
    client.request("PATCH", f"/api/v1/namespaces/{home}/configmaps/a", content_type="application/merge-patch+json", body={"data": {"theirs": "1"}})

    assert shell.run("replace") == 0
    assert "1 replaced, 1 unchanged" in shell.err
    assert maps(client, home)["a"]["data"] == {"key": "1"}


def test_replace_leaves_claims_bound(shell, client, server, home):
    """A replace keeps what the server and the volume controller wrote into a claim: volume, class, and binding annotations."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "namespace": home},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    shell.make_targets(document("//svc:dev", [claim], namespace=home))
    assert shell.run("apply") == 0, shell.err
    path = f"/api/v1/namespaces/{home}/persistentvolumeclaims/data"
    bound = {"pv.kubernetes.io/bind-completed": "yes", "volume.kubernetes.io/selected-node": "node-2"}
    client.request(
        "PATCH",
        path,
        content_type="application/merge-patch+json",
        body={"metadata": {"annotations": {**bound, "theirs": "1"}}, "spec": {"volumeName": "pvc-1", "storageClassName": "fast"}},
    )

    assert shell.run("replace") == 0 and "1 replaced" in shell.err, shell.err
    live = client.request("GET", path)[1]
    assert bound.items() <= live["metadata"]["annotations"].items() and "theirs" not in live["metadata"]["annotations"]
    assert (live["spec"]["volumeName"], live["spec"]["storageClassName"]) == ("pvc-1", "fast")
    before = server.changes()
    assert shell.run("replace") == 0 and server.changes() == before


def _claim(**spec: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}


def _volume(**spec: Any) -> dict[str, Any]:
    spec = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/nonexistent"}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "kept"}, "spec": spec}


def _volume_class(**meta: Any) -> dict[str, Any]:
    meta = {"name": "kept", **meta}
    return {"apiVersion": "storage.k8s.io/v1", "kind": "VolumeAttributesClass", "metadata": meta, "driverName": "x.example.com", "parameters": {"a": "b"}}


def _stateful(**spec: Any) -> dict[str, Any]:
    made = deployment("web", image=IMAGE + "a" * 64)["spec"]
    spec = {"serviceName": "web", "selector": made["selector"], "template": made["template"], **spec}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": spec}


@pytest.mark.parametrize(
    ("former", "manifest"),
    [
        (_claim(volumeName="v"), _claim()),
        (_volume(claimRef={}), _volume()),
        (_volume_class(finalizers=["example.com/x"]), _volume_class()),
        (_volume_class(finalizers=None), _volume_class()),
        (_stateful(updateStrategy={"rollingUpdate": {}}), _stateful(updateStrategy={})),
    ],
    ids=["claim", "volume", "finalizers", "null finalizers", "strategy"],
)
def test_what_a_replace_keeps_is_no_change(shell, client, server, home, former, manifest):
    """After a replace, a diff and an apply of the same manifest change nothing: what the replace kept stays."""
    place = home if manifest["kind"] in ("PersistentVolumeClaim", "StatefulSet") else ""
    objects = [placed(manifest, home) if place else manifest, placed(former, home) if place else former]
    for obj in objects:
        shell.make_targets(document("//svc:dev", [obj], namespace=home))
        assert shell.run("apply") == 0, shell.err
    shell.make_targets(document("//svc:dev", objects[:1], namespace=home))
    assert shell.run("replace") == 0, shell.err

    assert (shell.run("diff"), shell.out) == (0, ""), shell.err
    before = server.changes()
    assert shell.run("replace") == 0 and server.changes() == before, shell.err
    assert shell.run("apply") == 0 and server.changes() == before, shell.err
    if not place:
        # Other tests share the cluster, in which no controller removes finalizers.
        root = "/api/v1/persistentvolumes" if manifest["kind"] == "PersistentVolume" else "/apis/storage.k8s.io/v1/volumeattributesclasses"
        client.request("PATCH", f"{root}/kept", content_type="application/merge-patch+json", body={"metadata": {"finalizers": []}})
        assert shell.run("delete", "--delete-data") == 0, shell.err


@pytest.mark.parametrize(("changes", "code"), [(4, 0), (100, 1)])
def test_replace_copes_with_changes_of_others(shell, client, home, monkeypatch, changes, code):
    """If a controller writes between a replace's read and write, the replace reads again, five times at most."""
    made = {**deployment("web"), "metadata": {"name": "web", "namespace": home}}
    shell.make_targets(document("//svc:dev", [made], namespace=home))
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(document("//svc:dev", [{**made, "spec": {**made["spec"], "replicas": 2}}], namespace=home))
    path = f"/apis/apps/v1/namespaces/{home}/deployments/web"
    replacement, done = replacer._replacement, []

    def disturbed(item, live, schema):
        if len(done) < changes:
            done.append(1)
            client.request("PATCH", f"{path}/status", content_type="application/merge-patch+json", body={"status": {"observedGeneration": 100 + len(done)}})
        return replacement(item, live, schema)

    monkeypatch.setattr(replacer.ReplaceWriter, "check", lambda self, items, *_: [Verdict(item, "changed") for item in items])
    monkeypatch.setattr(replacer, "_replacement", disturbed)

    assert shell.run("replace") == code, shell.err
    assert len(done) == min(changes, 5)
    assert client.request("GET", path)[1]["spec"]["replicas"] == (2 if code == 0 else 1)
    assert code == 0 or "the object has been modified" in shell.err
