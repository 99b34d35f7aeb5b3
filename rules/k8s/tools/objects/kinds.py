"""The lists of kinds that code treats differently from others.

What holds for one kind alone, such as the claims of a StatefulSet or the revisions of a Deployment, is in the code that handles it.
"""

from __future__ import annotations

# Configuration that pods read, and that gets content-hashed names.
CONFIG_KINDS = ("ConfigMap", "Secret")

# Deleting these deletes what others keep in them; in the order in which they are deleted.
DATA_KINDS = ("PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition", "Namespace")

# Kinds that need `--delete-data`: it deletes their objects or, for a StatefulSet, the claims that it created.
HOLD_DATA = (*DATA_KINDS, "StatefulSet")

# Written before all others, which may need them, or a quota's new limits: this saves requests that the API server would refuse.
# A LimitRange changes only pods that are created after it.
WRITTEN_FIRST = ("Namespace", "CustomResourceDefinition", "ResourceQuota", "LimitRange")

# Workloads with pods that are worth showing.
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "ReplicaSet", "ReplicationController")

# Workloads with pods that are deleted with them, so that a delete waits for the pods.
WITH_PODS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job")

# Workloads of the group `apps` with pods that a new object of the same name and selector adopts.
ADOPTING = ("Deployment", "StatefulSet")

# Workloads of the group `apps` with a number of pods in spec.replicas.
REPLICATED = ("Deployment", "StatefulSet", "ReplicaSet")

# Cluster-scoped kinds that have their name from their spec: the same spec cannot be tried under another name.
NAMED_BY_SPEC = ("APIService", "CustomResourceDefinition")

# Kinds with a status that does not say which generation it is about.
WITHOUT_OBSERVED_GENERATION = ("Job", "Pod")

# Kinds that explain in normal events, not in warnings, why they wait.
EXPLAINED_BY_EVENTS = ("PersistentVolumeClaim",)

# Cluster-scoped kinds of the API groups that Kubernetes itself serves. Custom resources are known by their definitions.
CLUSTER_SCOPED: dict[str, frozenset[str]] = {
    "": frozenset({"ComponentStatus", "Namespace", "Node", "PersistentVolume"}),
    "admissionregistration.k8s.io": frozenset(
        {
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        }
    ),
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

# API groups of Kubernetes in which all kinds are namespaced; a group of CLUSTER_SCOPED has both.
BUILT_IN_NAMESPACED_GROUPS = frozenset(
    {
        "apps",
        "autoscaling",
        "batch",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "policy",
        "authorization.k8s.io",
    }
)

# Kinds that are never more ready than when they are written: after an apply nothing waits for them.
READY_WHEN_WRITTEN = frozenset(
    {
        ("", "ConfigMap"),
        ("", "Secret"),
        ("", "ServiceAccount"),
        ("", "LimitRange"),
        ("", "ResourceQuota"),
        ("", "Endpoints"),
        ("batch", "CronJob"),
        ("rbac.authorization.k8s.io", "Role"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
        ("rbac.authorization.k8s.io", "ClusterRole"),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding"),
        ("storage.k8s.io", "StorageClass"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("networking.k8s.io", "Ingress"),
        ("networking.k8s.io", "IngressClass"),
    }
)
