"""Tests of the registry client: retries, refusals and what it will not follow."""

import contextlib
import email.utils
import itertools
import socket
import ssl
import threading
import time

import pytest

from rules.image.tools.errors import PushError
from rules.image.tools.push.transfer import has_manifest
from rules.image.tools.registry.http1 import Answer
from rules.image.tools.registry.names import is_loopback, wants_plain_http
from rules.image.tools.registry.refusals import refusal
from rules.image.tools.registry.registry import Registry
from rules.image.tools.registry.retry import ATTEMPTS, Interrupted
from rules.image.tools.testing.fake_registry import FakeRegistry


@pytest.fixture(name="fake")
def _fake():
    """A fake registry with one blob."""
    with FakeRegistry() as registry:
        registry.blobs["a", "x"] = b"data"
        yield registry


@pytest.fixture(name="pauses")
def _pauses() -> list[float]:
    """The pauses a client made."""
    return []


@pytest.fixture(name="client")
def _client(fake, pauses):
    """A client that does not really wait."""
    client = Registry(fake.name, sleep=pauses.append)
    yield client
    client.close()


def _fails(times: int, act):
    """Returns a fault that acts on the first requests only."""
    left = [times]

    def fault(handler) -> bool:
        if left[0]:
            left[0] -= 1
            act(handler)
            return True
        return False

    return fault


@pytest.mark.parametrize(
    "act",
    [lambda h: h.answer(503), lambda h: h.answer(429), lambda h: h.answer(500), lambda h: h.cut()],
    ids=["503", "429", "500", "cut"],
)
def test_passing_trouble_is_sat_out(fake, client, pauses, act) -> None:
    """Requests are retried with growing pauses."""
    fake.fault = _fails(4, act)
    assert client.request("HEAD", "/v2/a/blobs/x").status == 200
    assert len(pauses) == 4
    assert all(later > sooner for sooner, later in itertools.pairwise(pauses))


def test_a_registrys_wish_to_wait_is_heard(fake, client, pauses) -> None:
    """A pause is as long as Retry-After says, in seconds or as a date, up to a minute."""
    fake.fault = _fails(1, lambda h: h.answer(429, Retry_After="3"))
    client.request("HEAD", "/v2/a/blobs/x")
    fake.fault = _fails(1, lambda h: h.answer(429, Retry_After="86400"))
    client.request("HEAD", "/v2/a/blobs/x")
    fake.fault = _fails(1, lambda h: h.answer(503, Retry_After=email.utils.formatdate(time.time() + 20, usegmt=True)))
    client.request("HEAD", "/v2/a/blobs/x")
    assert pauses[:2] == [3.0, 60.0] and 15 < pauses[2] <= 20


def test_lasting_trouble_is_one_sentence(fake, client) -> None:
    """After all attempts the error names the registry and its answer, and says what to do."""
    fake.fault = lambda h: h.answer(503, b'{"errors":[{"code":"UNAVAILABLE","message":"be\\u0007back"}]}') or True
    with pytest.raises(PushError, match=rf"registry {fake.name}: answered 503 \(UNAVAILABLE: be\?back\), {ATTEMPTS} times; check"):
        client.request("GET", "/v2/a/blobs/x")


def test_no_attempt_begins_after_minutes(fake, client, monkeypatch) -> None:
    """A registry that takes minutes for each answer is asked again only for so long, and the error counts the attempts."""
    monkeypatch.setattr("rules.image.tools.registry.retry.LONGEST", -1.0)
    fake.fault = lambda h: h.answer(503) or True
    with pytest.raises(PushError, match=rf"^registry {fake.name}: answered 503, once; check"):
        client.request("GET", "/v2/a/blobs/x")
    assert len(fake.log) == 1


def test_a_closed_port_is_one_sentence(pauses) -> None:
    """The error for a closed port names it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        name = f"127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(PushError, match=f"registry {name}: .*refused.*check that it runs"):
        Registry(name, sleep=pauses.append).request("GET", "/v2/")
    assert len(pauses) == ATTEMPTS - 1


def test_a_session_is_not_repeated_by_itself(fake, client, pauses) -> None:
    """With again=False the caller learns at once that the request was interrupted."""
    fake.fault = _fails(1, lambda h: h.cut())
    with pytest.raises(Interrupted):
        client.request("PUT", "/v2/a/blobs/uploads/1", body=b"x", size=1, again=False)
    assert pauses == []


def test_connections_are_kept(fake, client) -> None:
    """Ten consecutive requests use one connection."""
    ports = set()
    fake.fault = lambda h: ports.add(h.client_address[1])
    for _ in range(10):
        client.request("HEAD", "/v2/a/blobs/x")
    assert len(ports) == 1


def test_a_tls_registry_is_not_spoken_to_in_plain(fake, pauses) -> None:
    """TLS with a registry that speaks plain HTTP is an error that says so, without retries."""
    with pytest.raises(PushError, match="no TLS connection, it speaks plain HTTP: name it insecure"):
        Registry(fake.name, insecure=False, sleep=pauses.append).request("GET", "/v2/")
    assert pauses == []


@pytest.fixture(name="tls")
def _tls():
    """Returns a function that starts a server that speaks TLS, and answers plain HTTP with given bytes; it returns its name."""
    listener = socket.create_server(("127.0.0.1", 0))

    def start(plain_answer: bytes) -> str:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)  # without a certificate: its handshakes end in an alert

        def loop() -> None:
            while True:
                peer, _ = listener.accept()
                with peer, contextlib.suppress(OSError):
                    if peer.recv(1, socket.MSG_PEEK) == b"\x16":
                        context.wrap_socket(peer, server_side=True)
                    peer.recv(1 << 16)
                    peer.sendall(plain_answer)

        threading.Thread(target=loop, daemon=True).start()
        return f"127.0.0.1:{listener.getsockname()[1]}"

    yield start
    listener.close()


@pytest.mark.parametrize(
    "plain_answer",
    [
        b"",
        b"\x15\x03\x01\x00\x02\x02\x46",
        b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["closed", "alert", "as Go", "without a word"],
)
@pytest.mark.parametrize(("insecure", "advice"), [(None, "as registries of this machine are; push with --secure"), (True, "do not name it insecure")])
def test_a_plain_registry_that_speaks_tls_is_told_as_such(tls, pauses, plain_answer: bytes, insecure: bool | None, advice: str) -> None:
    """Whatever it answers to plain HTTP, the error says that it speaks TLS, without retries."""
    client = Registry(tls(plain_answer), insecure=insecure, sleep=pauses.append)
    with pytest.raises(PushError, match=f"registry {client.name}: it speaks TLS but was asked in plain HTTP.*{advice}"):
        has_manifest(client, "a", "sha256:" + "0" * 64)
    assert pauses == []


def test_a_400_of_a_plain_registry_stays_one(fake, client) -> None:
    """A 400 without details from a registry without TLS is returned as it is."""
    fake.fault = lambda h: h.answer(400) or True
    assert client.request("HEAD", "/v2/a/blobs/x").status == 400


@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://r.example/v2/", "it redirects to https://r.example; name that as the registry, and speak TLS to it: do not name it insecure"),
        ("http://me:S3cret@r.example:5000/v2/", r"it redirects to http://\*\*\*@r.example:5000; name that as the registry$"),
        ("/login", "it redirects to '/login'; name the registry itself"),
    ],
)
@pytest.mark.parametrize("status", [301, 308])
def test_a_redirect_is_told_with_where_it_leads(fake, client, status: int, location: str, words: str) -> None:
    """A push does not follow a redirect, and says which registry to name instead."""
    fake.fault = lambda h: h.answer(status, Location=location) or True
    with pytest.raises(PushError, match=f"answered {status}; {words}") as caught:
        has_manifest(client, "a", "sha256:" + "0" * 64)
    assert "S3cret" not in str(caught.value)


def test_a_page_is_no_registry(fake, client) -> None:
    """A web server that answers everything with 200 is reported as such."""
    fake.fault = lambda h: h.answer(200, b"<html>", Content_Type="text/html; charset=utf-8") or True
    with pytest.raises(PushError, match=r"answered 200 with a page \(text/html\), so it is not a registry; check its name and port"):
        has_manifest(client, "a", "sha256:" + "0" * 64)


def test_a_success_that_was_not_asked_for_is_no_registrys() -> None:
    """The error for a 200 to an upload does not point to the registry's log."""
    assert "that is not what a registry answers" in str(refusal(Answer(200, {}, b""), "upload", "r.example"))


def test_waiting_is_told(fake, pauses) -> None:
    """The line before each pause has the registry, the reason, the attempt and the seconds."""
    notes: list[str] = []
    fake.fault = _fails(2, lambda h: h.answer(429, Retry_After="86400"))
    Registry(fake.name, sleep=pauses.append, note=notes.append).request("HEAD", "/v2/a/blobs/x")
    assert notes == [f"registry {fake.name}: answered 429; attempt {number} of {ATTEMPTS} in 60.0 s" for number in (2, 3)]


def test_silence_is_told(pauses, monkeypatch) -> None:
    """For a registry that accepts connections but never answers, the pipelined questions have a line too."""
    monkeypatch.setattr("rules.image.tools.registry.http1.TIMEOUT", 0.05)
    notes: list[str] = []
    with socket.create_server(("127.0.0.1", 0), backlog=50) as listener:
        client = Registry(f"127.0.0.1:{listener.getsockname()[1]}", sleep=pauses.append, note=notes.append)
        assert client.head_all([("/v2/a/blobs/x", "a")]) == [None]
        with pytest.raises(PushError, match=f"no answer within 0 s, {ATTEMPTS} times"):
            client.request("HEAD", "/v2/a/blobs/x")
    assert len(notes) == ATTEMPTS and notes[0].endswith("no answer within 0 s; asking again") and f"attempt 2 of {ATTEMPTS} in 0." in notes[1]


@pytest.mark.parametrize("name", ["localhost", "localhost:5000", "127.0.0.1:1", "127.9.9.9", "[::1]:5000"])
def test_loopback_is_spoken_to_in_plain(name: str) -> None:
    """Loopback names use plain HTTP."""
    assert is_loopback(name) and wants_plain_http(name, None)


@pytest.mark.parametrize("name", ["example.com", "172.19.0.2:31000", "localhost.example.com", "127.0.0.1.example.com:80", "reg.localhost:5000"])
def test_others_are_spoken_to_in_plain_only_when_told(name: str) -> None:
    """A private address uses TLS unless the caller says otherwise."""
    assert not wants_plain_http(name, None)
    assert wants_plain_http(name, True)


@pytest.mark.parametrize("name", ["", "http://x", "x/y", "x y", "-x", "x:port", "x\r\nHost: y", "user@x"])
def test_a_registry_is_host_and_port(name: str) -> None:
    """Names that would change a URL or header are refused."""
    with pytest.raises(PushError, match=r"write HOST or HOST:PORT"):
        Registry(name)


@pytest.mark.parametrize("name", ["user:S3cret@reg.example:5000", "S3cret@reg.example", "a@S3cret@reg.example"])
def test_a_login_in_a_registrys_name_is_not_shown(name: str) -> None:
    """The part before the last @ is masked."""
    with pytest.raises(PushError, match=r"registry '\*\*\*@reg.example.*write HOST or HOST:PORT") as caught:
        Registry(name)
    assert "S3cret" not in str(caught.value)


@pytest.mark.parametrize("location", ["", "http://evil.example/v2/x", "//evil.example/x", "relative", "/v2/a b", "/v2/a\r\nX: y", "https://127.0.0.1:1/v2/"])
def test_uploads_go_to_no_other_host(location: str) -> None:
    """A Location on another host, or one that would break the request, is refused."""
    with pytest.raises(PushError):
        Registry("127.0.0.1:5000").location(Answer(202, {"location": location}, b""))


@pytest.mark.parametrize(
    ("location", "path"),
    [("/v2/a/u?_state=x", "/v2/a/u?_state=x"), ("http://127.0.0.1:5000/v2/a/u", "/v2/a/u"), ("//127.0.0.1:5000/v2/a/u?b", "/v2/a/u?b")],
)
def test_uploads_go_where_the_registry_says(location: str, path: str) -> None:
    """Paths, and addresses of the same registry, are followed."""
    assert Registry("127.0.0.1:5000").location(Answer(202, {"location": location}, b"")) == path


@pytest.mark.parametrize(
    ("name", "insecure", "location"), [("R.example", False, "https://r.example:443/v2/a"), ("r.example:80", True, "http://r.example/v2/a")]
)
def test_a_default_port_is_no_other_host(name: str, insecure: bool, location: str) -> None:
    """Registries behind proxies write their own name with or without the scheme's port."""
    assert Registry(name, insecure=insecure).location(Answer(202, {"location": location}, b"")) == "/v2/a"


def test_docker_hubs_registry_has_another_name() -> None:
    """docker.io is what people write, and its uploads go to the host that serves it."""
    client = Registry("docker.io")
    assert client.name == "docker.io"
    assert client.location(Answer(202, {"location": "https://registry-1.docker.io/v2/a/u?b"}, b"")) == "/v2/a/u?b"


@pytest.mark.parametrize(("status", "advice"), [(401, "log in"), (403, "right to push"), (413, "size"), (405, "read-only"), (507, "free space"), (418, "log")])
def test_refusals_name_the_cure(status: int, advice: str) -> None:
    """Each refusal says what to do."""
    assert advice in str(refusal(Answer(status, {}, b"no json"), "blob x", "r"))
