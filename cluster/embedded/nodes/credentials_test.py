"""Tests of certificates, and of which node gets which key."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cluster.embedded.nodes import credentials
from cluster.embedded.nodes.certificates import load_authority, new_authority, remaining
from cluster.embedded.nodes.credentials import ADMINISTRATORS, ENCRYPTION, NODE_PATH, write_node_credentials
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
    assert _subject(_certificate(cluster.pki / "admin.crt")) == ("turnup-admin", [ADMINISTRATORS])
    assert _subject(_certificate(cluster.pki / "break-glass.crt")) == ("turnup-break-glass", ["system:masters"])
    assert not [path for path in cluster.folder.rglob("break-glass.*") if path.parent != cluster.pki]


@pytest.mark.parametrize(("age", "renewed"), [(1, False), (182, False), (183, True), (400, True), (-3000, True)])
def test_the_administrators_certificate_is_renewed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: int, renewed: bool) -> None:
    """A certificate of a year is renewed once half of it is over, and so is one of an older version, which is valid for ten."""
    cluster = cluster_with_credentials(tmp_path)
    before = (cluster.pki / "admin.crt").read_bytes()
    kept = {name: (cluster.pki / name).read_bytes() for name in ("break-glass.crt", ENCRYPTION, "ca.crt")}
    monkeypatch.setattr(credentials, "remaining", lambda path: datetime.timedelta(days=365 - age, seconds=-1))

    credentials.renew_cluster_credentials(cluster)
    assert ((cluster.pki / "admin.crt").read_bytes() != before) == renewed
    assert {name: (cluster.pki / name).read_bytes() for name in kept} == kept
    assert 364 <= remaining(cluster.pki / "admin.crt").days <= 365


def test_an_older_cluster_gets_what_it_lacks(tmp_path: Path) -> None:
    """A start of a cluster that an older version made writes the break-glass credential and the key of Secrets, which only their owner can read."""
    cluster = cluster_with_credentials(tmp_path)
    lacks = [cluster.pki / "break-glass.crt", cluster.pki / "break-glass.key", cluster.pki / ENCRYPTION, _node(cluster, 1) / ENCRYPTION]
    for path in lacks:
        path.unlink()

    credentials.renew_cluster_credentials(cluster)
    assert all(path.exists() for path in lacks)
    assert lacks[2].stat().st_mode & 0o777 == lacks[3].stat().st_mode & 0o777 == 0o600
    assert not (_node(cluster, 2) / ENCRYPTION).exists()


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
    secrets = [*cluster.folder.rglob("*.key"), *cluster.folder.rglob("*.kubeconfig"), *cluster.folder.rglob(ENCRYPTION)]

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
