"""Tests of certificates, and of which node gets which key."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cluster.embedded.nodes.certificates import load_authority, new_authority
from cluster.embedded.nodes.credentials import NODE_PATH, write_node_credentials
from cluster.embedded.nodes.testing import cluster_with_credentials
from cluster.model.state import Cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """A cluster of two nodes with all of its credentials."""
    return cluster_with_credentials(tmp_path_factory.mktemp("state"))


def _node(cluster: Cluster, number: int) -> Path:
    return cluster.node_folder(number) / "kubernetes"


def _certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def _subject(certificate: x509.Certificate) -> tuple[str, list[str]]:
    names = certificate.subject
    groups = [str(group.value) for group in names.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)]
    return str(names.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value), groups


@pytest.mark.parametrize(
    ("number", "name", "authority"),
    [
        (1, "apiserver", "ca"),
        (1, "apiserver-kubelet-client", "ca"),
        (1, "controller-manager", "ca"),
        (1, "etcd-server", "etcd-ca"),
        (1, "apiserver-etcd-client", "etcd-ca"),
        (1, "front-proxy-client", "front-proxy-ca"),
        (2, "kubelet-client", "ca"),
        (2, "kubelet-server", "ca"),
        (2, "kube-proxy", "ca"),
    ],
)
def test_issuers(cluster: Cluster, number: int, name: str, authority: str) -> None:
    """Each certificate is signed by its own authority, so that one of etcd's works nowhere else."""
    issuer = load_authority(cluster.pki, authority).certificate

    _certificate(_node(cluster, number) / f"{name}.crt").verify_directly_issued_by(issuer)


def test_identities(cluster: Cluster) -> None:
    """Users and groups are those that the Node authorizer and RBAC know."""
    assert _subject(_certificate(_node(cluster, 2) / "kubelet-client.crt")) == ("system:node:a-2", ["system:nodes"])
    assert _subject(_certificate(_node(cluster, 1) / "controller-manager.crt")) == ("system:kube-controller-manager", [])
    assert _subject(_certificate(cluster.pki / "admin.crt")) == ("turnup-admin", ["system:masters"])


def test_server_names(cluster: Cluster) -> None:
    """The API server's certificate has each of its names and addresses, and is for servers only."""
    certificate = _certificate(_node(cluster, 1) / "apiserver.crt")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usages = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value

    assert {"kubernetes.default.svc.cluster.local", "localhost"} <= set(names.get_values_for_type(x509.DNSName))
    assert {str(address) for address in names.get_values_for_type(x509.IPAddress)} == {"10.43.0.1", "172.19.0.2", "127.0.0.1"}
    assert list(usages) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_keys_are_secret(cluster: Cluster) -> None:
    """Only their owner can read keys, kubeconfigs and their folders."""
    secrets = [*cluster.folder.rglob("*.key"), *cluster.folder.rglob("*.kubeconfig")]

    assert len(secrets) > 10
    for path in secrets:
        assert path.stat().st_mode & 0o077 == 0, path
    for folder in (cluster.pki, _node(cluster, 1), _node(cluster, 2)):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_worker_has_its_own_keys_only(cluster: Cluster) -> None:
    """A worker has no key of the control plane."""
    assert {path.name for path in _node(cluster, 2).glob("*.key")} == {"kubelet-client.key", "kubelet-server.key", "kube-proxy.key"}


def test_kubeconfigs(cluster: Cluster) -> None:
    """Kubeconfigs name existing files, by their path on the node."""
    for number in (1, 2):
        for path in _node(cluster, number).glob("*.kubeconfig"):
            content = json.loads(path.read_text())
            user, api = content["users"][0]["user"], content["clusters"][0]["cluster"]

            assert api["server"] == "https://172.19.0.2:6443"
            for file in (user["client-certificate"], user["client-key"], api["certificate-authority"]):
                assert file.startswith(f"{NODE_PATH}/")
                assert (_node(cluster, number) / Path(file).name).exists()


def test_service_account_keys_belong_together(cluster: Cluster) -> None:
    """A token that is signed with the private key can be verified with the public one."""
    from cryptography.hazmat.primitives import hashes, serialization

    private = serialization.load_pem_private_key((cluster.pki / "sa.key").read_bytes(), None)
    public = serialization.load_pem_public_key((cluster.pki / "sa.pub").read_bytes())
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    public.verify(private.sign(b"token", ec.ECDSA(hashes.SHA256())), b"token", ec.ECDSA(hashes.SHA256()))


def test_clusters_share_nothing(cluster: Cluster, tmp_path: Path) -> None:
    """Another cluster has another authority, and new credentials of a node are signed by the cluster's own."""
    other = new_authority(tmp_path, "ca")
    with pytest.raises(InvalidSignature):
        _certificate(_node(cluster, 1) / "apiserver.crt").verify_directly_issued_by(other.certificate)

    write_node_credentials(cluster, 2)
    _certificate(_node(cluster, 2) / "kubelet-client.crt").verify_directly_issued_by(load_authority(cluster.pki, "ca").certificate)
