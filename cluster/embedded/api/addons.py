"""The Kubernetes objects that every embedded cluster has: cluster DNS, the storage class and roles."""

from __future__ import annotations

from typing import Any

from cluster.embedded.nodes.credentials import ADMINISTRATORS
from cluster.model.names import Layout
from cluster.programs.binaries import DNS_IMAGE

__all__ = ["ABSENT", "LACKS", "PROVISIONER", "STATEMENT", "STORAGE_CLASS", "addons"]

STORAGE_CLASS = "local-path"
PROVISIONER = "turnup/local-path"  # the same as in kubernetes/localpath/command.go

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_SYSTEM = "/api/v1/namespaces/kube-system"
_LABELS = {"app.kubernetes.io/part-of": "turnup"}
_DNS_LABELS = {"k8s-app": "kube-dns"}

# CoreDNS refuses names outside the cluster domain at once. Nodes reach no network but the cluster's, so it could not forward
# them, and a query that times out looks like a hang. It caches denials for one second only, so that a pod that asks for a
# name too early finds it soon after it exists.
_COREFILE = """\
.:53 {{
    errors
    health {{
        lameduck 5s
    }}
    ready
    kubernetes {domain} in-addr.arpa ip6.arpa {{
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
        ttl 5
    }}
    prometheus :9153
    cache 5 {{
        denial 9984 1 1
    }}
    reload
    loadbalance
}}
"""


LACKS = {
    "NetworkPolicy": "nothing on this cluster enforces network policies, so its pods are reached as without it",
    "LoadBalancer": "nothing on this cluster gives a Service of type LoadBalancer an address; use NodePort, or .forward",
}
"""What an embedded cluster lacks and nobody can find out through its API: kind or Service type -> sentence."""
ABSENT = {
    "Ingress": "no Ingress controller runs on an embedded cluster, and it has no IngressClass; install one, or use NodePort or .forward",
    "HorizontalPodAutoscaler": "no metrics server runs on an embedded cluster, so an autoscaler does not scale; install one",
}
"""What an embedded cluster lacks, too, but everybody can see in its API: kind -> sentence."""
STATEMENT = "turnup-cluster"
"""The ConfigMap of kube-public in which a cluster says what it lacks."""


def addons(layout: Layout) -> list[tuple[str, dict[str, Any]]]:
    """Returns a cluster's objects in the order to apply them.

    Args:
        layout: the cluster's addresses.

    Returns:
        (resource, object) pairs; the resource is the API path up to the plural name.
    """
    return [*_administrators(), *_kubelet_access(), *_provisioner(), *_dns_access(), *_dns(layout), *_statement()]


def _object(kind: str, api: str, name: str, namespace: str | None = None, labels: dict[str, str] | None = None, **fields: object) -> dict[str, Any]:
    metadata: dict[str, object] = {"name": name, "labels": {**_LABELS, **(labels or {})}}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def _role(name: str, rules: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    return f"{_RBAC}/clusterroles", _object("ClusterRole", "rbac.authorization.k8s.io/v1", name, rules=rules)


def _binding(name: str, role: str, subject: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    return f"{_RBAC}/clusterrolebindings", _object("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", name, roleRef=reference, subjects=[subject])


def _user(name: str) -> dict[str, Any]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}


def _group(name: str) -> dict[str, Any]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": name}


def _rule(group: str, resources: list[str], verbs: list[str]) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources, "verbs": verbs}


def _administrators() -> list[tuple[str, dict[str, Any]]]:
    """Returns the role binding of the group in the certificate of kubeconfigs, which can be taken away, unlike the group system:masters."""
    return [_binding(ADMINISTRATORS, "cluster-admin", _group(ADMINISTRATORS))]


def _kubelet_access() -> list[tuple[str, dict[str, Any]]]:
    """Returns the role binding with which kubelets accept calls from the API server."""
    return [_binding("turnup:kube-apiserver", "system:kubelet-api-admin", _user("turnup:kube-apiserver"))]


def _statement() -> list[tuple[str, dict[str, Any]]]:
    """Returns what the cluster lacks, and the right of every account to read it."""
    public, rbac = "/api/v1/namespaces/kube-public", f"{_RBAC}/namespaces/kube-public"
    rules = [{**_rule("", ["configmaps"], ["get"]), "resourceNames": [STATEMENT]}]
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": STATEMENT}
    return [
        (f"{public}/configmaps", _object("ConfigMap", "v1", STATEMENT, "kube-public", data=LACKS)),
        (f"{rbac}/roles", _object("Role", "rbac.authorization.k8s.io/v1", STATEMENT, "kube-public", rules=rules)),
        (
            f"{rbac}/rolebindings",
            _object("RoleBinding", "rbac.authorization.k8s.io/v1", STATEMENT, "kube-public", roleRef=role, subjects=[_group("system:authenticated")]),
        ),
    ]


def _provisioner() -> list[tuple[str, dict[str, Any]]]:
    name = "turnup:local-path-provisioner"
    watch = ["get", "list", "watch"]
    rules = [
        _rule("", ["persistentvolumes"], [*watch, "create", "delete", "patch"]),
        _rule("", ["persistentvolumeclaims"], [*watch, "update"]),
        _rule("", ["nodes"], ["get"]),
        _rule("", ["events"], ["create", "patch", "update"]),
        _rule("storage.k8s.io", ["storageclasses"], watch),
    ]
    storage_class = _object(
        "StorageClass",
        "storage.k8s.io/v1",
        STORAGE_CLASS,
        provisioner=PROVISIONER,
        reclaimPolicy="Delete",
        # A directory is on one node, so it is created where the pod will run.
        volumeBindingMode="WaitForFirstConsumer",
    )
    storage_class["metadata"]["annotations"] = {"storageclass.kubernetes.io/is-default-class": "true"}
    return [_role(name, rules), _binding(name, name, _user(name)), ("/apis/storage.k8s.io/v1/storageclasses", storage_class)]


def _dns_access() -> list[tuple[str, dict[str, Any]]]:
    name = "turnup:coredns"
    rules = [
        _rule("", ["services", "namespaces"], ["list", "watch"]),
        _rule("discovery.k8s.io", ["endpointslices"], ["list", "watch"]),
    ]
    subject = {"kind": "ServiceAccount", "name": "coredns", "namespace": "kube-system"}
    return [
        (f"{_SYSTEM}/serviceaccounts", _object("ServiceAccount", "v1", "coredns", "kube-system")),
        _role(name, rules),
        _binding(name, name, subject),
    ]


def _dns(layout: Layout) -> list[tuple[str, dict[str, Any]]]:
    ports = [("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP")]
    service = _object(
        "Service",
        "v1",
        "kube-dns",
        "kube-system",
        {**_DNS_LABELS, "kubernetes.io/name": "CoreDNS"},
        spec={
            "clusterIP": str(layout.dns_service),
            "selector": _DNS_LABELS,
            "ports": [{"name": name, "port": port, "targetPort": port, "protocol": protocol} for name, port, protocol in ports],
        },
    )
    config = _object("ConfigMap", "v1", "coredns", "kube-system", data={"Corefile": _COREFILE.format(domain=layout.dns_domain)})
    deployment = _object(
        "Deployment",
        "apps/v1",
        "coredns",
        "kube-system",
        _DNS_LABELS,
        spec={
            # With two or more nodes, DNS survives the loss of one.
            "replicas": min(2, layout.nodes),
            "selector": {"matchLabels": _DNS_LABELS},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": _DNS_LABELS}, "spec": _dns_pod(ports)},
        },
    )
    return [(f"{_SYSTEM}/configmaps", config), (f"{_SYSTEM}/services", service), ("/apis/apps/v1/namespaces/kube-system/deployments", deployment)]


def _dns_pod(ports: list[tuple[str, int, str]]) -> dict[str, Any]:
    return {
        "serviceAccountName": "coredns",
        "priorityClassName": "system-cluster-critical",
        "dnsPolicy": "Default",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": _DNS_LABELS},
            }
        ],
        "containers": [
            {
                "name": "coredns",
                "image": DNS_IMAGE,
                "imagePullPolicy": "Never",
                "args": ["-conf", "/etc/coredns/Corefile"],
                "ports": [{"name": name, "containerPort": port, "protocol": protocol} for name, port, protocol in ports],
                "resources": {"requests": {"cpu": "50m", "memory": "40Mi"}, "limits": {"memory": "170Mi"}},
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                    "readOnlyRootFilesystem": True,
                },
                "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns", "readOnly": True}],
                "livenessProbe": {"httpGet": {"path": "/health", "port": 8080}, "failureThreshold": 5, "timeoutSeconds": 5},
                "readinessProbe": {"httpGet": {"path": "/ready", "port": 8181}, "periodSeconds": 1},
            }
        ],
        "volumes": [{"name": "config", "configMap": {"name": "coredns", "items": [{"key": "Corefile", "path": "Corefile"}]}}],
    }
