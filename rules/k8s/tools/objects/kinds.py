"""The kinds that need special care, each list in this one place."""

from __future__ import annotations

# Workloads whose pods are worth showing.
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet", "ReplicationController")


# Kinds of the API groups that Kubernetes itself serves and that live outside any
# namespace. Kinds of custom resources are not known before a cluster is asked.
CLUSTER_SCOPED: dict[str, frozenset[str]] = {
    "": frozenset({"ComponentStatus", "Namespace", "Node", "PersistentVolume"}),
    "admissionregistration.k8s.io": frozenset({
        "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding", "ValidatingWebhookConfiguration",
    }),
    "apiextensions.k8s.io": frozenset({"CustomResourceDefinition"}),
    "apiregistration.k8s.io": frozenset({"APIService"}),
    "certificates.k8s.io": frozenset({"CertificateSigningRequest", "ClusterTrustBundle"}),
    "flowcontrol.apiserver.k8s.io": frozenset({"FlowSchema", "PriorityLevelConfiguration"}),
    "networking.k8s.io": frozenset({"IngressClass", "IPAddress", "ServiceCIDR"}),
    "node.k8s.io": frozenset({"RuntimeClass"}),
    "rbac.authorization.k8s.io": frozenset({"ClusterRole", "ClusterRoleBinding"}),
    "resource.k8s.io": frozenset({"DeviceClass", "ResourceSlice"}),
    "scheduling.k8s.io": frozenset({"PriorityClass"}),
    "storage.k8s.io": frozenset({"CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"}),
}


BUILT_IN_NAMESPACED_GROUPS = frozenset({
    "", "apps", "autoscaling", "batch", "coordination.k8s.io", "discovery.k8s.io",
    "events.k8s.io", "policy", "authorization.k8s.io",
})


# Deleting these deletes what others keep in them; in the order in which they are deleted.
DATA_KINDS = ("PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition", "Namespace")


WITH_PODS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")


# Kinds that are never more ready than when they are written: after an apply nothing waits for them.
READY_WHEN_WRITTEN = frozenset({
    ("", "ConfigMap"), ("", "Secret"), ("", "ServiceAccount"), ("", "LimitRange"), ("", "ResourceQuota"), ("", "Endpoints"),
    ("batch", "CronJob"), ("rbac.authorization.k8s.io", "Role"), ("rbac.authorization.k8s.io", "RoleBinding"),
    ("rbac.authorization.k8s.io", "ClusterRole"), ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
    ("storage.k8s.io", "StorageClass"), ("scheduling.k8s.io", "PriorityClass"), ("networking.k8s.io", "NetworkPolicy"),
    ("networking.k8s.io", "Ingress"), ("networking.k8s.io", "IngressClass"),
})
