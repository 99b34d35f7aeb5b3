"""Hints for the generator: what the schemas of Kubernetes leave to its validation, and what keeps objects harmless to the server.

A kind that is not here is filled from its schema and from the server's own words; a hint only makes that quicker or safe.
"""

from __future__ import annotations

import zlib
from functools import cache
from typing import Any

IMAGE = "registry.example/app@sha256:" + "a" * 64
FOREIGN_GROUP = "zz.example.com"
"""A group of kinds that the server does not serve: rules for it apply to nothing."""

# (schema, field) or ("", field) → valid values. The first fitting entry counts.
VALUES: dict[tuple[str, str], list[Any]] = {
    # These select requests to the server itself.
    ("RuleWithOperations", "apiGroups"): [[FOREIGN_GROUP]],
    ("RuleWithOperations", "apiVersions"): [["v1"], ["*"]],
    ("RuleWithOperations", "operations"): [["CREATE"], ["CREATE", "UPDATE"], ["*"]],
    ("RuleWithOperations", "resources"): [["zzs"], ["zzs", "zzs/status"]],
    ("NamedRuleWithOperations", "apiGroups"): [[FOREIGN_GROUP]],
    ("NamedRuleWithOperations", "apiVersions"): [["v1"]],
    ("NamedRuleWithOperations", "operations"): [["CREATE"], ["UPDATE", "CREATE"]],
    ("NamedRuleWithOperations", "resources"): [["zzs"]],
    ("ValidatingAdmissionPolicyBindingSpec", "policyName"): ["zz-none"],
    ("MutatingAdmissionPolicyBindingSpec", "policyName"): ["zz-none"],
    ("UserSubject", "name"): ["zz-user"],
    ("GroupSubject", "name"): ["zz-group"],
    ("ValidatingWebhook", "name"): ["one.example.com", "two.example.com", "three.example.com"],
    ("MutatingWebhook", "name"): ["one.example.com", "two.example.com", "three.example.com"],
    ("ValidatingWebhook", "sideEffects"): ["None", "NoneOnDryRun"],
    ("MutatingWebhook", "sideEffects"): ["None", "NoneOnDryRun"],
    ("", "admissionReviewVersions"): [["v1"], ["v1", "v1beta1"]],
    ("WebhookClientConfig", "url"): ["https://x.example.com/h"],
    ("CustomResourceSubresources", "status"): [{}],
    ("NodeSpec", "taints"): [[{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]],
    # Formats.
    ("", "image"): [IMAGE],
    ("", "schedule"): ["*/5 * * * *", "@daily"],
    ("", "timeZone"): ["Etc/UTC"],
    ("", "mountPath"): ["/a", "/b/c"],
    ("", "devicePath"): ["/dev/x"],
    ("HTTPIngressPath", "path"): ["/", "/a"],
    ("", "pathType"): ["Prefix", "Exact"],
    ("HostPathVolumeSource", "path"): ["/nonexistent"],
    ("KeyToPath", "path"): ["a", "b/c"],
    ("", "expression"): ["true", "1 < 2"],
    ("", "messageExpression"): ["'no'"],
    ("", "ip"): ["10.9.0.1", "10.9.0.2"],
    ("", "hostIP"): ["127.0.0.1"],
    ("", "cidr"): ["10.8.0.0/16", "10.7.0.0/24"],
    ("", "except"): [["10.8.1.0/24"], []],
    ("", "podCIDR"): ["10.200.0.0/24"],
    ("", "addressType"): ["IPv4"],
    ("Endpoint", "addresses"): [["10.9.0.1"], ["10.9.0.2"]],
    ("", "host"): ["a.example.com"],
    ("", "hosts"): [["a.example.com"], ["b.example.com", "a.example.com"]],
    ("", "topologyKey"): ["zone", "kubernetes.io/hostname"],
    ("", "provisioner"): ["x.example.com/p"],
    ("", "driver"): ["x.example.com"],
    ("", "driverName"): ["x.example.com"],
    ("", "controller"): ["x.example.com/c"],
    ("", "signerName"): ["x.example.com/s"],
    ("", "accessModes"): [["ReadWriteOnce"], ["ReadWriteMany", "ReadWriteOnce"]],
    ("", "storage"): ["1Gi", "0.5Gi"],
    ("PersistentVolumeSpec", "capacity"): [{"storage": "1Gi"}, {"storage": "0.5Gi"}],
    ("VolumeResourceRequirements", "requests"): [{"storage": "1Gi"}, {"storage": "1.5Gi"}],
    ("ResourceRequirements", "requests"): [{"cpu": "0.5"}, {"memory": "64Mi", "cpu": "100m"}, {"cpu": 1}],
    ("ResourceRequirements", "limits"): [{"cpu": "2"}, {"memory": "0.5Gi"}, {"cpu": "2000m"}],
    ("ResourceQuotaSpec", "hard"): [{"pods": "5"}, {"requests.cpu": "0.5", "configmaps": 3}],
    ("LimitRangeItem", "type"): ["Container"],
    ("LimitRangeItem", "default"): [{"cpu": "0.5"}],
    ("", "subsets"): [[{"addresses": [{"ip": "10.9.0.1"}], "ports": [{"port": 80}]}], []],
    ("PolicyRule", "verbs"): [["get"], ["get", "list"]],
    ("PolicyRule", "resources"): [["pods"], ["configmaps", "pods"]],
    ("PolicyRule", "apiGroups"): [[""], ["apps", ""]],
    ("PolicyRule", "nonResourceURLs"): [],
    ("RoleRef", "apiGroup"): ["rbac.authorization.k8s.io"],
    ("RoleRef", "kind"): ["ClusterRole"],
    ("Subject", "kind"): ["ServiceAccount"],
    ("Subject", "namespace"): ["other"],
    ("LabelSelector", "matchExpressions"): [[{"key": "a", "operator": "In", "values": ["x"]}], [{"key": "a", "operator": "Exists"}]],
    ("LabelSelector", "matchLabels"): [{"a": "x"}, {}],
    ("CustomResourceValidation", "openAPIV3Schema"): [
        {"type": "object", "required": []},
        {"type": "object", "properties": {"spec": {"type": "object", "properties": {"a": {"type": "string", "enum": ["x", "y"]}}}}},
        {"type": "object", "properties": {}, "description": ""},
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    ],
    ("PriorityClass", "value"): [5, 1000],
    ("Toleration", "operator"): ["Exists"],
    ("Sysctl", "name"): ["kernel.shm_rmid_forced"],
    ("ServiceSpec", "type"): ["ClusterIP", "NodePort", "LoadBalancer"],
    ("CrossVersionObjectReference", "kind"): ["Deployment"],
    ("MetricSpec", "type"): ["Resource"],
    ("EnvVar", "name"): ["A", "B_C", "D.e"],
    ("CSINodeDriver", "nodeID"): ["node-1"],
    ("IPAddressSpec", "parentRef"): [{"group": "", "resource": "services", "namespace": "other", "name": "x"}],
    ("ResourceSliceSpec", "pool"): [{"name": "x", "generation": 1, "resourceSliceCount": 1}],
    ("CertificateSigningRequestSpec", "usages"): [["client auth"], ["digital signature", "client auth"]],
}

# (schema, field) that stay absent: they would act on the server or on other objects of the test.
ABSENT = frozenset(
    {
        ("APIServiceSpec", "service"),
        ("PriorityClass", "globalDefault"),
        ("ServiceSpec", "clusterIP"),
        ("ServiceSpec", "clusterIPs"),
        ("ServiceSpec", "loadBalancerIP"),
        ("ServicePort", "nodePort"),
        ("ServiceSpec", "healthCheckNodePort"),
        ("NamespaceSpec", "finalizers"),
        ("PodSpec", "nodeName"),
        ("PodSpec", "priority"),
        ("ObjectMeta", "deletionTimestamp"),
        ("ObjectMeta", "deletionGracePeriodSeconds"),
        ("ObjectMeta", "generateName"),
        ("ObjectMeta", "selfLink"),
        ("ObjectMeta", "creationTimestamp"),
        ("ObjectMeta", "finalizers"),
        ("ObjectMeta", "namespace"),
        ("ObjectMeta", "ownerReferences"),
        ("ObjectMeta", "uid"),
        ("ObjectMeta", "resourceVersion"),
        ("ObjectMeta", "generation"),
        ("ObjectMeta", "managedFields"),
    }
)

# (schema, field) that only take the values above: admission adds to the first when the object is created, the server takes unknown fields
# in the second by an apply, but not by an update, and the build takes only images that it knows.
HINTED_ONLY = frozenset({("NodeSpec", "taints"), ("CustomResourceSubresources", "status"), ("Container", "image"), ("EphemeralContainer", "image")})

# Schemas that describe themselves, and whose random parts seldom fit each other.
NOT_GROWN = frozenset({"JSONSchemaProps", "RuleWithOperations", "NamedRuleWithOperations", "LabelSelectorRequirement"})

PLACE = "@place"
"""In a hint: the namespace of the object."""

# Schemas with exactly one of their optional objects.
UNIONS = frozenset(
    {"Volume", "EnvVarSource", "EnvFromSource", "VolumeProjection", "LifecycleHandler", "PersistentVolumeSpec", "IngressBackend", "NetworkPolicyPeer"}
)


@cache
def signing_request() -> str:
    """Returns a certificate signing request in PEM, in base64."""
    import base64

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
    return base64.b64encode(request.public_bytes(serialization.Encoding.PEM)).decode()


def _template(restart: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"a": "x"}}, "spec": {"restartPolicy": restart, "containers": [{"name": "m", "image": IMAGE}]}}


def _event(version: str) -> dict[str, Any]:
    """Returns the fields of an Event, which its two API groups name differently."""
    about = {"kind": "Pod", "apiVersion": "v1", "name": "x", "namespace": PLACE}
    if version == "v1":
        return {"involvedObject": about, "reason": "r", "message": "m", "type": "Normal"}
    common = {"reportingController": "x.example.com/c", "reportingInstance": "i", "action": "a", "reason": "r", "type": "Normal"}
    return {"regarding": about, "eventTime": "2026-01-01T00:00:00.000000Z", **common}


def base_fields(version: str, kind: str, name: str) -> dict[str, Any]:
    """Returns fields of a kind that depend on each other or on the object's name; {} for most kinds."""
    plural, _, group = name.partition(".")
    selecting = {"selector": {"matchLabels": {"a": "x"}}, "template": _template("Always")}
    bases: dict[str, dict[str, Any]] = {
        "APIService": {"spec": {"group": group, "version": plural, "groupPriorityMinimum": 100, "versionPriority": 15}},
        "CustomResourceDefinition": {
            "spec": {
                "group": group,
                "scope": "Namespaced",
                "names": {"kind": plural.capitalize(), "plural": plural},
                "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": {"type": "object"}}}],
            }
        },
        "Deployment": {"spec": selecting},
        "ReplicaSet": {"spec": selecting},
        "DaemonSet": {"spec": selecting},
        "StatefulSet": {"spec": {**selecting, "serviceName": "x"}},
        "Job": {"spec": {"template": _template("Never")}},
        "CronJob": {"spec": {"schedule": "@daily", "jobTemplate": {"spec": {"template": _template("OnFailure")}}}},
        "ReplicationController": {"spec": {"selector": {"a": "x"}, "template": _template("Always")}},
        "Pod": {"spec": _template("Always")["spec"]},
        "PersistentVolume": {"spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/nonexistent"}}},
        "Service": {"spec": {"selector": {"a": "x"}, "ports": [{"name": "p", "port": 80}]}},
        "CertificateSigningRequest": {"spec": {"request": signing_request(), "signerName": "x.example.com/s", "usages": ["client auth"]}},
        "Event": _event(version),
        "Ingress": {"spec": {"defaultBackend": {"service": {"name": "x", "port": {"number": 80}}}}},
        "ServiceCIDR": {"spec": {"cidrs": ["10.5.0.0/24"]}},
        "ResourceSlice": {"spec": {"driver": "x.example.com", "allNodes": True, "pool": {"name": "x", "generation": 1, "resourceSliceCount": 1}}},
        "VolumeAttachment": {"spec": {"attacher": "x.example.com", "nodeName": "n", "source": {"persistentVolumeName": "x"}}},
        "PersistentVolumeClaim": {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}},
        "FlowSchema": {"spec": {"priorityLevelConfiguration": {"name": "zz-level"}, "matchingPrecedence": 9000}},
        "PriorityLevelConfiguration": {"spec": {"type": "Limited", "limited": {"limitResponse": {"type": "Reject"}}}},
        "HorizontalPodAutoscaler": {"spec": {"maxReplicas": 3, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "zz-none"}}},
        "ValidatingAdmissionPolicy": {
            "spec": {
                "matchConstraints": {"resourceRules": [{"apiGroups": [FOREIGN_GROUP], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["zzs"]}]},
                "validations": [{"expression": "true"}],
            }
        },
    }
    return bases.get(kind, {})


def name_of(kind: str, prefix: str, index: int) -> str:
    """Returns a name that a kind accepts and that no other object of the test has."""
    if kind == "IPAddress":
        number = zlib.crc32(f"{prefix}{index}".encode())
        return f"10.{number % 100 + 100}.{number // 100 % 250 + 1}.{number // 25000 % 250 + 1}"
    if kind == "APIService":
        return f"v1.{prefix}{index}.example.com"
    if kind == "CustomResourceDefinition":
        return f"zz{prefix.replace('-', '')}{index}s.{FOREIGN_GROUP}"
    return f"{prefix}{index}"
