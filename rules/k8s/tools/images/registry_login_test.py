"""Tests of the login of the registry in the cluster."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rules.image.tools.oci import oci
from rules.image.tools.registry.auth import Login
from rules.image.tools.testing.fake_registry import FakeRegistry, require_login
from rules.k8s.testing.fake_server import CONTEXT, FakeServer, Request
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.images import delivery, registry_login
from rules.k8s.tools.images.registry_login import ClusterLogin
from rules.k8s.tools.kubeconfig.kubeconfig import load
from rules.k8s.tools.objects.plan import PushPlan

REGISTRY = "172.19.0.2:31000"
PASSWORD = "s3cret-of-the-cluster"


@pytest.fixture(name="server")
def fixture_server() -> Iterator[FakeServer]:
    """An API server."""
    with FakeServer() as server:
        server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "registry"}})
        yield server


def secret(registry: str = REGISTRY, **changes: Any) -> dict[str, Any]:
    """Returns the Secret that setup makes."""
    metadata = {"name": "registry-credentials", "namespace": "registry", "annotations": {"turnup/registry": registry}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"password": base64.b64encode(PASSWORD.encode()).decode()}, **changes}


def kubeconfig(server: FakeServer, folder: Path) -> Path:
    """Writes a kubeconfig for the server."""
    path = folder / "kubeconfig"
    path.write_text(json.dumps(server.kubeconfig()))
    return path


@pytest.fixture(name="find")
def fixture_find(server, tmp_path, monkeypatch):
    """The login of the cluster, for a user without a login of their own."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    return ClusterLogin(lambda: Client(load(kubeconfig(server, tmp_path), CONTEXT)))


def test_login_is_read_from_the_cluster(server, find):
    """The login of the cluster's registry is in the Secret; no other registry gets it."""
    server.put(secret())

    assert find(REGISTRY) == Login("turnup", PASSWORD)
    assert find("ghcr.io") is None
    assert find("172.19.0.2:31001") is None


def test_a_login_of_the_user_comes_first(server, find, tmp_path):
    """The cluster is not asked if docker's config has a login."""
    server.put(secret())
    (tmp_path / "config.json").write_text(json.dumps({"auths": {REGISTRY: {"auth": "bWU6bWluZQ=="}}}))
    server.requests.clear()

    assert find(REGISTRY) == Login("me", "mine")
    assert server.requests == []


def test_a_cluster_without_the_secret(server, find):
    """Then there is no login, as for any other registry."""
    assert find(REGISTRY) is None
    server.put(secret(metadata={"name": "registry-credentials", "namespace": "registry"}))
    assert find(REGISTRY) is None


@pytest.mark.parametrize("data", [{}, None, {"password": ""}, {"password": "!"}, {"other": "eA=="}, {"password": "/w=="}])
def test_a_secret_without_a_password(server, find, data):
    """The error says how to make a new one."""
    server.put(secret(data=data))

    with pytest.raises(TurnupError, match=r"Secret registry-credentials in namespace registry has no password; delete it, then run .*prod:setup\.apply"):
        find(REGISTRY)


@pytest.mark.parametrize(
    ("status", "advice"), [(403, "ask for the right to get Secrets in namespace registry, or log in with docker login"), (500, "check the cluster")]
)
def test_a_secret_that_cannot_be_read(server, find, status, advice, monkeypatch):
    """The error names the Secret and the context."""
    monkeypatch.setattr("rules.k8s.tools.api.client._pause", lambda attempt, retry_after: 0.0)

    def refuse(request: Request):
        return (status, {"kind": "Status", "message": "no", "reason": "Reason", "code": status}) if request.path.endswith("credentials") else None

    server.refuse = refuse
    place = f"the Secret registry-credentials in namespace registry of context '{CONTEXT}'"
    with pytest.raises(TurnupError, match=f"registry {REGISTRY}: its login cannot be read from {place} .{status} .*{advice}"):
        find(REGISTRY)


def push_plan(folder: Path, registry: str) -> PushPlan:
    """Returns the push plan of an image without layers."""
    manifest = oci.dump(oci.build_manifest(b"{}", []))
    (folder / "config").write_bytes(b"{}")
    (folder / "manifest").write_bytes(manifest)
    lines = [
        ("registry", registry, "plain"),
        ("image", "app", oci.sha256(manifest), oci.MANIFEST, len(manifest), "manifest"),
        ("blob", oci.sha256(b"{}"), 2, "config"),
    ]
    (folder / "push.plan").write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
    return PushPlan("//app:myns", (), folder / "push.plan", folder)


def test_a_push_reads_the_secret_once_and_masks_it(server, tmp_path, monkeypatch):
    """A push that is asked for a login gets it from the cluster and tells the masking; a push that sends nothing asks for nothing."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    learned: list[dict[str, Any]] = []
    client = Client(load(kubeconfig(server, tmp_path), CONTEXT))
    login = ClusterLogin(lambda: client, learned.extend)
    with FakeRegistry() as registry:
        registry.fault = require_login(f"turnup:{PASSWORD}")
        server.put(secret(registry.name))
        server.requests.clear()

        assert delivery.push_built([push_plan(tmp_path, registry.name)], login=login) == (1, 1)
        assert [request.path for request in server.requests] == [registry_login.PATH]
        assert [obj["data"] for obj in learned] == [secret()["data"]]
        assert delivery.push_built([push_plan(tmp_path, registry.name)], login=login) == (1, 0)
        assert len(server.requests) == 1


def test_a_push_with_a_wrong_password(server, tmp_path, monkeypatch):
    """The error has the registry's own sentence, and not the password."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    client = Client(load(kubeconfig(server, tmp_path), CONTEXT))
    with FakeRegistry() as registry:
        registry.fault = require_login("turnup:another")
        server.put(secret(registry.name))

        with pytest.raises(TurnupError, match="answered 401 .UNAUTHORIZED: pushes need a login") as caught:
            delivery.push_built([push_plan(tmp_path, registry.name)], login=ClusterLogin(lambda: client))
    assert PASSWORD not in str(caught.value)


def run(folder: Path, server: FakeServer, *arguments: str, stdin: str = REGISTRY) -> tuple[int, str, str]:
    """Runs the credential helper; returns exit code, stdout and stderr."""
    (folder / "plan").write_text(json.dumps({"context": CONTEXT}))
    out, err = io.StringIO(), io.StringIO()
    environ = {"RUNFILES_DIR": str(folder), "KUBECONFIG": str(kubeconfig(server, folder))}
    return registry_login.main(["plan", *arguments], io.StringIO(stdin), out, err, environ), out.getvalue(), err.getvalue()


def test_credential_helper(server, tmp_path):
    """The program answers in the form of docker's credential helpers, also for a URL; for another registry it has their words."""
    server.put(secret())

    for name in (REGISTRY, f"http://{REGISTRY}/\n", f"https://{REGISTRY}"):
        code, out, err = run(tmp_path, server, "get", stdin=name)
        assert (code, json.loads(out), err) == (0, {"ServerURL": REGISTRY, "Username": "turnup", "Secret": PASSWORD}, "")
    assert run(tmp_path, server, "get", stdin="ghcr.io") == (1, "credentials not found in native keychain\n", "")


@pytest.mark.parametrize("arguments", [(), ("store",), ("erase",), ("list",), ("get", "more")])
def test_credential_helper_only_reads(server, tmp_path, arguments):
    """Every other action is wrong usage."""
    server.put(secret())
    code, out, err = run(tmp_path, server, *arguments)

    assert (code, out) == (2, "")
    assert err.startswith("ERROR: ") and "this login can only be read; use get" in err and PASSWORD not in err
