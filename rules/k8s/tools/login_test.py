"""Tests of logins through the kubernetes package: OpenID Connect against a local provider, and exec plugins of both versions."""

from __future__ import annotations

import json
import os
import time

import pytest

from rules.k8s.testing.identity import Authority, IdentityProvider
from rules.k8s.tools import login
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.kubeconfig import load


@pytest.fixture(name="provider", scope="module")
def fixture_provider(tmp_path_factory):
    """An identity provider on the loopback."""
    with IdentityProvider(Authority(tmp_path_factory.mktemp("authority"))) as provider:
        yield provider


@pytest.fixture(name="write")
def fixture_write(tmp_path):
    """Writes a kubeconfig whose only user is this one; returns its path."""

    def write(user):
        path = tmp_path / "config"
        path.write_text(json.dumps({
            "contexts": [{"name": "ctx", "context": {"cluster": "c", "user": "u"}}], "users": [{"name": "u", "user": user}],
            "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443"}}]}))
        path.chmod(0o600)
        return path

    return write


def test_valid_token_is_used_as_it_is(provider, write):
    """An ID token that is still good is sent, and the provider is not asked."""
    user, before = provider.user(lifetime=600), provider.refreshed

    assert load(write(user), "ctx").headers() == {"Authorization": "Bearer " + user["auth-provider"]["config"]["id-token"]}
    assert provider.refreshed == before


def test_expired_token_is_refreshed_and_kept(provider, write):
    """An expired token is refreshed; the new tokens are in the kubeconfig, readable by its owner alone, for the next run."""
    path = write(provider.user(lifetime=-60))
    before = provider.refreshed
    first = load(path, "ctx").headers()
    second = load(path, "ctx").headers()

    assert first == second and provider.refreshed == before + 1
    assert provider.refresh_token in path.read_text()
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert sorted(name.name for name in path.parent.iterdir()) == ["config"]


def test_kubeconfig_that_cannot_be_written(provider, write, monkeypatch):
    """Where the kubeconfig is read-only the new token serves this run."""
    def refuse(*arguments, **settings):
        raise PermissionError(13, "denied")

    path = write(provider.user(lifetime=-60))
    monkeypatch.setattr(login.tempfile, "mkstemp", refuse)
    content = path.read_text()

    assert load(path, "ctx").headers()["Authorization"].startswith("Bearer ")
    assert path.read_text() == content


def test_token_that_ends_in_mid_run_is_renewed(provider, write, monkeypatch):
    """A token that is about to end is renewed before the next request; one that is not is kept."""
    connection = load(write(provider.user(lifetime=600)), "ctx")
    first, now = connection.headers(), time.time()
    assert connection.headers() == first
    monkeypatch.setattr(login.time, "time", lambda: now + 595)
    before = provider.refreshed
    # The library has a clock of its own, which must find the token expired, too.
    monkeypatch.setattr("kubernetes.config.kube_config._is_expired", lambda moment: True)

    assert connection.headers() != first
    assert provider.refreshed == before + 1


def test_provider_without_our_trust_gets_no_refresh_token(provider, write):
    """Without an authority of its own the system's are asked, never none: a provider they do not know gets nothing."""
    before = provider.refreshed

    with pytest.raises(TurnupError, match="logging in with context 'ctx' failed .*certificate verify failed"):
        load(write(provider.user(lifetime=-60, **{"idp-certificate-authority": None})), "ctx")
    assert provider.refreshed == before


def test_used_refresh_token_is_one_sentence(provider, write):
    """A provider that refuses ends the run with its own words, before any request to the cluster."""
    with pytest.raises(TurnupError, match="failed .*refresh token was used before.*; log in with your provider's tool"):
        load(write(provider.user(lifetime=-60, **{"refresh-token": "old"})), "ctx")


def test_public_client(provider, write):
    """A client without a secret can refresh."""
    assert load(write(provider.user(lifetime=-60, **{"client-secret": None})), "ctx").headers()


def exec_user(folder, version: str, status: dict, body: str = "") -> dict:
    """Writes a plugin that answers with this status; returns the user that logs in with it."""
    path = folder / "plugin"
    answer = {"apiVersion": f"client.authentication.k8s.io/{version}", "kind": "ExecCredential", "status": status}
    path.write_text(f"#!/bin/sh\n{body}\necho '{json.dumps(answer)}'\n")
    path.chmod(0o700)
    return {"exec": {"apiVersion": answer["apiVersion"], "command": str(path), "interactiveMode": "Never",
                     "env": [{"name": "CLOUD", "value": "west"}], "args": ["get-token"]}}


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_exec_plugins(write, tmp_path, version):
    """Both versions of the protocol give a token or a certificate; the plugin gets its arguments, environment and what asks."""
    user = exec_user(tmp_path, version, {"token": "t"}, f'echo "$1 $CLOUD $KUBERNETES_EXEC_INFO" > {tmp_path}/seen')
    assert load(write(user), "ctx").headers() == {"Authorization": "Bearer t"}
    assert (tmp_path / "seen").read_text().startswith("get-token west {") and version in (tmp_path / "seen").read_text()

    user = exec_user(tmp_path, version, {"clientCertificateData": "CERT", "clientKeyData": "KEY"})
    connection = load(write(user), "ctx")
    assert (connection.headers(), connection.certificate, connection.key) == ({}, b"CERT", b"KEY")


def test_expired_plugin_answer_is_asked_for_again(write, tmp_path):
    """A plugin whose answer has expired is run again for the next request."""
    user = exec_user(tmp_path, "v1", {"token": "t", "expirationTimestamp": "2020-01-01T00:00:00Z"}, f"echo x >> {tmp_path}/runs")
    connection = load(write(user), "ctx")
    runs = (tmp_path / "runs").read_text()

    assert connection.headers() == {"Authorization": "Bearer t"}
    assert len((tmp_path / "runs").read_text()) > len(runs)


@pytest.mark.parametrize(("user", "reason"), [
    ({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such-plugin"}}, "No such file or directory: 'no-such-plugin'"),
    ({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "true"}}, "failed to decode process output"),
    ({"exec": {"command": "true"}}, "missing key 'apiVersion'"),
])
def test_broken_plugins_are_one_sentence(write, user, reason):
    """A plugin that is not there, says nothing or is named wrongly ends the run with the reason."""
    with pytest.raises(TurnupError, match="log in with your provider's tool") as caught:
        load(write(user), "ctx")

    assert reason in str(caught.value)
