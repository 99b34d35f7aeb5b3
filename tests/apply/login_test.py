"""Tests of logins to a real API server: client certificates, tokens, exec plugins and OpenID Connect."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from cluster.programs.build import ensure
from rules.k8s.testing.identity import CLIENT, Authority, IdentityProvider
from rules.k8s.testing.real_server import RealServer
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.kubeconfig.kubeconfig import load


@pytest.fixture(name="authority", scope="module")
def fixture_authority(tmp_path_factory):
    """Returns the authority of the identity provider's certificate and of users' certificates."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(name="provider", scope="module")
def fixture_provider(authority):
    """Returns an identity provider on the loopback."""
    with IdentityProvider(authority) as provider:
        yield provider


@pytest.fixture(name="server", scope="module")
def fixture_server(tmp_path_factory, authority, provider):
    """Returns an API server that trusts the authority and the identity provider."""
    binaries = ensure()
    flags = [
        "--client-ca-file",
        str(authority.certificate),
        "--oidc-issuer-url",
        provider.url,
        "--oidc-client-id",
        CLIENT,
        "--oidc-ca-file",
        str(authority.certificate),
        "--oidc-username-claim",
        "sub",
        "--oidc-username-prefix",
        "oidc:",
    ]
    with RealServer(binaries.kubernetes / "kube-apiserver", binaries.etcd / "etcd", tmp_path_factory.mktemp("server"), flags) as server:
        yield server


class Login:
    """Logs in with user entries of a kubeconfig.

    Args:
        path: where the kubeconfig is written.
        config: the server's kubeconfig.

    Attributes:
        client: the client of the user who logged in last.
    """

    client: Client

    def __init__(self, path: Path, config: dict[str, Any]):
        self._path = path
        self._config = config

    def __call__(self, user: dict[str, Any]) -> str:
        """Logs in with a user entry; returns the user's name on the server."""
        self._path.write_text(json.dumps({**self._config, "users": [{"name": "admin", "user": user}]}))
        self.client = Client(load(self._path, "turnup-test"))
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        status = self.client.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=review)[1]["status"]
        return str(status["userInfo"]["username"])


@pytest.fixture(name="who")
def fixture_who(tmp_path, server):
    """Returns a function that logs in and returns the user's name on the server."""
    return Login(tmp_path / "config", json.loads(server.kubeconfig.read_text()))


@pytest.fixture(name="plugin")
def fixture_plugin(tmp_path):
    """Returns a function that writes an exec plugin with the given status, and returns its user entry."""

    def plugin(version: str, status: dict[str, str]) -> dict[str, Any]:
        answer = tmp_path / "answer.json"
        answer.write_text(json.dumps({"apiVersion": f"client.authentication.k8s.io/{version}", "kind": "ExecCredential", "status": status}))
        return {"exec": {"apiVersion": f"client.authentication.k8s.io/{version}", "command": "cat", "args": [str(answer)], "interactiveMode": "Never"}}

    return plugin


def test_client_certificate(who, authority):
    """A client certificate identifies the user, in a file or in the kubeconfig."""
    files = authority.issue("carol", "team")
    assert who({"client-certificate": str(files[0]), "client-key": str(files[1])}) == "carol"
    data = [base64.b64encode(file.read_bytes()).decode() for file in files]
    assert who({"client-certificate-data": data[0], "client-key-data": data[1]}) == "carol"


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_exec_plugin(who, plugin, server, authority, version):
    """A plugin's token or certificate identifies the user, in both versions of the protocol."""
    token = json.loads(server.kubeconfig.read_text())["users"][0]["user"]["token"]
    assert who(plugin(version, {"token": token})) == "admin"
    certificate, key = (file.read_text() for file in authority.issue("dave"))
    assert who(plugin(version, {"clientCertificateData": certificate, "clientKeyData": key})) == "dave"


def test_plugin_whose_credentials_are_revoked(who, plugin, authority, tmp_path):
    """Revoked credentials are replaced during a run, even if the new ones are a certificate and not a token."""
    user = plugin("v1", {"token": "revoked"})
    certificate, key = (file.read_text() for file in authority.issue("erin"))
    (tmp_path / "answer.json").rename(tmp_path / "first.json")
    plugin("v1", {"clientCertificateData": certificate, "clientKeyData": key})
    (tmp_path / "answer.json").rename(tmp_path / "second.json")
    (tmp_path / "answer.json").symlink_to(tmp_path / "first.json")
    program = 'cat "$1"; ln -sf second.json "$1"'
    user["exec"] |= {"command": "sh", "args": ["-c", program, "plugin", str(tmp_path / "answer.json")]}

    assert who(user) == "erin"


def test_openid_connect(who, plugin, provider):
    """An ID token that an exec plugin gets identifies the user; an auth-provider is refused with the name of such a plugin."""
    assert who(plugin("v1", {"token": provider.token(600)})) == "oidc:jane"
    with pytest.raises(TurnupError, match="auth-provider 'oidc' is not supported. Use the exec plugin kubelogin .'kubectl oidc-login'. instead."):
        who({"auth-provider": {"name": "oidc", "config": {"id-token": provider.token(600)}}})


def test_impersonation(who, server):
    """With impersonation, the server sees the other user, with that user's rights."""
    token = json.loads(server.kubeconfig.read_text())["users"][0]["user"]["token"]
    assert who({"token": token, "as": "eve", "as-groups": ["system:authenticated"]}) == "eve"
    with pytest.raises(ApiError, match='User "eve" cannot list resource "secrets"'):
        who.client.request("GET", "/api/v1/namespaces/default/secrets")


def test_unknown_user_is_one_sentence(who):
    """The error for credentials that the server does not know is one sentence."""
    with pytest.raises(TurnupError, match="the server rejected the credentials of context 'turnup-test' .401."):
        who({"token": "nobody"})
