"""Every key, certificate and kubeconfig of a cluster.

The authorities and the administrator's credentials stay in the cluster's pki folder. Each node has a folder `kubernetes`,
which is mounted on it as /etc/kubernetes. A worker has only its own keys.

The administrator, whose certificate is in kubeconfigs, has the rights that a ClusterRoleBinding gives (see api/addons.py), and a
certificate for a year. The commands of `turnup cluster` use another, `break-glass`, which never leaves the pki folder: no RBAC
object can shut it out, so it also is the way back for whoever has shut out the administrator.
"""

from __future__ import annotations

import base64
import datetime
import json
import os
import shutil
from pathlib import Path

from cluster.common.files import write_atomically
from cluster.embedded.nodes.certificates import Authority, load_authority, new_authority, remaining, write_key_pair
from cluster.model.state import Cluster

__all__ = ["ADMINISTRATORS", "ENCRYPTION", "NODE_PATH", "renew_cluster_credentials", "write_cluster_credentials", "write_node_credentials"]

NODE_PATH = "/etc/kubernetes"  # the path of the credentials on a node
ADMINISTRATORS = "turnup:administrators"
"""The administrator's group."""
ENCRYPTION = "encryption.json"
"""The file with the key of the Secrets that etcd stores."""

_ADMIN_VALID = datetime.timedelta(days=365)

# File name → (user, groups), for the control plane's clients of the API server.
_CONTROL_PLANE_CLIENTS = {
    "controller-manager": ("system:kube-controller-manager", ()),
    "scheduler": ("system:kube-scheduler", ()),
    "local-path-provisioner": ("turnup:local-path-provisioner", ()),
}


def write_cluster_credentials(cluster: Cluster) -> None:
    """Creates the authorities and the credentials of the administrator and of all nodes."""
    cluster.pki.mkdir(mode=0o700, exist_ok=True)
    authority = new_authority(cluster.pki, "ca")
    etcd = new_authority(cluster.pki, "etcd-ca")
    front_proxy = new_authority(cluster.pki, "front-proxy-ca")
    write_key_pair(cluster.pki, "sa")
    renew_cluster_credentials(cluster)
    for number in cluster.layout.numbers:
        write_node_credentials(cluster, number, authority)
    _write_control_plane(cluster, authority, etcd, front_proxy)


def renew_cluster_credentials(cluster: Cluster) -> None:
    """Renews the administrator's certificate once half of its time is over, and creates what an older cluster lacks."""
    authority = load_authority(cluster.pki, "ca")
    if not (cluster.pki / "break-glass.crt").exists():
        authority.issue(cluster.pki, "break-glass", user="turnup-break-glass", groups=["system:masters"])
    admin = cluster.pki / "admin.crt"
    if not admin.exists() or not datetime.timedelta() <= _ADMIN_VALID - remaining(admin) < _ADMIN_VALID / 2:
        authority.issue(cluster.pki, "admin", user="turnup-admin", groups=[ADMINISTRATORS], valid=_ADMIN_VALID)
    if not (cluster.pki / ENCRYPTION).exists():
        _write_encryption(cluster.pki / ENCRYPTION)
    if (cluster.node_folder(1) / "kubernetes").exists():
        shutil.copy2(cluster.pki / ENCRYPTION, _folder(cluster, 1) / ENCRYPTION)


def _write_encryption(path: Path) -> None:
    """Writes the API server's configuration for encryption at rest, with a random key.

    What an older cluster stored in clear stays readable. https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/
    """
    key = {"name": "key1", "secret": base64.b64encode(os.urandom(32)).decode()}
    content = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [{"resources": ["secrets"], "providers": [{"secretbox": {"keys": [key]}}, {"identity": {}}]}],
    }
    # In one step: a key that is half written would be taken for the cluster's.
    write_atomically(path, json.dumps(content, indent=2) + "\n")


def write_node_credentials(cluster: Cluster, number: int, authority: Authority | None = None) -> None:
    """Creates the credentials that every node has: kubelet's and kube-proxy's.

    Args:
        cluster: the cluster.
        number: the node's number.
        authority: the cluster's authority; None reads it from the cluster's files.
    """
    authority = authority or load_authority(cluster.pki, "ca")
    layout = cluster.layout
    folder = _folder(cluster, number)
    name, address = layout.node(number), str(layout.address(number))
    (folder / "ca.crt").write_bytes(authority.pem())
    authority.issue(folder, "kubelet-client", user=f"system:node:{name}", groups=["system:nodes"])
    authority.issue(folder, "kubelet-server", user=f"system:node:{name}", groups=["system:nodes"], hosts=[name, address], server=True, client=False)
    authority.issue(folder, "kube-proxy", user="system:kube-proxy")
    _write_kubeconfig(folder, "kubelet", "kubelet-client", layout.api_url)
    _write_kubeconfig(folder, "kube-proxy", "kube-proxy", layout.api_url)


def _write_control_plane(cluster: Cluster, authority: Authority, etcd: Authority, front_proxy: Authority) -> None:
    layout = cluster.layout
    folder = _folder(cluster, 1)
    for name in ("ca.key", "etcd-ca.crt", "front-proxy-ca.crt", "sa.key", "sa.pub", ENCRYPTION):
        shutil.copy2(cluster.pki / name, folder / name)
    service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{layout.dns_domain}"]
    addresses = [str(layout.api_service), str(layout.address(1)), "127.0.0.1"]
    authority.issue(folder, "apiserver", user="kube-apiserver", hosts=[*service, "localhost", layout.node(1), *addresses], server=True, client=False)
    # A role binding gives this user the whole API of the kubelets.
    authority.issue(folder, "apiserver-kubelet-client", user="turnup:kube-apiserver")
    etcd.issue(folder, "etcd-server", user="etcd", hosts=["localhost", "127.0.0.1"], server=True)
    etcd.issue(folder, "apiserver-etcd-client", user="kube-apiserver")
    front_proxy.issue(folder, "front-proxy-client", user="front-proxy-client")
    for name, (user, groups) in _CONTROL_PLANE_CLIENTS.items():
        authority.issue(folder, name, user=user, groups=groups)
        _write_kubeconfig(folder, name, name, layout.api_url)


def _folder(cluster: Cluster, number: int) -> Path:
    folder = cluster.node_folder(number) / "kubernetes"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _write_kubeconfig(folder: Path, name: str, identity: str, url: str) -> None:
    """Writes FOLDER/NAME.kubeconfig, which has the paths of the keys on the node."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": {"server": url, "certificate-authority": f"{NODE_PATH}/ca.crt"}}],
        "users": [
            {
                "name": "user",
                "user": {"client-certificate": f"{NODE_PATH}/{identity}.crt", "client-key": f"{NODE_PATH}/{identity}.key"},
            }
        ],
        "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": "context",
    }
    path = folder / f"{name}.kubeconfig"
    path.write_text(json.dumps(content, indent=2) + "\n")
    path.chmod(0o600)
