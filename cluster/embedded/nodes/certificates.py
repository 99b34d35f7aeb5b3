"""The certificates of one cluster, which are generated when it is created.

    pki/ca            signs: API server, kubelets, every client
    pki/etcd-ca       signs: etcd and its one client, the API server
    pki/front-proxy   signs: the API server's calls to extension servers
    pki/sa            the key pair behind service-account tokens

Keys are on the curve P-256: a hundred of them take less time than one RSA key.
Roles follow https://kubernetes.io/docs/setup/best-practices/certificates/.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from cluster.common.errors import ClusterError

__all__ = ["Authority", "load_authority", "new_authority", "remaining", "write_key_pair"]

_VALID = datetime.timedelta(days=3650)
# A machine's clock can be behind for a moment after the machine wakes from sleep.
_BACKDATE = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class Authority:
    """A certificate authority.

    Attributes:
        certificate: its certificate.
        key: its private key.
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self) -> bytes:
        """Returns the certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issue(
        self,
        folder: Path,
        name: str,
        *,
        user: str,
        groups: Sequence[str] = (),
        hosts: Sequence[str] = (),
        server: bool = False,
        client: bool = True,
        valid: datetime.timedelta = _VALID,
    ) -> None:
        """Issues a certificate with a new key, and writes FOLDER/NAME.crt and FOLDER/NAME.key.

        Args:
            folder: where to write them.
            name: the name of both files.
            user: the subject's CN, which Kubernetes reads as the user.
            groups: the subject's O, which Kubernetes reads as the groups.
            hosts: the DNS names and IP addresses of a server.
            server: whether a server can use it.
            client: whether a client can use it.
            valid: how long it is valid.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [ExtendedKeyUsageOID.SERVER_AUTH] * server + [ExtendedKeyUsageOID.CLIENT_AUTH] * client
        subject = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        subject.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
        builder = (
            _builder(x509.Name(subject), self.certificate.subject, key.public_key(), valid)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        certificate = builder.sign(self.key, hashes.SHA256())
        _write(folder / f"{name}.crt", certificate.public_bytes(serialization.Encoding.PEM), 0o644)
        _write_key(folder / f"{name}.key", key)


def new_authority(folder: Path, name: str) -> Authority:
    """Creates an authority and writes FOLDER/NAME.crt and FOLDER/NAME.key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"turnup-{name}")])
    certificate = (
        _builder(subject, subject, key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    authority = Authority(certificate, key)
    _write(folder / f"{name}.crt", authority.pem(), 0o644)
    _write_key(folder / f"{name}.key", key)
    return authority


def load_authority(folder: Path, name: str) -> Authority:
    """Reads an authority that `new_authority` wrote."""
    certificate = x509.load_pem_x509_certificate((folder / f"{name}.crt").read_bytes())
    key = serialization.load_pem_private_key((folder / f"{name}.key").read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ClusterError(f"{folder / name}.key is not an elliptic curve key; delete the cluster and create it again")
    return Authority(certificate, key)


def write_key_pair(folder: Path, name: str) -> None:
    """Creates a key pair and writes FOLDER/NAME.key and the public key FOLDER/NAME.pub."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    _write(folder / f"{name}.pub", public, 0o644)
    _write_key(folder / f"{name}.key", key)


def remaining(path: Path) -> datetime.timedelta:
    """Returns how long a certificate is still valid; less than nothing if it is not any more."""
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc - datetime.datetime.now(datetime.UTC)


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, valid: datetime.timedelta = _VALID) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(now + valid)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    # All Go programs can read the traditional OpenSSL format.
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption())
    _write(path, pem, 0o600)


def _write(path: Path, content: bytes, mode: int) -> None:
    # The file has its final permissions from the start, so that others can never read a key.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
