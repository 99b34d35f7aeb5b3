"""Correct manifests, and mistakes that people make in them: what the schemas must say of each.

Tests of the schemas and of the real API server share them: the server accepts the manifests, and refuses what is wrong.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

REMOVED = object()
"""Stands for a field that is not there."""

_METADATA = {"name": "shop", "namespace": "default"}
_LABELS = {"app": "shop"}


def _pod() -> Object:
    return {
        "containers": [
            {
                "name": "main",
                "image": "registry.example/shop:1",
                "ports": [{"containerPort": 8080, "name": "http", "protocol": "TCP"}],
                "env": [{"name": "MODE", "value": "fast"}],
                "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}, "periodSeconds": 5},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }
        ],
        "volumes": [{"name": "data", "emptyDir": {"sizeLimit": "1Gi"}}],
    }


MANIFESTS: dict[str, Object] = {
    "deployment": {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _METADATA,
        "spec": {"replicas": 2, "selector": {"matchLabels": _LABELS}, "template": {"metadata": {"labels": _LABELS}, "spec": _pod()}},
    },
    "statefulset": {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": _METADATA,
        "spec": {
            "serviceName": "shop",
            "selector": {"matchLabels": _LABELS},
            "template": {"metadata": {"labels": _LABELS}, "spec": _pod()},
            "volumeClaimTemplates": [{"metadata": {"name": "disk"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}],
        },
    },
    "service": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _METADATA,
        "spec": {"selector": _LABELS, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    },
    "cronjob": {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _METADATA,
        "spec": {
            "schedule": "0 3 * * *",
            "concurrencyPolicy": "Forbid",
            "jobTemplate": {"spec": {"template": {"spec": {**_pod(), "restartPolicy": "Never"}}}},
        },
    },
    "configmap": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": _METADATA, "data": {"mode": "fast"}},
    "secret": {"apiVersion": "v1", "kind": "Secret", "metadata": _METADATA, "data": {"password": "aHVudGVyMg=="}},
    "ingress": {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": _METADATA,
        "spec": {
            "rules": [
                {
                    "host": "shop.example",
                    "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop", "port": {"number": 80}}}}]},
                }
            ]
        },
    },
    "autoscaler": {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _METADATA,
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
            "maxReplicas": 5,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}],
        },
    },
    "policy": {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": _METADATA,
        "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"ports": [{"port": 80, "protocol": "TCP"}]}]},
    },
    "role": {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": _METADATA,
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
    },
    "budget": {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _METADATA,
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": _LABELS}},
    },
    "claim": {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _METADATA,
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    },
}


@dataclass(frozen=True)
class Mutation:
    """A mistake.

    Attributes:
        name: of the test case.
        manifest: the key of MANIFESTS.
        path: the field that is wrong.
        value: what it is set to; REMOVED takes it out.
        says: what the error must contain.
    """

    name: str
    manifest: str
    path: tuple[str | int, ...]
    value: Any
    says: str

    def apply(self) -> Object:
        """Returns the manifest with the mistake."""
        obj = copy.deepcopy(MANIFESTS[self.manifest])
        parent: Any = obj
        for step in self.path[:-1]:
            parent = parent[step]
        if self.value is REMOVED:
            del parent[self.path[-1]]
        else:
            parent[self.path[-1]] = self.value
        return obj


_POD = ("spec", "template", "spec")
_MAIN = (*_POD, "containers", 0)

MUTATIONS = (
    Mutation(
        "misspelled_field",
        "deployment",
        (*_MAIN, "imagePullPolcy"),
        "Always",
        "containers[0].imagePullPolcy: unknown field in Kubernetes 1.32 to 1.35; write imagePullPolicy?",
    ),
    Mutation("capital_field", "deployment", ("spec", "Replicas"), 2, "spec.Replicas: unknown field in Kubernetes 1.32 to 1.35; write replicas?"),
    Mutation(
        "field_too_deep",
        "deployment",
        (*_POD, "replicas"),
        2,
        "spec.template.spec.replicas: unknown field in Kubernetes 1.32 to 1.35; it belongs into spec.replicas?",
    ),
    Mutation(
        "field_too_high",
        "deployment",
        ("spec", "containers"),
        [],
        "spec.containers: unknown field in Kubernetes 1.32 to 1.35; it belongs into spec.template.spec.containers?",
    ),
    Mutation("metadata_field", "configmap", ("metadata", "label"), {}, "metadata.label: unknown field in Kubernetes 1.32 to 1.35; write labels?"),
    Mutation("top_field", "configmap", ("datas",), {}, "datas: unknown field in Kubernetes 1.32 to 1.35; write data?"),
    Mutation(
        "probe_field",
        "deployment",
        (*_MAIN, "readinessProbe", "period"),
        5,
        "readinessProbe.period: unknown field in Kubernetes 1.32 to 1.35; write periodSeconds?",
    ),
    Mutation("text_for_number", "deployment", ("spec", "replicas"), "2", 'spec.replicas: "2" is not a whole number'),
    Mutation("fraction_for_number", "deployment", ("spec", "replicas"), 1.5, "spec.replicas: 1.5 is not a whole number"),
    Mutation("number_for_text", "deployment", (*_MAIN, "env", 0, "value"), 1, "env[0].value: 1 is not a text"),
    Mutation("bool_for_text", "deployment", (*_MAIN, "env", 0, "value"), True, "env[0].value: true is not a text"),
    Mutation("number_in_labels", "deployment", ("metadata", "labels"), {"version": 1}, "metadata.labels.version: 1 is not a text"),
    Mutation(
        "number_in_annotations",
        "deployment",
        ("metadata", "annotations"),
        {"example.com/on": True},
        'metadata.annotations["example.com/on"]: true is not a text',
    ),
    Mutation("number_in_data", "configmap", ("data", "retries"), 3, "data.retries: 3 is not a text"),
    Mutation("text_for_bool", "deployment", (*_POD, "hostNetwork"), "yes", 'spec.template.spec.hostNetwork: "yes" is not true or false'),
    Mutation("mapping_for_list", "deployment", (*_POD, "containers"), {"name": "main"}, "spec.template.spec.containers: the mapping is not a list"),
    Mutation("list_for_mapping", "deployment", ("spec", "selector"), [], "spec.selector: the list is not a mapping"),
    Mutation("text_for_list", "deployment", (*_MAIN, "args"), "--fast", 'args: "--fast" is not a list'),
    Mutation("env_as_mapping", "deployment", (*_MAIN, "env"), {"MODE": "fast"}, "env: the mapping is not a list"),
    Mutation("no_selector", "deployment", ("spec", "selector"), REMOVED, "spec: lacks selector"),
    Mutation("no_template", "deployment", ("spec", "template"), REMOVED, "spec: lacks template"),
    Mutation("no_container_name", "deployment", (*_MAIN, "name"), REMOVED, "containers[0]: lacks name"),
    Mutation("no_port", "service", ("spec", "ports", 0, "port"), REMOVED, "spec.ports[0]: lacks port"),
    Mutation("no_schedule", "cronjob", ("spec", "schedule"), REMOVED, "spec: lacks schedule"),
    Mutation("no_path_type", "ingress", ("spec", "rules", 0, "http", "paths", 0, "pathType"), REMOVED, "paths[0]: lacks pathType"),
    Mutation("no_mount_path", "deployment", (*_MAIN, "volumeMounts", 0, "mountPath"), REMOVED, "volumeMounts[0]: lacks mountPath"),
    Mutation("no_verbs", "role", ("rules", 0, "verbs"), REMOVED, "rules[0]: lacks verbs"),
    Mutation("no_max_replicas", "autoscaler", ("spec", "maxReplicas"), REMOVED, "spec: lacks maxReplicas"),
    Mutation("bad_protocol", "deployment", (*_MAIN, "ports", 0, "protocol"), "tcp", 'protocol: "tcp" is not one of SCTP, TCP, UDP'),
    Mutation("bad_pull_policy", "deployment", (*_MAIN, "imagePullPolicy"), "always", '"always" is not one of Always, IfNotPresent, Never'),
    Mutation(
        "bad_service_type",
        "service",
        ("spec", "type"),
        "Loadbalancer",
        'spec.type: "Loadbalancer" is not one of ClusterIP, ExternalName, LoadBalancer, NodePort',
    ),
    Mutation(
        "bad_restart_policy",
        "cronjob",
        ("spec", "jobTemplate", "spec", "template", "spec", "restartPolicy"),
        "never",
        '"never" is not one of Always, Never, OnFailure',
    ),
    Mutation("bad_concurrency", "cronjob", ("spec", "concurrencyPolicy"), "Skip", '"Skip" is not one of Allow, Forbid, Replace'),
    Mutation("bad_access_mode", "claim", ("spec", "accessModes", 0), "RWO", '"RWO" is not one of ReadOnlyMany'),
    Mutation("bad_policy_type", "policy", ("spec", "policyTypes", 0), "ingress", '"ingress" is not one of Egress, Ingress'),
    Mutation("bad_path_type", "ingress", ("spec", "rules", 0, "http", "paths", 0, "pathType"), "prefix", '"prefix" is not one of Exact'),
    Mutation("bad_memory", "deployment", (*_MAIN, "resources", "limits", "memory"), "128MB", 'limits.memory: "128MB" is not a quantity'),
    Mutation("bad_cpu", "deployment", (*_MAIN, "resources", "requests", "cpu"), "half", 'requests.cpu: "half" is not a quantity'),
    Mutation("bad_size", "claim", ("spec", "resources", "requests", "storage"), "1 Gi", 'requests.storage: "1 Gi" is not a quantity'),
    Mutation("bad_base64", "secret", ("data", "password"), "hunter2!", "data.password: its value is not base64"),
    Mutation("number_in_secret", "secret", ("data", "password"), 1234, "data.password: its value is not a text"),
    Mutation("port_too_large", "deployment", (*_MAIN, "ports", 0, "containerPort"), 80800, "containerPort: 80800 is more than 65535"),
    Mutation("replicas_too_large", "deployment", ("spec", "replicas"), 2**31, "spec.replicas: 2147483648 is more than 2147483647"),
    Mutation(
        "gone_api", "cronjob", ("apiVersion",), "batch/v1beta1", "CronJob of batch/v1beta1 is not served by Kubernetes 1.25 and later; use CronJob of batch/v1"
    ),
    Mutation("gone_group", "ingress", ("apiVersion",), "extensions/v1beta1", "use Ingress of networking.k8s.io/v1"),
    Mutation("gone_autoscaler", "autoscaler", ("apiVersion",), "autoscaling/v2beta2", "use HorizontalPodAutoscaler of autoscaling/v2"),
    Mutation("wrong_group", "deployment", ("apiVersion",), "v1", "Deployment of v1 is not served by Kubernetes; Deployment has apiVersion apps/v1"),
    Mutation("wrong_version", "deployment", ("apiVersion",), "apps/v2", "Deployment of apps/v2 is not served by Kubernetes; Deployment has apiVersion apps/v1"),
    Mutation("misspelled_kind", "deployment", ("kind",), "Deploymnet", "Deploymnet of apps/v1 is not served by Kubernetes; write Deployment?"),
)
"""What people get wrong, each in one place."""
