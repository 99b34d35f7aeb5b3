"""Tests of unions: a manifest may change from each member to each other one, though the server has filled in the former member."""

from __future__ import annotations

import copy
import itertools
from typing import Any

import pytest

from rules.k8s.testing.plans import deployment, document
from rules.k8s.tools.api.client import Client
from tests.apply.stacks import IMAGE, placed

_CLUSTER = ("ValidatingWebhookConfiguration", "PriorityLevelConfiguration", "CustomResourceDefinition", "PersistentVolume")


def base(kind: str = "Deployment") -> dict[str, Any]:
    """Returns a workload."""
    obj = deployment("web", image=IMAGE + "a" * 64)
    extra = {"serviceName": "web"} if kind == "StatefulSet" else {}
    spec = {key: value for key, value in obj["spec"].items() if kind != "DaemonSet" or key != "replicas"}
    return {**obj, "kind": kind, "spec": {**spec, **extra}}


def with_spec(kind: str, **spec: Any) -> dict[str, Any]:
    """Returns a workload with more in its spec."""
    obj = base(kind)
    return {**obj, "spec": {**obj["spec"], **spec}}


def with_pod(**spec: Any) -> dict[str, Any]:
    """Returns a Deployment with more in its pods' spec."""
    obj = base()
    obj["spec"]["template"]["spec"] |= spec
    return obj


def with_container(**fields: Any) -> dict[str, Any]:
    """Returns a Deployment with more in its second container; the first has members of every union."""
    obj = base()
    first = {"name": "a", "image": IMAGE + "a" * 64, "livenessProbe": {"exec": {"command": ["x"]}}, "env": [{"name": "B", "value": "1"}]}
    obj["spec"]["template"]["spec"]["containers"] = [first, {"name": "main", "image": IMAGE + "b" * 64, **fields}]
    return obj


def service(**spec: Any) -> dict[str, Any]:
    """Returns a Service."""
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}


_PORTS = {"selector": {"a": "b"}, "ports": [{"port": 80}]}
_HTTP, _TCP, _EXEC, _GRPC = {"httpGet": {"port": 80}}, {"tcpSocket": {"port": 80}}, {"exec": {"command": ["true"]}}, {"grpc": {"port": 80}}


def webhook(**client_config: Any) -> dict[str, Any]:
    """Returns a webhook configuration."""
    rule = {"apiGroups": ["zz.example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["zzs"]}
    hook = {"name": "h.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "clientConfig": client_config, "rules": [rule]}
    return {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "union"}, "webhooks": [hook]}


def level(**spec: Any) -> dict[str, Any]:
    """Returns a priority level."""
    return {"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "PriorityLevelConfiguration", "metadata": {"name": "union"}, "spec": spec}


def budget(**spec: Any) -> dict[str, Any]:
    """Returns a disruption budget."""
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, **spec}}


def autoscaler(*metrics: dict[str, Any]) -> dict[str, Any]:
    """Returns an autoscaler."""
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}, "maxReplicas": 3, "metrics": list(metrics)}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"}, "spec": spec}


def definition(**conversion: Any) -> dict[str, Any]:
    """Returns a definition with a conversion."""
    schema = {"openAPIV3Schema": {"type": "object"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "unions.unions.example.com"},
        "spec": {
            "group": "unions.example.com",
            "scope": "Namespaced",
            "names": {"kind": "Union", "listKind": "UnionList", "plural": "unions", "singular": "union"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
            **({"conversion": conversion} if conversion else {}),
        },
    }


_CONVERSION = {"conversionReviewVersions": ["v1"], "clientConfig": {"service": {"namespace": "default", "name": "x"}}}
_VOLUMES: list[dict[str, Any]] = [
    {"emptyDir": {}},
    {"configMap": {"name": "c"}},
    {"secret": {"secretName": "c"}},
    {"hostPath": {"path": "/x"}},
    {"projected": {"sources": [{"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}},
    {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    {"persistentVolumeClaim": {"claimName": "c"}},
    {"ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}}},
    {"iscsi": {"targetPortal": "1.2.3.4", "iqn": "iqn.2001-04.com.example:x", "lun": 1}},
    {"nfs": {"server": "x", "path": "/x"}},
]
_UNIONS: dict[str, list[dict[str, Any]]] = {
    "strategy of a Deployment": [
        base(),
        with_spec("Deployment", strategy={"type": "Recreate"}),
        with_spec("Deployment", strategy={"type": "Recreate", "rollingUpdate": None}),
        with_spec("Deployment", strategy={"rollingUpdate": {"maxSurge": 2}}),
    ],
    "strategy of a StatefulSet": [
        base("StatefulSet"),
        with_spec("StatefulSet", updateStrategy={"type": "OnDelete"}),
        with_spec("StatefulSet", updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}),
    ],
    "strategy of a DaemonSet": [base("DaemonSet"), with_spec("DaemonSet", updateStrategy={"type": "OnDelete"})],
    "probe": [with_container(livenessProbe=probe) for probe in (_HTTP, _TCP, _EXEC, _GRPC)],
    "hook": [with_container(lifecycle={"preStop": each}) for each in (_HTTP, _EXEC, {"sleep": {"seconds": 1}})],
    "volume": [with_pod(volumes=[{"name": "first", "emptyDir": {}}, {"name": "v", **source}]) for source in _VOLUMES],
    "variable": [
        with_container(env=[{"name": "A", "value": "1"}, {"name": "B", **each}])
        for each in (
            {"value": "x"},
            {"valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"valueFrom": {"resourceFieldRef": {"resource": "limits.cpu"}}},
            {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {},
        )
    ],
    "Service": [
        service(**_PORTS),
        service(type="NodePort", **_PORTS),
        service(type="LoadBalancer", externalTrafficPolicy="Local", **_PORTS),
        service(type="ExternalName", externalName="x.example.com"),
    ],
    "affinity of a Service": [
        service(**_PORTS),
        service(sessionAffinity="ClientIP", **_PORTS),
        service(sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 5}}, **_PORTS),
        service(sessionAffinity="None", **_PORTS),
    ],
    "webhook": [webhook(url="https://x.example.com/h"), webhook(service={"namespace": "default", "name": "x"})],
    "priority level": [
        level(type="Limited", limited={"lendablePercent": 5, "limitResponse": {"type": "Reject"}}),
        level(type="Limited", limited={"limitResponse": {"type": "Queue", "queuing": {}}}),
    ],
    "budget": [budget(minAvailable=1), budget(maxUnavailable=1)],
    "metric": [
        autoscaler({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}}),
        autoscaler({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "AverageValue", "averageValue": "1"}}}),
        autoscaler({"type": "Pods", "pods": {"metric": {"name": "x"}, "target": {"type": "AverageValue", "averageValue": "1"}}}),
    ],
    "conversion": [definition(), definition(strategy="Webhook", webhook=_CONVERSION)],
}


def named(obj: dict[str, Any], home: str, name: str) -> dict[str, Any]:
    """Returns an object under another name, in the test's namespace if its kind is namespaced."""
    obj = copy.deepcopy(obj)
    obj["metadata"]["name"] = obj["metadata"]["name"] if obj["kind"] == "CustomResourceDefinition" else f"{home}-{name}"
    return obj if obj["kind"] in _CLUSTER else placed(obj, home)


def path_of(obj: dict[str, Any]) -> str:
    """Returns the path of an object's kind in its namespace."""
    root = f"/apis/{obj['apiVersion']}" if "/" in obj["apiVersion"] else f"/api/{obj['apiVersion']}"
    namespace = obj["metadata"].get("namespace")
    return root + (f"/namespaces/{namespace}" if namespace else "") + f"/{obj['kind'].lower()}s"


def content(obj: Any) -> Any:
    """Returns what an object says, without what the server allocates for it."""
    if isinstance(obj, dict):
        return {key: content(each) for key, each in obj.items() if key not in _ALLOCATED}
    return [content(each) for each in obj] if isinstance(obj, list) else obj


_ALLOCATED = ("metadata", "status", "clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort", "ipFamilies", "ipFamilyPolicy")


@pytest.mark.parametrize("name", _UNIONS)
def test_a_union_changes(shell, server, client, home, name):
    """From each member to each other one: a diff shows it, the apply ends as a fresh object would, and the next writes nothing."""
    members = _UNIONS[name]
    pairs = list(itertools.permutations(range(len(members)), 2))
    # One definition can have one conversion only, so these pairs are tried one after another.
    for batch in [[pair] for pair in pairs] if name == "conversion" else [pairs]:
        before, after = ([named(members[pair[side]], home, f"{pair[0]}-{pair[1]}") for pair in batch] for side in (0, 1))
        fresh = [client.request("POST", path_of(obj), body=named(obj, home, "fresh"), query={"dryRun": "All"})[1] for obj in after] if len(batch) > 1 else []
        shell.make_targets(document("//svc:dev", before, namespace=home))
        assert shell.run("apply") == 0, shell.err
        shell.make_targets(document("//svc:dev", after, namespace=home))
        assert shell.run("diff") == 1, shell.err
        shown = {line.split()[-1].rpartition("/")[2] for line in shell.out.splitlines() if line.startswith("+++ ")}
        versions = {obj["metadata"]["name"]: _read(client, obj)["metadata"]["resourceVersion"] for obj in after}
        assert shell.run("apply") == 0, shell.err
        live = [_read(client, obj) for obj in after]

        assert {obj["metadata"]["name"] for obj in live if obj["metadata"]["resourceVersion"] != versions[obj["metadata"]["name"]]} == shown
        for pair, one, other in zip(batch, live, fresh, strict=False):
            # The server accepts a DaemonSet's former member beside the new one, and ignores it.
            assert one["kind"] == "DaemonSet" or content(one) == content(other), f"{name}, {pair}"
        writes = server.changes()
        assert (shell.run("diff"), shell.out) == (0, ""), shell.err
        assert shell.run("apply") == 0 and server.changes() == writes, shell.err
        assert shell.run("delete", "--delete-data") == 0, shell.err


def _read(client: Client, obj: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = client.request("GET", f"{path_of(obj)}/{obj['metadata']['name']}")[1]
    return found


def test_a_refusal_that_no_default_causes_stays(shell, server, home):
    """A manifest that is wrong by itself is refused in the server's words, and nothing is written."""
    obj = base()
    shell.make_targets(document("//svc:dev", [placed(obj, home)], namespace=home))
    assert shell.run("apply") == 0, shell.err
    wrong = with_spec("Deployment", strategy={"type": "Recreate", "rollingUpdate": {"maxSurge": 1}})
    shell.make_targets(document("//svc:dev", [placed(wrong, home)], namespace=home))
    before = server.changes()

    assert shell.run("apply") == 1 and "spec.strategy.rollingUpdate: Forbidden" in shell.err and server.changes() == before
    assert shell.run("diff") == 2 and "spec.strategy.rollingUpdate: Forbidden" in shell.err
