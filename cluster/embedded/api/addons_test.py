"""Tests of the objects that every cluster has."""

from __future__ import annotations

import re
from pathlib import Path

from cluster.embedded.api.addons import LACKS, PROVISIONER, STATEMENT, STORAGE_CLASS, addons
from cluster.model.names import Layout
from cluster.model.state import Cluster
from cluster.programs.binaries import DNS_IMAGE

_SOURCES = Path(__file__).resolve().parent.parent


def _layout(nodes: int = 2) -> Layout:
    return Cluster("a", "embedded", "172.19.0.0/26", nodes, Path("/x")).layout


def test_addons() -> None:
    """DNS has the address that kubelets give to pods, and the storage class is the default."""
    objects = {(item["kind"], item["metadata"]["name"]): item for _, item in addons(_layout())}
    storage = objects["StorageClass", STORAGE_CLASS]

    assert objects["Service", "kube-dns"]["spec"]["clusterIP"] == "10.43.0.10"
    assert storage["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    assert storage["volumeBindingMode"] == "WaitForFirstConsumer"
    assert objects["Deployment", "coredns"]["spec"]["template"]["spec"]["containers"][0]["image"] == DNS_IMAGE


def test_dns_pod_is_restricted() -> None:
    """Cluster DNS runs without root and capabilities, under the runtime's seccomp profile."""
    pod = next(item for _, item in addons(_layout()) if item["kind"] == "Deployment")["spec"]["template"]["spec"]

    assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert pod["containers"][0]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }


def test_addons_fit_their_paths() -> None:
    """An object's path has its API group and namespace, which the API server checks."""
    for path, item in addons(_layout()):
        group = item["apiVersion"]
        assert path.startswith(f"/api/{group}" if "/" not in group else f"/apis/{group}"), path
        namespace = item["metadata"].get("namespace")
        assert (f"/namespaces/{namespace}/" in path) == bool(namespace), path


def test_provisioner_name_agrees() -> None:
    """The storage class names the provisioner of the Go program."""
    assert f'ProvisionerName = "{PROVISIONER}"' in (_SOURCES / "kubernetes" / "localpath" / "command.go").read_text()


def test_dns_plugins_agree() -> None:
    """CoreDNS has every plugin that the Corefile uses."""
    compiled = (_SOURCES / "coredns" / "main.go").read_text()
    corefile = next(item for _, item in addons(_layout(1)) if item["metadata"]["name"] == "coredns" and item["kind"] == "ConfigMap")["data"]["Corefile"]

    for directive in re.findall(r"^    (\w+)", corefile, re.MULTILINE):
        assert f'"{directive}"' in compiled


def test_everyone_may_read_what_the_cluster_lacks() -> None:
    """Each account may read this one ConfigMap, and nothing else, of kube-public."""
    objects = [item for _, item in addons(_layout()) if item["metadata"].get("namespace") == "kube-public"]
    config, role, binding = objects

    assert set(config["data"]) == set(LACKS) and all(config["data"].values())
    assert role["rules"] == [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [STATEMENT], "verbs": ["get"]}]
    assert [subject["name"] for subject in binding["subjects"]] == ["system:authenticated"]
