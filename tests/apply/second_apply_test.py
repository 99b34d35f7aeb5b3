"""Tests of second applies: what an apply has written, the next one does not write, in whatever spelling; and `.diff` says the same."""

from __future__ import annotations

import copy
import time
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.openapi import Schema, blank_keys
from rules.k8s.tools.objects.server_fields import with_data, without_null_in_lists
from tests.apply.stacks import IMAGE, placed

_GROUP = "shop.example.com"
_RULE = {"apiGroups": ["zz.example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["zzs"]}
_SPEC: dict[str, Any] = {
    "emb": {"type": "object", "x-kubernetes-embedded-resource": True, "x-kubernetes-preserve-unknown-fields": True},
    "any": {"x-kubernetes-preserve-unknown-fields": True},
    "q": {"type": "integer"},
    "d": {"type": "integer", "default": 5},
    "ls": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
    "lm": {
        "type": "array",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["port", "protocol"],
        "items": {
            "type": "object",
            "required": ["port"],
            "properties": {"port": {"type": "integer"}, "protocol": {"type": "string", "default": "TCP"}, "x": {"type": "integer"}},
        },
    },
    "la": {"type": "array", "items": {"type": "string"}},
    "mp": {"type": "object", "additionalProperties": {"type": "string"}},
    "mo": {"type": "object", "additionalProperties": {"type": "object", "properties": {"a": {"type": "integer"}}}},
    "un": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    "st": {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer", "default": 3}}},
}


def custom(**spec: Any) -> dict[str, Any]:
    """Returns a custom resource of the definition below."""
    return {"apiVersion": f"{_GROUP}/v1", "kind": "Gw", "metadata": {"name": "g"}, "spec": spec}


@pytest.fixture(name="gateways")
def fixture_gateways(client: Client) -> None:
    """Defines a custom resource with every type of list and mapping."""
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": _SPEC}}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gws.{_GROUP}"},
        "spec": {
            "group": _GROUP,
            "scope": "Namespaced",
            "names": {"kind": "Gw", "listKind": "GwList", "plural": "gws", "singular": "gw"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    plural = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    if not client.get_or_none(f"{plural}/gws.{_GROUP}"):
        client.request("POST", plural, body=definition)
    deadline = time.monotonic() + 20
    while f"apis/{_GROUP}/v1" not in client.request("GET", "/openapi/v3")[1]["paths"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def make(shell: Shell, home: str, *objects: dict[str, Any]) -> None:
    """Writes the plan of one target as the build does: its objects in the namespace, Secrets with data."""
    cluster = ("ClusterRole", "ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
    made = [with_data(without_null_in_lists(obj if obj["kind"] in cluster else placed(obj, home))) for obj in objects]
    shell.make_targets(document("//svc:dev", made, namespace=home))


def web(**container: Any) -> dict[str, Any]:
    """Returns a Deployment without pods."""
    obj = deployment("web", image=IMAGE + "a" * 64)
    obj["spec"]["template"]["spec"]["containers"][0] |= container
    return obj


def policy(**spec: Any) -> dict[str, Any]:
    """Returns a NetworkPolicy."""
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "np"}, "spec": spec}


def hook(kind: str, name: str, **fields: Any) -> dict[str, Any]:
    """Returns a webhook configuration that no test's object matches."""
    base = {"name": "h.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "clientConfig": {"url": "https://x.example.com/h"}}
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "webhooks": [{**base, "rules": [_RULE], **fields}]}


def timed(text: str | None) -> dict[str, Any]:
    """Returns a Deployment with a time in its template's metadata."""
    obj = web()
    obj["spec"]["template"]["metadata"]["creationTimestamp"] = text
    return obj


def daemon_set(obj: dict[str, Any]) -> dict[str, Any]:
    """Returns a Deployment as a DaemonSet."""
    return {**obj, "kind": "DaemonSet", "spec": {key: value for key, value in obj["spec"].items() if key != "replicas"}}


_SAME = {
    "empty list of a policy": policy(podSelector={}, policyTypes=["Ingress"], ingress=[]),
    "empty lists inside a rule": policy(podSelector={"matchLabels": {}}, policyTypes=["Egress"], egress=[{"to": [], "ports": []}]),
    "fraction of a second": timed("2026-01-01T00:00:00.5Z"),
    "fraction in a DaemonSet": daemon_set(timed("2026-01-01T00:00:00.5Z")),
    "null time": timed(None),
    "validating webhook": hook(
        "ValidatingWebhookConfiguration", "w1", matchConditions=[], namespaceSelector={"matchExpressions": [], "matchLabels": {}}, objectSelector={}
    ),
    "mutating webhook": hook("MutatingWebhookConfiguration", "w2", matchConditions=[], objectSelector={"matchExpressions": []}),
    "aggregated role": {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "agg"},
        "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"turnup-test": "none"}}]},
        "rules": [],
    },
    "role": {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "r"}, "rules": []},
    "null protocol": web(ports=[{"containerPort": 80, "protocol": None}]),
    "empty protocol": web(ports=[{"containerPort": 80, "protocol": ""}]),
    "null protocol of a Service": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"selector": {"a": "b"}, "ports": [{"port": 80, "protocol": None}]},
    },
    "quantities": web(resources={"limits": {"cpu": "0.5", "memory": "1024Mi"}, "requests": {"cpu": 0.1}}, env=[], args=[], command=None, envFrom=[]),
    "empty lists of a pod": web(volumeMounts=[], volumeDevices=[], ports=[], lifecycle=None, securityContext={}),
    "slice": {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "sl", "labels": {}, "annotations": {}},
        "addressType": "IPv4",
        "endpoints": [],
        "ports": [],
    },
    "account": {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sa"}, "imagePullSecrets": [], "secrets": []},
    "empty name of a Secret to pull with": {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sp"}, "imagePullSecrets": [{"name": ""}]},
    "null in an immutable field": {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"completions": None, "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": IMAGE + "a" * 64}]}}},
    },
    "empty map": {**config_map("m"), "data": {}, "binaryData": {}},
    "immutable map": {**config_map("im"), "data": {}, "binaryData": {}, "immutable": True},
    "immutable secret": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "is"}, "type": "Opaque", "data": {}, "immutable": True},
    "secret": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}, "data": {"a": "YQ=="}, "stringData": {}},
    "limits": {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "l"}, "spec": {"limits": []}},
    "budget": {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "b"},
        "spec": {"minAvailable": 1, "selector": {"matchExpressions": [], "matchLabels": {}}},
    },
}
_SAME_CUSTOM = {
    "embedded labels": custom(emb={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": {}}}),
    "embedded time": custom(emb={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "creationTimestamp": None}}),
    "null": custom(any=None),
    "null with a default": custom(d=None),
    "empties": custom(ls=[], lm=[], la=[], mp={}, mo={}, un={}, st={}),
    "nested": custom(un={"a": [], "b": {}, "c": None, "d": [{}]}, any={"x": []}),
}


def check_settled(shell: Shell, server: Any) -> None:
    """Checks that a second apply and a third write nothing, and that a diff shows nothing."""
    assert shell.run("apply") == 0, shell.err
    assert (shell.run("diff"), shell.out) == (0, ""), shell.err
    for _ in range(2):
        before = server.changes()
        assert shell.run("apply") == 0, shell.err
        assert "1 unchanged" in shell.err and server.changes() == before, shell.err


@pytest.mark.parametrize("name", _SAME)
def test_a_second_apply_writes_nothing(shell, server, home, name):
    """Empty lists and mappings, nulls and odd spellings that the server stores in another way are no difference."""
    make(shell, home, copy.deepcopy(_SAME[name]))
    check_settled(shell, server)


@pytest.mark.parametrize("name", _SAME_CUSTOM)
def test_a_second_apply_of_a_custom_resource_writes_nothing(shell, server, home, gateways, name):
    """What the server drops from a custom resource, or keeps though it is empty, is no difference."""
    make(shell, home, copy.deepcopy(_SAME_CUSTOM[name]))
    check_settled(shell, server)


_FULL = {
    "q": {"q": 1},
    "set": {"ls": ["a", "b"], "q": 1},
    "list": {"lm": [{"port": 80, "x": 1}, {"port": 80, "protocol": "UDP"}]},
    "atomic": {"la": ["a"]},
    "texts": {"mp": {"a": "b"}},
    "objects": {"mo": {"k": {"a": 1}}},
    "unknown": {"un": {"a": {"b": 1}, "l": [1]}},
    "struct": {"st": {"a": 1}},
    "empties": {"ls": [], "lm": [], "la": [], "mp": {}, "mo": {}, "un": {}, "st": {}, "q": 1},
}
_EMPTY: dict[str, dict[str, Any]] = {
    "set": {"ls": []},
    "list": {"lm": []},
    "atomic": {"la": []},
    "texts": {"mp": {}},
    "objects": {"mo": {}},
    "unknown": {"un": {}},
    "struct": {"st": {}},
    "inner": {"mo": {"k": {}}},
    "inner list": {"un": {"l": []}},
    "nothing": {},
}


@pytest.mark.parametrize("before", _FULL)
def test_an_emptied_custom_resource_is_what_a_fresh_one_is(shell, server, client, home, gateways, before):
    """From every filled field to every emptied one, the object is after one apply what a new object is, and a diff shows it before."""
    path = f"/apis/{_GROUP}/v1/namespaces/{home}/gws"
    for name, spec in _EMPTY.items():
        fresh = client.request("POST", path, body=custom(**spec), query={"dryRun": "All"})[1].get("spec")
        make(shell, home, custom(**_FULL[before]))
        assert shell.run("apply") == 0, shell.err
        make(shell, home, custom(**spec))
        differs = shell.run("diff")
        assert differs == 1, f"{before} to {name}: {shell.err}"
        assert shell.run("apply") == 0, f"{before} to {name}: {shell.err}"
        assert client.request("GET", f"{path}/g")[1].get("spec") == fresh, f"{before} to {name}"
        writes = server.changes()
        assert shell.run("diff") == 0 and shell.run("apply") == 0 and server.changes() == writes, f"{before} to {name}"
        client.request("DELETE", f"{path}/g")


@pytest.mark.parametrize("before", [{"lm": []}, {"ls": []}, {"ls": [], "lm": [], "q": 1}, {"la": [], "mp": {}}, {"un": {"l": []}}], ids=str)
@pytest.mark.parametrize("after", [None, {}, {"q": 1}], ids=str)
def test_an_empty_list_leaves_a_custom_resource(shell, server, client, home, gateways, before, after):
    """An empty list that leaves the manifest leaves the object, though the server does not record who set it; then nothing is written."""
    path = f"/apis/{_GROUP}/v1/namespaces/{home}/gws"
    wanted = {key: value for key, value in custom(**(after or {})).items() if key != "spec" or after is not None}
    fresh = client.request("POST", path, body=wanted, query={"dryRun": "All"})[1].get("spec")
    make(shell, home, custom(**before))
    assert shell.run("apply") == 0, shell.err
    make(shell, home, wanted)

    assert shell.run("diff") == 1 and shell.run("apply") == 0, shell.err
    assert client.request("GET", f"{path}/g")[1].get("spec") == fresh
    writes = server.changes()
    assert shell.run("diff") == 0 and shell.run("apply") == 0 and server.changes() == writes, shell.err
    client.request("DELETE", f"{path}/g")


def test_an_empty_list_of_others_stays_in_a_custom_resource(shell, server, client, home, gateways):
    """An empty list in an object that another manager writes, too, may be that manager's, so it stays and nothing is written."""
    path = f"/apis/{_GROUP}/v1/namespaces/{home}/gws/g"
    make(shell, home, custom(q=1))
    assert shell.run("apply") == 0, shell.err
    body = {"spec": {"ls": [], "mp": {"a": "b"}}}
    client.request("PATCH", path, body=body, content_type="application/merge-patch+json", query={"fieldManager": "operator"})
    writes = server.changes()

    assert shell.run("diff") == 0 and shell.run("apply") == 0 and server.changes() == writes, shell.out
    client.request("DELETE", path)


def test_a_null_key_is_refused_with_its_path(shell, server, home, gateways):
    """A null in the key of a custom resource's list is refused before the first write, because each apply would add the element."""
    for blank in (None, ""):
        make(shell, home, custom(lm=[{"port": 80, "protocol": blank}]))
        before = server.changes()
        assert shell.run("apply") == 1
        assert (
            "Gw" in shell.err
            and "spec.lm[0].protocol identifies an element of its list, but is null, empty or missing, so the server would not find the element again"
            in shell.err
        )
        assert shell.run("diff") == 2 and server.changes() == before


def test_an_empty_name_that_is_the_only_key_is_refused(shell, server, home):
    """An element that the server would store without any key is refused before the first write, because no later apply would pass."""
    make(shell, home, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "sa"}, "secrets": [{"name": ""}]})
    before = server.changes()
    assert shell.run("apply") == 1 and "ServiceAccount" in shell.err and "secrets[0].name identifies an element of its list" in shell.err
    assert shell.run("diff") == 2 and server.changes() == before


def test_every_key_of_every_built_in_list_is_known(client):
    """In the schemas of all kinds that the server has, each list with keys is found, and a null in any of its keys."""
    found = 0
    for name in client.request("GET", "/openapi/v3")[1]["paths"]:
        named = client.request("GET", f"/openapi/v3/{name}")[1].get("components", {}).get("schemas", {})
        for node in named.values():
            for field, inner in (node.get("properties") or {}).items():
                keys = inner.get("x-kubernetes-list-map-keys")
                if inner.get("x-kubernetes-list-type") == "map":
                    found += 1
                    value = {field: [dict.fromkeys(keys)]}
                    assert list(blank_keys(value, Schema(node, named))) == [f"{field}[0].{key}" for key in keys]
    assert found > 100


def test_only_ownership_changes_nothing(shell, client, home):
    """A manifest that names a default, or no longer does, is unchanged for diff and for apply, which does not write the object."""
    path = f"/apis/apps/v1/namespaces/{home}/deployments/web"
    named = {**web(), "spec": {**web()["spec"], "revisionHistoryLimit": 10}}
    make(shell, home, web())
    assert shell.run("apply") == 0, shell.err
    for obj in (named, web(), named):
        make(shell, home, obj)
        before = client.request("GET", path)[1]["metadata"]["resourceVersion"]
        assert (shell.run("diff"), shell.out) == (0, "")
        assert shell.run("apply") == 0 and "1 unchanged" in shell.err
        assert client.request("GET", path)[1]["metadata"]["resourceVersion"] == before


def test_secrets_lose_keys(shell, server, client, home):
    """A key that leaves stringData goes, also after an apply that owned it as stringData."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "creds"}, "stringData": {"user": "admin", "old-key": "leftover-value"}}
    path = f"/api/v1/namespaces/{home}/secrets/creds"
    for prepare in (with_data, lambda obj: obj):
        shell.make_targets(document("//svc:dev", [prepare(placed(secret, home))], namespace=home))
        assert shell.run("apply") == 0, shell.err
        make(shell, home, {**secret, "stringData": {"user": "admin"}})
        assert shell.run("diff") == 1 and "old-key" in shell.out, shell.out + shell.err
        assert shell.run("apply") == 0, shell.err
        assert client.request("GET", path)[1]["data"] == {"user": "YWRtaW4="}
        before = server.changes()
        assert shell.run("diff") == 0 and shell.run("apply") == 0 and server.changes() == before
        assert shell.run("delete") == 0


def test_characters_beyond_the_basic_plane(shell, server, client, home):
    """An emoji is applied as it stands, and the second apply writes nothing."""
    made = config_map("emoji", title="build ok \U0001f389")
    make(shell, home, made)
    check_settled(shell, server)
    assert client.request("GET", f"/api/v1/namespaces/{home}/configmaps/emoji")[1]["data"]["title"] == "build ok \U0001f389"


def test_fields_that_are_not_stored_are_named_once(shell, server, home):
    """A field that the server drops because its feature is off is named when it is written, and is no difference later."""
    obj = web()
    obj["spec"]["template"]["spec"] |= {"resources": {"requests": {"cpu": "1"}}, "setHostnameAsFQDN": True}
    make(shell, home, obj)
    check_settled(shell, server)
