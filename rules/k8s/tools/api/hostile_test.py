"""Tests of the API client with the table of hostile answers: each request ends as one sentence, in bounded time and memory."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import resource
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from rules.common.testing.hostile import Answer, HostileServer, answers, dripping, endless, raw, redirect, whole
from rules.k8s.testing.identity import Authority
from rules.k8s.testing.plans import deployment
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.api import client as client_module
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.websockets import open_websocket
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.kubeconfig.kubeconfig import Connection
from rules.k8s.tools.masking.mask import CUT

LONG = os.environ.get("FORM") == "long"
TOKEN = "TOKENCANARY123456"
_SECONDS = 30.0  # for a case; the limits are small in these tests, but there are five attempts, and other tests run beside them
_KIB = 300_000
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
# Answers of an API server alone: JSON of the wrong form.
WRONG = {
    f"wrong {number}": whole(_OK, text.encode())
    for number, text in enumerate(
        (
            "null",
            '"text"',
            "[1,2,3]",
            "{}",
            '{"kind":7}',
            '{"kind":"APIGroupDiscoveryList","items":7}',
            '{"kind":"APIGroupDiscoveryList","items":[1]}',
            '{"kind":"APIGroupDiscoveryList","items":[{"metadata":[]}]}',
            '{"kind":"APIGroupDiscoveryList","items":[{"versions":[{"version":"v1","resources":[{"resource":1}]}]}]}',
            '{"kind":"APIGroupDiscoveryList","items":[{"versions":{"a":1}}]}',
            '{"kind":"APIVersions","versions":[1]}',
            '{"kind":"APIGroupList","groups":[{"versions":[{"groupVersion":[]}]}]}',
            '{"kind":"PodList","metadata":7,"items":[]}',
            '{"kind":"PodList","metadata":{"resourceVersion":[]},"items":[]}',
            '{"kind":"PodList","metadata":{},"items":{"a":1}}',
            '{"kind":"PodList","metadata":{},"items":[{"metadata":{"name":7}}]}',
            '{"kind":"PodList","metadata":{},"items":[{}]}',
            '{"kind":"Pod","metadata":[]}',
            '{"kind":"Pod","metadata":{"name":"a","labels":[]}}',
            '{"kind":"Pod","metadata":{"name":"a","annotations":{"a":1}}}',
            '{"kind":"Pod","metadata":{"name":"a","ownerReferences":["x"]}}',
            '{"kind":"Pod","metadata":{"name":"a"},"status":{"conditions":{"a":1}}}',
            '{"kind":"Pod","metadata":{"name":"a"},"spec":7}',
        )
    )
}
# A client that was refused says so as it does for every refusal; what a server may answer to a login is the registries' matter.
ANSWERS: dict[str, Answer] = {**answers("application/json"), **WRONG}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits of fractions of a second and of a few MiB, unless the form is long."""
    monkeypatch.setattr(client_module, "_pause", lambda attempt, retry_after: 0.01)
    if not LONG:
        monkeypatch.setattr(client_module, "ANSWER_SECONDS", 0.6)
        monkeypatch.setattr(client_module, "ANSWER_BYTES", 24 << 20)
        monkeypatch.setattr(client_module, "EVENT_BYTES", 1 << 20)


def connection_to(server: str) -> Connection:
    """Returns the connection settings of a context with a token."""
    return Connection("ctx", "cluster", server, None, False, "", None, None, lambda: {"Authorization": f"Bearer {TOKEN}"}, {})


def _client(name: str, scheme: str = "http") -> Client:
    return Client(connection_to(f"{scheme}://{name}"), read_timeout=25.0 if LONG else 0.3)


CALLS: dict[str, Callable[[Client], Any]] = {
    "list": lambda client: client.request("GET", "/api/v1/namespaces/dev/pods"),
    "object": lambda client: client.get_or_none("/api/v1/namespaces/dev/pods/a", absent=()),
    "write": lambda client: client.request("PATCH", "/api/v1/namespaces/dev/pods/a", body={"kind": "Pod"}),
    "watch": lambda client: list(client.stream("/api/v1/namespaces/dev/pods", {}, seconds=0.2)),
    "websocket": lambda client: open_websocket(client, "/api/v1/namespaces/dev/pods/a/exec", {}, ["v4.channel.k8s.io"], timeout=25.0 if LONG else 0.3),
}


def _before(at_first: list[int] = []) -> int:  # noqa: B006 (kept between calls)
    """Returns the memory of the process, in KiB, as it was before the first case."""
    if not at_first:
        at_first.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return at_first[0]


def _check_end(begun: float, message: str) -> None:
    """Fails unless a case ended in time, with little memory, as one printable sentence without the token."""
    assert time.monotonic() - begun < (400 if LONG else _SECONDS)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < _before() + (1_500_000 if LONG else _KIB)
    assert len(message) < 5000 and TOKEN not in message and "S3cret" not in message, message


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_hostile_api_server(answer: str, call: str) -> None:
    """Whatever a server answers, each kind of request raises one error of Turnup's own, or a watch ends."""
    _before()
    begun = time.monotonic()
    message = ""
    with HostileServer(ANSWERS[answer]) as server:
        try:
            CALLS[call](_client(server.name))
            ended = True
        except TurnupError as error:
            ended, message = False, str(error)
    # A watch of which the server closes the connection just ends; its user opens it again for a limited time.
    object_of_another_form = call in ("object", "write") and answer in ("wrong 12", "wrong 13", "wrong 14", "wrong 15", "wrong 16")
    assert not ended or call == "watch" or object_of_another_form, answer
    _check_end(begun, message)


@pytest.mark.parametrize("verb", ["status", "apply"])
@pytest.mark.parametrize("answer", ANSWERS)
def test_a_verb_with_a_hostile_api_server(tmp_path, answer: str, verb: str) -> None:
    """A verb ends with one sentence that names the server, and prints no control character."""
    _before()
    begun = time.monotonic()
    with HostileServer(ANSWERS[answer]) as server:
        shell = Shell(tmp_path, kubeconfig(f"http://{server.name}"))
        shell.make(deployment("app"))
        code = shell.run(verb)
    assert code == 1 and shell.out == ""
    assert shell.err.startswith("ERROR: ") and shell.err.count("\n") == 1 and shell.err.strip("\n").isprintable(), shell.err
    assert server.name in shell.err and "internal error" not in shell.err
    _check_end(begun, shell.err)


def kubeconfig(server: str) -> dict[str, Any]:
    """Returns a kubeconfig with a token for a server."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "turnup-test",
        "clusters": [{"name": "evil", "cluster": {"server": server}}],
        "users": [{"name": "evil", "user": {"token": TOKEN}}],
        "contexts": [{"name": "turnup-test", "context": {"cluster": "evil", "user": "evil"}}],
    }


@pytest.mark.parametrize("call", CALLS)
def test_a_redirect_carries_no_credentials(call: str) -> None:
    """No request follows a redirect, so another host gets neither the token nor anything else."""
    with HostileServer(ANSWERS["an object"]) as other, HostileServer(redirect(f"http://{other.name}/")) as server:
        with pytest.raises(TurnupError, match="(?i)redirect"):
            CALLS[call](_client(server.name))
        assert any(TOKEN in head for head in server.requests)
        assert other.requests == []


@pytest.mark.parametrize("length", [b"\x7f" + (1 << 40).to_bytes(8, "big"), b"\x7e\xff\xff", b"\x05"])
def test_a_websocket_with_hostile_frames(length: bytes) -> None:
    """A frame of terabytes is refused before memory is used for it; one that ends early is an error, too."""

    def serve(peer) -> bool:
        key = next(line for line in server.requests[-1].split("\r\n") if line.lower().startswith("sec-websocket-key")).partition(": ")[2]
        accept = base64.b64encode(hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False).digest())
        peer.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: v4.channel.k8s.io\r\nConnection: Upgrade\r\n")
        peer.sendall(b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        peer.sendall(b"\x82" + length)
        return False

    with HostileServer(serve) as server:
        remote = CALLS["websocket"](_client(server.name))
        with pytest.raises(Exception, match="a frame of|lost"):
            remote.recv()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "an event of more than"),
        (b'{"type":"ADDED","object":7}\n', "an event that is not an object"),
        (b'{"type":"ADDED","object":{"metadata":{"name":[]}}}\n', "an event without a name"),
        (b'{"type":"ERROR","object":{"code":"x"}}\n', "an error of a wrong form"),
        (b"[" * 100_000 + b"\n", "an event that is not JSON"),
    ],
)
def test_events_of_a_wrong_form(line: bytes, words: str) -> None:
    """An event that is too long or of a wrong form ends the watch with the server's name."""
    # The limit differs between the short and the long form.
    line = line or b"x" * (client_module.EVENT_BYTES + 1) + b"\n"
    with HostileServer(raw(_OK + b"\r\n" + line)) as server, pytest.raises(TurnupError, match=f"{server.name}.*{words}"):
        CALLS["watch"](_client(server.name))


def test_a_watch_that_never_ends_a_line() -> None:
    """A line without an end takes neither memory nor time without a limit, fast or slow."""
    for answer in (endless(_OK + b"\r\n", b"a"), dripping(_OK + b"\r\n")):
        begun = time.monotonic()
        with HostileServer(answer) as server, pytest.raises(TurnupError, match=server.name):
            CALLS["watch"](_client(server.name))
        assert time.monotonic() - begun < (200 if LONG else _SECONDS)


def test_a_log_line_of_any_length(monkeypatch) -> None:
    """A pod's endless line arrives in pieces whose cuts are marked, so that a Secret across a cut is still masked; a dripping log ends."""
    monkeypatch.setattr(client_module, "LOG_LINE_BYTES", 1 << 17)
    with HostileServer(endless(b"HTTP/1.1 200 OK\r\n\r\n", b"a")) as server:
        pieces = _client(server.name).lines("/log", {})
        first, second = next(pieces), next(pieces)
        assert first.endswith("a" + CUT) and second.startswith(CUT + "a") and len(second) < 1 << 18
        client = _client(server.name)
        for _ in range(20):  # more than the pool has connections
            assert client.text("/log", {}).endswith(CUT)
    with monkeypatch.context() as patch:
        patch.setattr(client_module, "LOG_WINDOW_SECONDS", 0.3)
        with HostileServer(dripping(b"HTTP/1.1 200 OK\r\n\r\n")) as server, pytest.raises(TurnupError, match="sent only"):
            list(_client(server.name).lines("/log", {}))


def test_tls_that_closes_in_the_middle(tmp_path, monkeypatch) -> None:
    """A TLS connection that is closed in the middle of an answer, without TLS' own end, is an error and not a short answer."""
    # The server's end must come before the client's.
    monkeypatch.setattr(client_module, "ANSWER_SECONDS", 60.0)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Authority(tmp_path).issue("server"))
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with context.wrap_socket(listener.accept()[0], server_side=True) as tls:
                        tls.recv(1 << 16)
                        tls.sendall(_OK + b'Content-Length: 100\r\n\r\n{"kind":"Pod"}')

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(TurnupError, match="in the middle of an answer"):
            CALLS["object"](_client(f"127.0.0.1:{listener.getsockname()[1]}", "https"))
        listener.shutdown(socket.SHUT_RDWR)
