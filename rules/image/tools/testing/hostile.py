"""A server that answers a registry's clients as none should, and the table of its answers, for tests.

    with HostileServer(ANSWERS["endless body"]) as server:
        exists(server.name, …)  # must end as one sentence

The table has no case of one client alone: what is right for one of them is in its own tests.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Self

# Answers a request; returns whether the connection may have another one.
Answer = Callable[[socket.socket], bool]

_PAUSE_SECONDS = 0.01  # between two bytes of a dripping answer
_OK = b"HTTP/1.1 200 OK\r\n"
_JSON = b"Content-Type: application/vnd.oci.image.manifest.v1+json\r\n"


def whole(head: bytes, body: bytes = b"") -> Answer:
    """Returns an answer with the right length.

    Args:
        head: the status line and headers, each with its line end.
        body: the body.
    """

    def answer(peer: socket.socket) -> bool:
        peer.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        return True

    return answer


def raw(data: bytes) -> Answer:
    """Returns an answer of given bytes, after which the connection is closed."""

    def answer(peer: socket.socket) -> bool:
        peer.sendall(data)
        return False

    return answer


def endless(start: bytes, piece: bytes) -> Answer:
    """Returns an answer that never ends."""

    def answer(peer: socket.socket) -> bool:
        peer.sendall(start)
        block = piece * max(1, (1 << 16) // len(piece))
        while True:
            peer.sendall(block)

    return answer


def dripping(start: bytes) -> Answer:
    """Returns an answer that goes on with a byte now and then."""

    def answer(peer: socket.socket) -> bool:
        peer.sendall(start)
        while True:
            time.sleep(_PAUSE_SECONDS)
            peer.sendall(b"a")

    return answer


def silent(peer: socket.socket) -> bool:
    """Answers nothing until the client gives up."""
    while peer.recv(1 << 16):
        pass
    return False


def redirect(location: str) -> Answer:
    """Returns a redirect."""
    return whole(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: " + location.encode("latin-1") + b"\r\n")


# What a registry may answer to any request. Every client of registries must end with one sentence.
ANSWERS: Mapping[str, Answer] = {
    "endless headers": endless(_OK, b"X: y\r\n"),
    "huge header": endless(_OK + b"X: ", b"a"),
    "endless interim answers": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "endless body": endless(_OK + _JSON + b"\r\n", b"{"),
    "endless chunks": endless(_OK + _JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"[" * 1024 + b"\r\n"),
    "endless trailers": endless(_OK + _JSON + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"T: 1\r\n"),
    "endless chunk length": endless(_OK + _JSON + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "dripping head": dripping(_OK),
    "dripping body": dripping(_OK + _JSON + b"Content-Length: 1000000\r\n\r\n"),
    "dripping chunks": dripping(_OK + _JSON + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n"),
    "dripping refusal": dripping(b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n"),
    "silence": silent,
    "closed": raw(b""),
    "closed in the middle": raw(_OK + _JSON + b"Content-Length: 100\r\n\r\n{"),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "bytes": raw(bytes(range(256)) * 300),
    "a page": whole(_OK + b"Content-Type: text/html\r\n", b"<html>log in</html>"),
    "deep JSON": whole(_OK + _JSON, b"[" * 1_000_000),
    "deep objects": whole(_OK + _JSON, b'{"a":' * 600_000),
    "text": whole(_OK + _JSON, b"\xff\xfe\x00"),
    "a list": whole(_OK + _JSON, b"[]"),
    "an object": whole(_OK + _JSON + b"Docker-Content-Digest: sha256:x\r\n", b"{}"),
    "odd fields": whole(_OK + _JSON, b'{"schemaVersion":2,"manifests":7,"layers":{"a":1},"config":[],"mediaType":[1]}'),
    "negative length": raw(_OK + _JSON + b"Content-Length: -5\r\n\r\n{}"),
    "length of digits": raw(_OK + _JSON + b"Content-Length: " + b"9" * 20_000 + b"\r\n\r\n{}"),
    "length of terabytes": raw(_OK + _JSON + b"Content-Length: 99999999999999\r\n\r\n{}"),
    "packed": whole(_OK + _JSON + b"Content-Encoding: gzip\r\n", b"\x1f\x8b\x08" + bytes(100)),
    "redirects in a circle": redirect("/v2/"),
    "redirect to a file": redirect("file:///etc/passwd"),
    "redirect with a login": redirect("ftp://user:S3cret@files.invalid/"),
    "redirect to nowhere": redirect(""),
    "long redirect": redirect("http://h/" + "a" * 50_000),
    "empty challenge": whole(b"HTTP/1.1 401 Unauthorized\r\n"),
    "long challenge": whole(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " + b"a" * 60_000 + b'"\r\n'),
    "challenge of equal signs": whole(b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer " + b'a="' * 20_000 + b"\r\n"),
    "login again and again": whole(b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="r"\r\n'),
    "refusal of megabytes": whole(b"HTTP/1.1 403 Forbidden\r\n", b'{"errors":[{"code":"DENIED","message":"' + b"\\u001b[2J" * 400_000 + b'"}]}'),
    "refusal of odd fields": whole(b"HTTP/1.1 404 Not Found\r\n", b'{"errors":[{"code":{"a":[1]},"message":["b"]}]}'),
    "come back in years": whole(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 999999999999\r\n"),
    "come back on a long day": whole(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: " + b"1" * 50_000 + b" GMT\r\n"),
    "status of letters": raw(b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
}

# What a token service may answer to a client whose registry asks for a token.
TOKENS: Mapping[str, Answer] = {
    **{name: answer for name, answer in ANSWERS.items() if "challenge" not in name and "again" not in name and name != "a list"},
    "endless token": endless(_OK + b'Content-Type: application/json\r\n\r\n{"token":"', b"a"),
    "token of megabytes": whole(_OK, b'{"token":"' + b"a" * 3_000_000 + b'"}'),
    "token with lines": whole(_OK, b'{"token":"a\\r\\nHost: b"}'),
    "token that is none": whole(_OK, b'{"token":{"a":1}}'),
    "empty token": whole(_OK, b'{"token":""}'),
    "a list of tokens": whole(_OK, b'["token"]'),
}


class HostileServer:
    """Answers each request on a port of this machine, as a context manager.

    Attributes:
        name: HOST:PORT.
        special: answers to requests whose first line has a text: {text: answer}.
        requests: the heads of the requests.

    Args:
        answer: how it answers other requests.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.special: dict[str, Answer] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.name = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.requests: list[str] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._loop, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _loop(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listener.accept()[0],), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        """Answers the requests of one connection."""
        with peer, contextlib.suppress(OSError):
            peer.settimeout(10)
            while head := peer.recv(1 << 16).decode("latin-1"):
                self.requests.append(head)
                line = head.partition("\r\n")[0]
                if not next((answer for text, answer in self.special.items() if text in line), self._answer)(peer):
                    return
