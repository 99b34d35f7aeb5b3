"""Tests of every client of registries with the table of hostile answers: each ends as one sentence, in bounded time and memory."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rules.common.testing.hostile import HostileServer, redirect, whole
from rules.image.tools.errors import TurnupError
from rules.image.tools.oci import oci
from rules.image.tools.pull import pull
from rules.image.tools.pull.puller import Puller
from rules.image.tools.push.push import exists, push_all
from rules.image.tools.registry.auth import Login
from rules.image.tools.registry.registry import Registry
from rules.image.tools.testing.built_images import make_image
from rules.image.tools.testing.hostile import ANSWERS, TOKENS

LONG = os.environ.get("FORM") == "long"
SECRET = "S3cret"
_SECONDS = 400.0 if LONG else 30.0  # for a case; TIMEOUT and its companions are small in these tests
_KIB = 200_000  # of memory, for all cases together
_CONFIG = b'{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
_MANIFEST = oci.dump(oci.build_manifest(_CONFIG, []))


@pytest.fixture(autouse=True)
def _short(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time limits of fractions of a second unless the form is long, one attempt, and no logins but those of a test."""
    if not LONG:
        monkeypatch.setattr("rules.image.tools.registry.http1.TIMEOUT", 0.1)
        monkeypatch.setattr("rules.image.tools.registry.http1.BODY_TIMEOUT", 0.15)
    monkeypatch.setattr("rules.image.tools.registry.retry.ATTEMPTS", 1)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _login(_: str) -> Login:
    return Login("user", SECRET)


def _pull(name: str, _: Path) -> object:
    client = Puller(name, login=_login)
    try:
        return pull.pull(client, "a/b", "v1", pull.Cache(), architecture="amd64", system="linux")
    finally:
        client.close()


def _push(name: str, folder: Path) -> object:
    client = Registry(name, login=_login)
    try:
        return push_all([make_image(folder, "a/b", [b"layer"], ("v1",))], name, client=client, jobs=2)
    finally:
        client.close()


def _exists(name: str, _: Path) -> object:
    return exists(name, "a/b", oci.sha256(_MANIFEST))


Client = Callable[[str, Path], object]
CLIENTS: dict[str, Client] = {"pull": _pull, "push": _push, "exists": _exists}


def _ends(client: Client, name: str, folder: Path) -> str:
    """Returns the error of a client, which must be one printable sentence with the registry's name, in time."""
    begun = time.monotonic()
    with pytest.raises(TurnupError) as caught:
        client(name, folder)
    message = str(caught.value)
    assert name in message and len(message) < 900 and message.isprintable() and SECRET not in message, message
    assert time.monotonic() - begun < _SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < _before() + _KIB
    return message


def _before(at_first: list[int] = []) -> int:  # noqa: B006 (kept between calls)
    """Returns the memory of the process, in KiB, as it was before the first case."""
    if not at_first:
        at_first.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return at_first[0]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_hostile_registry(tmp_path, monkeypatch, answer: str, client: str) -> None:
    """Whatever a registry answers, pull, push and the question whether an image exists end with its name."""
    _before()
    with HostileServer(ANSWERS[answer]) as server:
        if client == "exists" and answer in ("dripping refusal", "refusal of odd fields"):  # a 404 is an answer, whatever follows it
            monkeypatch.setattr("rules.image.tools.registry.http1.TIMEOUT", 5.0)
            assert CLIENTS[client](server.name, tmp_path) is False
            return
        _ends(CLIENTS[client], server.name, tmp_path)


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_registry_with_hostile_blobs(tmp_path, answer: str) -> None:
    """Blobs are as little trusted as manifests; what arrived does not stay in the cache."""
    _before()
    with HostileServer(ANSWERS[answer]) as server:
        server.special["/manifests/"] = whole(b"HTTP/1.1 200 OK\r\n", _MANIFEST)
        _ends(_pull, server.name, tmp_path)
    assert not pull.Cache().path(oci.sha256(_CONFIG)).exists()


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_registry_with_hostile_storage(tmp_path, answer: str) -> None:
    """Storage that a registry redirects to gets no login, and is as little trusted."""
    _before()
    with HostileServer(ANSWERS[answer]) as storage, HostileServer(redirect(f"http://user:{SECRET}@{storage.name}/bucket")) as server:
        server.special["/manifests/"] = whole(b"HTTP/1.1 200 OK\r\n", _MANIFEST)
        _ends(_pull, server.name, tmp_path)
        assert not [head for head in storage.requests if "authorization" in head.lower() or SECRET in head]


@pytest.mark.parametrize("client", ["pull", "push"])
@pytest.mark.parametrize("answer", TOKENS)
def test_a_hostile_token_service(tmp_path, answer: str, client: str) -> None:
    """The token service that a registry names is as little trusted; the error has the registry's name and not the login."""
    _before()
    with HostileServer(TOKENS[answer]) as service:
        challenge = f'Bearer realm="http://{service.name}/token",service="s",scope="repository:a/b:pull"'
        with HostileServer(whole(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " + challenge.encode() + b"\r\n")) as server:
            message = _ends(CLIENTS[client], server.name, tmp_path)
        assert "token service" in message


def test_a_redirect_carries_no_login_to_another_host(tmp_path, monkeypatch) -> None:
    """A login that the registry got does not go where the registry redirects to, and a push follows no redirect."""
    monkeypatch.setattr("rules.image.tools.registry.http1.TIMEOUT", 5.0)
    challenge = whole(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="r"\r\n')
    for client in ("pull", "push"):
        with HostileServer(ANSWERS["an object"]) as other, HostileServer(challenge) as server:

            def first_login_then_redirect(peer, server=server, other=other) -> bool:
                wanted = "authorization: basic" in server.requests[-1].lower()
                return (redirect(f"http://{other.name}/v2/") if wanted else challenge)(peer)

            server.special["/v2/"] = first_login_then_redirect
            _ends(CLIENTS[client], server.name, tmp_path)
            assert [head for head in server.requests if "authorization: basic" in head.lower()]
            assert bool(other.requests) == (client == "pull") and not [head for head in other.requests if "authorization" in head.lower()]
