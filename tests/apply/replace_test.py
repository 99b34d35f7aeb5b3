"""Tests of replace: it writes only differences, and works while controllers write."""

from __future__ import annotations

import pytest

from rules.k8s.testing.plans import deployment, document
from rules.k8s.tools.preflight.verdicts import Verdict
from rules.k8s.tools.write import replacer
from tests.apply.stacks import make_maps, maps


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


@pytest.mark.parametrize(("changes", "code"), [(4, 0), (100, 1)])
def test_replace_copes_with_changes_of_others(shell, client, home, monkeypatch, changes, code):
    """If a controller writes between a replace's read and write, the replace reads again, five times at most."""
    made = {**deployment("web"), "metadata": {"name": "web", "namespace": home}}
    shell.make_targets(document("//svc:dev", [made], namespace=home))
    assert shell.run("apply") == 0, shell.err
    shell.make_targets(document("//svc:dev", [{**made, "spec": {**made["spec"], "replicas": 2}}], namespace=home))
    path = f"/apis/apps/v1/namespaces/{home}/deployments/web"
    replacement, done = replacer._replacement, []

    def disturbed(item, live):
        if len(done) < changes:
            done.append(1)
            client.request("PATCH", f"{path}/status", content_type="application/merge-patch+json", body={"status": {"observedGeneration": 100 + len(done)}})
        return replacement(item, live)

    monkeypatch.setattr(replacer.ReplaceWriter, "check", lambda self, items, *_: [Verdict(item, "changed") for item in items])
    monkeypatch.setattr(replacer, "_replacement", disturbed)

    assert shell.run("replace") == code, shell.err
    assert len(done) == min(changes, 5)
    assert client.request("GET", path)[1]["spec"]["replicas"] == (2 if code == 0 else 1)
    assert code == 0 or "the object has been modified" in shell.err
