"""Logging in to a real API server: client certificates, tokens, exec plugins and OpenID Connect, each as itself."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from cluster.programs.build import ensure
from rules.k8s.testing.identity import CLIENT, Authority, IdentityProvider
from rules.k8s.testing.real_server import RealServer
from rules.k8s.tools.client import Client
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.kubeconfig import load


@pytest.fixture(name="authority", scope="module")
def fixture_authority(tmp_path_factory):
    """Signs the identity provider's certificate and those of users."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(name="provider", scope="module")
def fixture_provider(authority):
    """An identity provider on the loopback."""
    with IdentityProvider(authority) as provider:
        yield provider


@pytest.fixture(name="server", scope="module")
def fixture_server(tmp_path_factory, authority, provider):
    """An API server that knows the authority's users and the provider's."""
    binaries = ensure()
    flags = ["--client-ca-file", str(authority.certificate), "--oidc-issuer-url", provider.url, "--oidc-client-id", CLIENT,
             "--oidc-ca-file", str(authority.certificate), "--oidc-username-claim", "sub", "--oidc-username-prefix", "oidc:"]
    with RealServer(binaries.kubernetes / "kube-apiserver", binaries.etcd / "etcd", tmp_path_factory.mktemp("server"), flags) as server:
        yield server


@pytest.fixture(name="who")
def fixture_who(tmp_path, server):
    """Logs in as a kubeconfig's user entry; returns the name by which the server knows that user. `.client` of it is that user's."""

    def who(user: dict[str, Any]) -> str:
        path = tmp_path / "config"
        config = json.loads(server.kubeconfig.read_text())
        path.write_text(json.dumps({**config, "users": [{"name": "admin", "user": user}]}))
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        who.client = client = Client(load(path, "turnup-test"))
        return client.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", body=review)[1]["status"]["userInfo"]["username"]

    return who


@pytest.fixture(name="plugin")
def fixture_plugin(tmp_path):
    """Writes an exec plugin that answers with this status; returns the user entry that runs it."""

    def plugin(version: str, status: dict[str, str]) -> dict[str, Any]:
        answer = tmp_path / "answer.json"
        answer.write_text(json.dumps({"apiVersion": f"client.authentication.k8s.io/{version}", "kind": "ExecCredential", "status": status}))
        return {"exec": {"apiVersion": f"client.authentication.k8s.io/{version}", "command": "cat", "args": [str(answer)],
                         "interactiveMode": "Never"}}

    return plugin


def test_client_certificate(who, authority):
    """A client certificate is the user, whether it stands in a file or in the kubeconfig."""
    files = authority.issue("carol", "team")
    assert who({"client-certificate": str(files[0]), "client-key": str(files[1])}) == "carol"
    data = [base64.b64encode(file.read_bytes()).decode() for file in files]
    assert who({"client-certificate-data": data[0], "client-key-data": data[1]}) == "carol"


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_exec_plugin(who, plugin, server, authority, version):
    """A plugin's token or certificate is the user, in both versions of the protocol."""
    token = json.loads(server.kubeconfig.read_text())["users"][0]["user"]["token"]
    assert who(plugin(version, {"token": token})) == "admin"
    certificate, key = (file.read_text() for file in authority.issue("dave"))
    assert who(plugin(version, {"clientCertificateData": certificate, "clientKeyData": key})) == "dave"


def test_plugin_whose_credentials_are_revoked(who, plugin, authority, tmp_path):
    """Credentials that the server does not accept any more are replaced in mid-run, though the new ones are a certificate and no token."""
    user = plugin("v1", {"token": "revoked"})
    certificate, key = (file.read_text() for file in authority.issue("erin"))
    (tmp_path / "answer.json").rename(tmp_path / "first.json")
    plugin("v1", {"clientCertificateData": certificate, "clientKeyData": key})
    (tmp_path / "answer.json").rename(tmp_path / "second.json")
    (tmp_path / "answer.json").symlink_to(tmp_path / "first.json")
    program = 'cat "$1"; ln -sf second.json "$1"'
    user["exec"] |= {"command": "sh", "args": ["-c", program, "plugin", str(tmp_path / "answer.json")]}

    assert who(user) == "erin"


def test_openid_connect(who, provider):
    """An ID token is the user; one that has expired is refreshed first."""
    assert who(provider.user(lifetime=600)) == "oidc:jane"
    before = provider.refreshed
    assert who(provider.user(lifetime=-60)) == "oidc:jane"
    assert provider.refreshed == before + 1


def test_impersonation(who, server):
    """Who acts as somebody else is that user for the server, and has that user's rights alone."""
    token = json.loads(server.kubeconfig.read_text())["users"][0]["user"]["token"]
    assert who({"token": token, "as": "eve", "as-groups": ["system:authenticated"]}) == "eve"
    with pytest.raises(ApiError, match='User "eve" cannot list resource "secrets"'):
        who.client.request("GET", "/api/v1/namespaces/default/secrets")


def test_unknown_user_is_one_sentence(who):
    """Credentials that the server does not know end with the sentence that says so."""
    with pytest.raises(TurnupError, match="the credentials of context 'turnup-test' are not accepted .401."):
        who({"token": "nobody"})
