"""Tests of OpenID Connect through the kubernetes package, against a local provider."""

from __future__ import annotations

import base64
import json
import os
import tempfile
import time
from pathlib import Path

import pytest

from rules.k8s.testing.identity import Authority, IdentityProvider
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.kubeconfig import oidc
from rules.k8s.tools.kubeconfig.kubeconfig import load


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
    monkeypatch.setattr(oidc.tempfile, "mkstemp", refuse)
    content = path.read_text()

    assert load(path, "ctx").headers()["Authorization"].startswith("Bearer ")
    assert path.read_text() == content


def test_token_that_ends_in_mid_run_is_renewed(provider, write, monkeypatch):
    """A token that is about to end is renewed before the next request; one that is not is kept."""
    connection = load(write(provider.user(lifetime=600)), "ctx")
    first, now = connection.headers(), time.time()
    assert connection.headers() == first
    monkeypatch.setattr(oidc.time, "time", lambda: now + 595)
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


def test_nothing_stays_in_the_temporary_folder(provider, write, tmp_path, monkeypatch):
    """What the library needs as a file is gone after the login, whether the kubeconfig has it as data or not."""
    (tmp_path / "T").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "T"))
    user = provider.user(lifetime=-60)
    authority = Path(user["auth-provider"]["config"].pop("idp-certificate-authority")).read_bytes()
    user["auth-provider"]["config"]["idp-certificate-authority-data"] = base64.b64encode(authority).decode()
    path = write(user)
    config = json.loads(path.read_text())
    config["clusters"][0]["cluster"]["certificate-authority-data"] = base64.b64encode(authority).decode()
    path.write_text(json.dumps(config))

    assert load(path, "ctx").headers()["Authorization"].startswith("Bearer ")
    assert list((tmp_path / "T").iterdir()) == []
