"""Tests of downloads from the fake registry: continuation, retries, redirects, and where the login goes."""

import re
import socket
import time
from pathlib import Path

import pytest

from rules.image.tools.errors import PushError
from rules.image.tools.pull import pull
from rules.image.tools.registry.auth import Login
from rules.image.tools.testing.fake_registry import FakeRegistry
from rules.image.tools.testing.pull_fixtures import LAYER_DIGEST, PACKED, fill, fixture_cache, fixture_fake, index_digest  # noqa: F401 (pytest finds fixtures by name)


def _part(handler) -> bool:
    """Answers a request for part of a blob as registries do."""
    asked = re.match(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    if not asked:
        return False
    start = int(asked[1])
    handler.answer(206, PACKED[start:], Content_Range=f"bytes {start}-{len(PACKED) - 1}/{len(PACKED)}")
    return True


def test_what_broke_off_is_continued(fake, cache) -> None:
    """The second request asks for the rest only, within one pull and after an interrupted one."""
    asked = []

    def fault(handler) -> bool:
        if not handler.path.endswith(f"/blobs/{LAYER_DIGEST}"):
            return False
        asked.append(handler.headers.get("Range"))
        if len(asked) > 1:
            return _part(handler)
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(PACKED)))
        handler.end_headers()
        handler.wfile.write(PACKED[:20])
        handler.close_connection = True
        return True

    fake.fault = fault
    fill(fake, index_digest(fake))
    assert asked == [None, "bytes=20-"]
    assert Path("image/layers/0").read_bytes() == PACKED


def _piece(handler, size: int) -> bool:
    """Answers with a part of a blob that ends too early."""
    asked = re.match(r"bytes=(\d+)-", handler.headers.get("Range", ""))
    start = int(asked[1]) if asked else 0
    handler.send_response(206 if asked else 200)
    handler.send_header("Content-Range", f"bytes {start}-{len(PACKED) - 1}/{len(PACKED)}")
    handler.send_header("Content-Length", str(len(PACKED) - start))
    handler.end_headers()
    handler.wfile.write(PACKED[start : start + size])
    handler.close_connection = True
    return True


def test_attempts_that_gain_something_do_not_count(fake, cache) -> None:
    """A connection that breaks after every few bytes still completes the blob, in more than eight attempts."""
    size = len(PACKED) // 20
    fake.fault = lambda h: h.path.endswith(f"/blobs/{LAYER_DIGEST}") and _piece(h, size)
    fill(fake, index_digest(fake))
    assert sum(line.endswith(LAYER_DIGEST) for line in fake.log) > 8
    assert Path("image/layers/0").read_bytes() == PACKED


def test_a_registrys_wish_to_wait_is_heard(fake, cache) -> None:
    """Retry-After of the answer to a manifest or blob is the pause before the next attempt, up to a minute."""
    retry_after, pauses = {"manifests": ["7"], "blobs": ["3", "86400"]}, []

    def busy(handler) -> bool:
        left = retry_after[handler.path.split("/")[-2]]
        return bool(left) and (handler.answer(429, Retry_After=left.pop(0)) or True)

    fake.fault = busy
    client = pull.Puller(fake.name, sleep=pauses.append)
    pull.pull(client, "a/b", index_digest(fake), pull.Cache(), architecture="amd64", system="linux")
    assert sorted(pauses) == [3.0, 7.0, 60.0]


def test_a_page_is_no_registry(fake, cache) -> None:
    """A web server at the registry's name is reported as such, not as a wrong digest."""
    fake.fault = lambda h: h.answer(200, b"<html>", Content_Type="text/html") or True
    with pytest.raises(PushError, match=r"answered 200 with a page \(text/html\), so it is not a registry"):
        fill(fake, index_digest(fake))


def test_a_head_that_drips_has_an_end(fake, cache, monkeypatch) -> None:
    """Header lines that drip in do not extend the deadline; the request is retried."""
    monkeypatch.setattr("rules.image.tools.registry.http1.TIMEOUT", 0.2)
    first = [True]

    def drip(handler) -> bool:
        if not first:
            return False
        first.clear()
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for _ in range(90):
                handler.wfile.write(b"X: y\r\n")
                time.sleep(0.1)
        except OSError:
            handler.close_connection = True
        return True

    fake.fault = drip
    began = time.monotonic()
    fill(fake, index_digest(fake))
    assert time.monotonic() - began < 5 and not first


def test_a_registry_that_dies_is_named_and_what_came_is_kept(fake, cache, tmp_path) -> None:
    """A network error during a download is reported as such, not as an error of the cache, and the next pull continues it."""
    dead = []

    def fault(handler) -> bool:
        if not handler.path.endswith(f"/blobs/{LAYER_DIGEST}"):
            return False
        if dead:
            handler.cut()
            return True
        dead.append(True)
        return _piece(handler, 20)

    fake.fault = fault
    with pytest.raises(PushError, match=rf"^registry {fake.name}: {LAYER_DIGEST} of a/b: {fake.name}: .*, 8 times; check the registry and the network"):
        fill(fake, index_digest(fake))
    assert (cache / LAYER_DIGEST[7:]).with_suffix(".partial").read_bytes() == PACKED[:20]


def test_unreachable_storage_is_named(fake, cache) -> None:
    """If the target of a redirect does not answer, the error names it and the registry."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        name = f"127.0.0.1:{probe.getsockname()[1]}"
    fake.fault = lambda h: h.path.endswith(f"/blobs/{LAYER_DIGEST}") and (h.answer(307, Location=f"http://{name}/bucket") or True)
    with pytest.raises(PushError, match=rf"^registry {fake.name}: {LAYER_DIGEST} of a/b: {name}: .*refused, 8 times"):
        fill(fake, index_digest(fake))


@pytest.mark.parametrize("what", ["manifests", "blobs"])
def test_redirects_are_followed_from_where_they_come(fake, cache, what) -> None:
    """Manifests and blobs may be redirected, and a relative address of a second redirect belongs to its host."""
    with FakeRegistry() as storage:

        def give(handler) -> bool:
            if handler.path.startswith("/hop/"):
                handler.answer(302, Location=f"/real{handler.path.removeprefix('/hop')}")
                return True
            repository, kind, name = handler.path.removeprefix("/real/v2/").rsplit("/", 2)
            handler.answer(200, {"manifests": fake.manifests, "blobs": fake.blobs}[kind][repository, name])
            return True

        storage.fault = give
        fake.fault = lambda h: f"/{what}/" in h.path and (h.answer(307, Location=f"http://{storage.name}/hop{h.path}") or True)
        fill(fake, index_digest(fake))
        assert storage.log and all(path.startswith(("GET /hop/", "GET /real/")) for path in storage.log)
    assert Path("image/layers/0").read_bytes() == PACKED


def test_a_registry_that_ignores_ranges_is_read_from_the_start(fake, cache) -> None:
    """A complete answer replaces the partial file."""
    cache.mkdir(parents=True)
    (cache / LAYER_DIGEST[7:]).with_suffix(".partial").write_bytes(b"something else")
    fill(fake, index_digest(fake))
    assert Path("image/layers/0").read_bytes() == PACKED


def test_storage_elsewhere_gets_no_login(fake, cache) -> None:
    """A redirect to the registry's storage is followed without the Authorization header."""
    seen = []
    with FakeRegistry() as storage:

        def give(handler) -> bool:
            seen.append(handler.headers.get("Authorization"))
            handler.answer(200, PACKED)
            return True

        def send(handler) -> bool:
            if not handler.headers.get("Authorization"):
                handler.answer(401, WWW_Authenticate='Basic realm="here"')
                return True
            if handler.path.endswith(f"/blobs/{LAYER_DIGEST}"):
                handler.answer(307, Location=f"http://{storage.name}/bucket/x?signature=y")
                return True
            return False

        storage.fault, fake.fault = give, send
        client = pull.Puller(fake.name, login=lambda _: pull_login())
        pull.pull(client, "a/b", index_digest(fake), pull.Cache(), architecture="amd64", system="linux")
    assert seen == [None]


@pytest.mark.parametrize("challenge", ['Basic realm="here"', 'Bearer realm="http://{storage}/token",service="s",scope="repository:a/b:pull"'])
def test_storage_that_asks_for_the_login_does_not_get_it(fake, cache, challenge) -> None:
    """A 401 of a redirect's target ends the pull; it gets neither a password nor a token request."""
    seen = []
    with FakeRegistry() as storage:

        def ask(handler) -> bool:
            seen.append((handler.path, handler.headers.get("Authorization")))
            handler.answer(401, WWW_Authenticate=challenge.format(storage=storage.name))
            return True

        storage.fault = ask
        fake.fault = lambda h: h.path.endswith(f"/blobs/{LAYER_DIGEST}") and (h.answer(307, Location=f"http://{storage.name}/bucket") or True)
        client = pull.Puller(fake.name, login=lambda _: pull_login())
        with pytest.raises(
            PushError, match=rf"^registry {fake.name}: {LAYER_DIGEST} of a/b: its storage {storage.name} answered 401; logins are not sent there"
        ):
            pull.pull(client, "a/b", index_digest(fake), pull.Cache(), architecture="amd64", system="linux")
    assert seen == [("/bucket", None)]


def pull_login() -> Login:
    """Returns a login that any registry takes."""
    return Login("name", "secret-password")


@pytest.mark.parametrize("location", ["http://[::1/x", "http://h:99999/x", "http://h:x/", "http://h/\xe9", "http://h/a b", "ftp://h/x"])
def test_a_redirect_to_no_address_is_one_sentence(fake, cache, location) -> None:
    """The address of a redirect is checked before a connection is opened."""

    def send(handler) -> bool:
        if handler.path.endswith(f"/blobs/{LAYER_DIGEST}"):
            handler.answer(307, Location=location)
            return True
        return False

    fake.fault = send
    with pytest.raises(PushError, match="which is not an https address"):
        fill(fake, index_digest(fake))
