"""Tests of fields that the server derives from others: they follow a change of the manifest, and a new object has no others."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rules.k8s.testing.plans import deployment, document
from rules.k8s.tools.objects.server_fields import with_data, with_values
from tests.apply.stacks import IMAGE, placed

_EGRESS = {"egress": [{"ports": [{"port": 53, "protocol": "UDP"}]}]}


def policy(**spec: Any) -> dict[str, Any]:
    """Returns a NetworkPolicy; without arguments one that has no spec."""
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}, **({"spec": spec} if spec else {})}


def workload(kind: str, **pod: Any) -> dict[str, Any]:
    """Returns a workload with more in its pods' spec."""
    obj = deployment("web", image=IMAGE + "a" * 64)
    template = copy.deepcopy(obj["spec"]["template"])
    template["spec"] |= pod
    if kind == "CronJob":
        template["spec"]["restartPolicy"] = "OnFailure"
        spec: dict[str, Any] = {"schedule": "@daily", "jobTemplate": {"spec": {"template": template}}}
        return {"apiVersion": "batch/v1", "kind": kind, "metadata": {"name": "web"}, "spec": spec}
    if kind == "PodTemplate":
        return {"apiVersion": "v1", "kind": kind, "metadata": {"name": "web"}, "template": template}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": "web"}, "spec": {"selector": obj["spec"]["selector"], "template": template}}


def service(**spec: Any) -> dict[str, Any]:
    """Returns a Service."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}], **spec}}


def stateful(**spec: Any) -> dict[str, Any]:
    """Returns a StatefulSet with more in its spec."""
    obj = workload("StatefulSet")
    return {**obj, "spec": {**obj["spec"], "serviceName": "web", **spec}}


_PARTITION: dict[str, Any] = {"rollingUpdate": {"partition": 1}}
_NOT_SET: dict[str, Any] = {"rollingUpdate": {}}
_NULL: dict[str, Any] = {"rollingUpdate": None}
_CHANGES: dict[str, list[dict[str, Any]]] = {
    "egress rules are added": [policy(), policy(**_EGRESS)],
    "egress rules are added beside ingress rules": [policy(podSelector={}, ingress=[{}]), policy(podSelector={}, ingress=[{}], **_EGRESS)],
    "egress rules leave": [policy(**_EGRESS), policy()],
    "egress rules leave beside ingress rules": [policy(podSelector={}, ingress=[{}], **_EGRESS), policy(podSelector={}, ingress=[{}])],
    **{
        f"{field} of a {kind} leaves": [workload(kind, **{field: "x"}), workload(kind)]
        for kind in ("Deployment", "DaemonSet", "CronJob", "PodTemplate")
        for field in ("serviceAccount", "serviceAccountName")
    },
    **{
        f"updateStrategy of a StatefulSet from {before} to {after}": [stateful(updateStrategy=before), stateful(updateStrategy=after)]
        for before, after in ((_PARTITION, {}), ({}, _PARTITION), (_PARTITION, _NOT_SET), (_PARTITION, _NULL))
    },
    "serviceAccount changes its name": [workload("Deployment", serviceAccount="x"), workload("Deployment", serviceAccountName="y")],
}


def collection(obj: dict[str, Any]) -> str:
    """Returns the path of an object's kind in its namespace."""
    root = f"/apis/{obj['apiVersion']}" if "/" in obj["apiVersion"] else f"/api/{obj['apiVersion']}"
    kind = obj["kind"].lower()
    return f"{root}/namespaces/{obj['metadata']['namespace']}/{kind[:-1] + 'ies' if kind.endswith('y') else kind + 's'}"


def content(obj: dict[str, Any]) -> dict[str, Any]:
    """Returns what an object says besides its metadata and status."""
    return {key: value for key, value in obj.items() if key not in ("metadata", "status")}


@pytest.mark.parametrize("replaced", [False, True], ids=["applied", "replaced"])
@pytest.mark.parametrize("name", _CHANGES)
def test_derived_fields_follow_a_change(shell, server, client, home, name, replaced):
    """After a change the object is what a new one is; the diff before shows it, and the diff and the apply after it do nothing."""
    before, after = (placed(copy.deepcopy(obj), home) for obj in _CHANGES[name])
    path = f"{collection(after)}/{after['metadata']['name']}"
    fresh = client.request("POST", collection(after), body=after, query={"dryRun": "All"})[1]
    shell.make_targets(document("//svc:dev", [before], namespace=home))
    assert shell.run("apply") == 0, shell.err
    assert not replaced or shell.run("replace") == 0, shell.err
    shell.make_targets(document("//svc:dev", [after], namespace=home))

    assert shell.run("diff") == 1, shell.err
    assert shell.run("apply") == 0, shell.err
    assert content(client.request("GET", path)[1]) == content(fresh)
    writes = server.changes()
    assert (shell.run("diff"), shell.out) == (0, ""), shell.err
    assert shell.run("apply") == 0 and server.changes() == writes, shell.err


def test_a_null_is_the_servers_default_after_a_replace(shell, server, home):
    """Where the server has answered null with a default, a replace leaves nothing for a diff or an apply to do."""
    shell.make_targets(document("//svc:dev", [placed(stateful(updateStrategy=_NULL), home)], namespace=home))
    for verb in ("apply", "replace"):
        assert shell.run(verb) == 0, shell.err
        writes = server.changes()
        assert (shell.run("diff"), shell.out) == (0, ""), shell.err
        assert shell.run("apply") == 0 and server.changes() == writes, shell.err


def test_what_the_server_allocates_stays(shell, client, home):
    """A Service keeps its addresses and node ports when other fields change: a new object would get others."""
    path = f"/api/v1/namespaces/{home}/services/s"
    shell.make_targets(document("//svc:dev", [placed(service(type="NodePort"), home)], namespace=home))
    assert shell.run("apply") == 0, shell.err
    before = client.request("GET", path)[1]["spec"]
    changed = service(type="NodePort", sessionAffinity="ClientIP", selector={"c": "d"})
    shell.make_targets(document("//svc:dev", [placed(changed, home)], namespace=home))
    assert shell.run("apply") == 0, shell.err
    after = client.request("GET", path)[1]["spec"]

    assert after["selector"] == {"c": "d"}
    assert [after["clusterIPs"], after["ports"][0]["nodePort"]] == [before["clusterIPs"], before["ports"][0]["nodePort"]]


def test_what_others_set_stays(shell, client, home):
    """A derived field that another manager has set keeps the manager's value."""
    path = f"/apis/networking.k8s.io/v1/namespaces/{home}/networkpolicies/p"
    shell.make_targets(document("//svc:dev", [placed(policy(**_EGRESS), home)], namespace=home))
    assert shell.run("apply") == 0, shell.err
    body = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"}, "spec": {"policyTypes": ["Ingress", "Egress"]}}
    client.request("PATCH", path, body=body, content_type="application/apply-patch+yaml", query={"fieldManager": "security-team"})
    shell.make_targets(document("//svc:dev", [placed(policy(), home)], namespace=home))

    assert shell.run("apply") == 0, shell.err
    assert client.request("GET", path)[1]["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_raw_data_that_leaves_is_refused(shell, client, home):
    """The data of a ControllerRevision, whose fields have no owners and cannot change, is refused where an apply would keep it."""
    former = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": {"name": "r"}, "revision": 1, "data": {"a": "b"}}
    shell.make_targets(document("//svc:dev", [placed(former, home)], namespace=home))
    assert shell.run("apply") == 0, shell.err
    assert shell.run("diff") == 0, shell.out
    shell.make_targets(document("//svc:dev", [placed({**former, "data": {}}, home)], namespace=home))

    assert shell.run("diff") == 2 and "data: field is immutable" in shell.err
    assert shell.run("apply") == 1 and "data: field is immutable" in shell.err
    assert client.request("GET", f"/apis/apps/v1/namespaces/{home}/controllerrevisions/r")[1]["data"] == {"a": "b"}


def test_an_element_without_its_key_is_refused_by_its_path(shell, server, home):
    """A reference to a Secret without a name is refused with its path before anything is written."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}, "secrets": [{"name": "x"}, {}]}
    shell.make_targets(document("//svc:dev", [placed(account, home)], namespace=home))
    before = server.changes()

    assert shell.run("apply") == 1 and server.changes() == before
    assert "ServiceAccount" in shell.err and "secrets[1].name identifies an element of its list, but is null, empty or missing" in shell.err


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("Secret", {"data": {"a": "YWJj", "b": None}}),
        ("Secret", {"data": {"b": None}, "stringData": {"a": "x"}}),
        ("Secret", {"stringData": {"a": None}}),
        ("ConfigMap", {"binaryData": {"a": "YWJj", "b": None}}),
        ("ConfigMap", {"data": {"a": "x", "b": None}}),
    ],
)
def test_a_key_of_immutable_data_may_have_no_value(shell, server, client, home, kind, fields):
    """The server stores null in a Secret or ConfigMap as an empty value, so it is sent as one: another apply is not refused."""
    made = placed({"apiVersion": "v1", "kind": kind, "metadata": {"name": "s"}, "immutable": True, **fields}, home)
    fresh = client.request("POST", collection(made), body=made, query={"dryRun": "All"})[1]
    shell.make_targets(document("//svc:dev", [with_data(with_values(made))], namespace=home))
    assert shell.run("apply") == 0, shell.err
    live = client.request("GET", f"{collection(made)}/s")[1]
    assert [live.get("data"), live.get("binaryData")] == [fresh.get("data"), fresh.get("binaryData")]
    writes = server.changes()

    assert (shell.run("diff"), shell.out) == (0, ""), shell.err
    assert shell.run("apply") == 0 and server.changes() == writes, shell.err
