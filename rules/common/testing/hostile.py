"""A server that answers as none should, and the table of its answers, which the tests of every HTTP client run through.

    with HostileServer(answers("application/json")["endless body"]) as server:
        exists(server.name, …)  # must end as one sentence

The table has no case of one client alone: what is right for one of them is in its own tests.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import socket
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Self

# Answers a request; returns whether the connection may have another one.
Answer = Callable[[socket.socket], bool]

_PAUSE_SECONDS = 0.01  # between two bytes of a dripping answer
_OK = b"HTTP/1.1 200 OK\r\n"
_BOMB_BYTES = 1 << 29  # that two MiB of a packed answer unpack to


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


def bomb(head: bytes, bits: int) -> Answer:
    """Returns an answer that unpacks to many times its size, which is made when it is first sent.

    Args:
        head: the status line and headers.
        bits: 31 for gzip, 15 for zlib.
    """

    def answer(peer: socket.socket) -> bool:
        return whole(head, _packed_zeros(bits))(peer)

    return answer


def redirect(location: str) -> Answer:
    """Returns a redirect."""
    return whole(b"HTTP/1.1 307 Temporary Redirect\r\nLocation: " + location.encode("latin-1") + b"\r\n")


def answers(media_type: str) -> Mapping[str, Answer]:
    """Returns what a server may answer to any request: name → answer. Every client must end with one sentence.

    Args:
        media_type: the content type of answers that claim to be what the client asked for.
    """
    kind = f"Content-Type: {media_type}\r\n".encode()
    return {
        "endless headers": endless(_OK, b"X: y\r\n"),
        "huge header": endless(_OK + b"X: ", b"a"),
        "endless interim answers": endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        "endless body": endless(_OK + kind + b"\r\n", b"{"),
        "endless chunks": endless(_OK + kind + b"Transfer-Encoding: chunked\r\n\r\n", b"400\r\n" + b"[" * 1024 + b"\r\n"),
        "endless trailers": endless(_OK + kind + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"T: 1\r\n"),
        "endless chunk length": endless(_OK + kind + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
        "dripping head": dripping(_OK),
        "dripping body": dripping(_OK + kind + b"Content-Length: 1000000\r\n\r\n"),
        "dripping chunks": dripping(_OK + kind + b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n"),
        "dripping refusal": dripping(b"HTTP/1.1 404 Not Found\r\nContent-Length: 1000000\r\n\r\n"),
        "silence": silent,
        "closed": raw(b""),
        "closed in the middle": raw(_OK + kind + b"Content-Length: 100\r\n\r\n{"),
        "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        "bytes": raw(bytes(range(256)) * 300),
        "a page": whole(_OK + b"Content-Type: text/html\r\n", b"<html>log in</html>"),
        "deep JSON": whole(_OK + kind, b"[" * 1_000_000),
        "deep objects": whole(_OK + kind, b'{"a":' * 600_000),
        "text": whole(_OK + kind, b"\xff\xfe\x00"),
        "a list": whole(_OK + kind, b"[]"),
        "an object": whole(_OK + kind + b"Docker-Content-Digest: sha256:x\r\n", b"{}"),
        "odd fields": whole(_OK + kind, b'{"schemaVersion":2,"manifests":7,"layers":{"a":1},"config":[],"mediaType":[1]}'),
        "negative length": raw(_OK + kind + b"Content-Length: -5\r\n\r\n{}"),
        "length of digits": raw(_OK + kind + b"Content-Length: " + b"9" * 20_000 + b"\r\n\r\n{}"),
        "length of terabytes": raw(_OK + kind + b"Content-Length: 99999999999999\r\n\r\n{}"),
        "packed": whole(_OK + kind + b"Content-Encoding: gzip\r\n", b"\x1f\x8b\x08" + bytes(100)),
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
        "gzip bomb": bomb(_OK + kind + b"Content-Encoding: gzip\r\n", 31),
        "deflate bomb": bomb(_OK + kind + b"Content-Encoding: deflate\r\n", 15),
        "garbage for chunks": raw(_OK + kind + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n"),
        "negative chunk": raw(_OK + kind + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n"),
        "two lengths": raw(_OK + kind + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        "a number": whole(_OK + kind, b"1"),
        "no number": whole(_OK + kind, b"NaN"),
        "number of a million digits": whole(_OK + kind, b"1" * 1_000_000),
        "millions of lists": whole(_OK + kind, b"[" + b"[]," * 4_000_000 + b"[]]"),
    }


@functools.cache
def _packed_zeros(bits: int) -> bytes:
    """Returns a small body that unpacks to many zeros; `bits` chooses the format, as for zlib.compressobj."""
    packer = zlib.compressobj(1, zlib.DEFLATED, bits)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(_BOMB_BYTES >> 20)) + packer.flush()


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
        # A collection that happens to start deep in a decoder's recursion runs finalizers without stack, which pytest takes for an error
        # of the test.
        gc.disable()
        return self

    def __exit__(self, *_: object) -> None:
        gc.enable()
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
