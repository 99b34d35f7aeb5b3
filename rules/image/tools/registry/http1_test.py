"""Tests of HTTP on one connection, against a server that answers with given bytes."""

import contextlib
import socket
import threading
import time

import pytest

from rules.image.tools.registry import http1
from rules.image.tools.registry.http1 import Connection
from rules.image.tools.registry.sockets import BadAnswer

HEAD = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(name="serve")
def _serve():
    """Returns a function that serves byte strings, one a connection, and returns a client."""
    listener = socket.create_server(("127.0.0.1", 0))

    def start(*answers: bytes) -> Connection:
        def loop() -> None:
            for answer in answers:
                peer, _ = listener.accept()
                with peer:
                    peer.recv(1 << 16)
                    peer.sendall(answer)

        threading.Thread(target=loop, daemon=True).start()
        return Connection("127.0.0.1", listener.getsockname()[1], True)

    yield start
    listener.close()


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nTrailer: 1\r\n\r\n", b"abc"),
        (b"HTTP/1.1 200 OK\r\n\r\nabc", b"abc"),
        (b"HTTP/1.0 200 OK\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length:3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
    ids=["length", "chunked", "until closed", "old", "interim", "none"],
)
def test_bodies_are_read(serve, answer: bytes, body: bytes) -> None:
    """Bodies are read whole, for each form of length."""
    assert serve(answer).request(GET).body == body


@pytest.fixture(name="drip")
def _drip():
    """Returns a function that serves a beginning, then a piece again and again, with pauses; it returns a client."""
    listener, done = socket.create_server(("127.0.0.1", 0)), threading.Event()

    def start(begin: bytes, piece: bytes, times: int, end: bytes) -> Connection:
        def loop() -> None:
            peer, _ = listener.accept()
            with peer, contextlib.suppress(OSError):
                peer.recv(1 << 16)
                peer.sendall(begin)
                for _ in range(times):
                    peer.sendall(piece)
                    done.wait(0.02)
                peer.sendall(end)

        threading.Thread(target=loop, daemon=True).start()
        return Connection("127.0.0.1", listener.getsockname()[1], True)

    yield start
    done.set()
    listener.close()


@pytest.mark.parametrize(
    ("begin", "piece"),
    [(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x")],
    ids=["head", "body"],
)
def test_an_answer_that_drips_has_an_end(drip, monkeypatch, begin: bytes, piece: bytes) -> None:
    """A header line or a byte now and then does not extend the deadline."""
    monkeypatch.setattr(http1, "TIMEOUT", 0.3)
    monkeypatch.setattr(http1, "BODY_TIMEOUT", 0.4)
    connection = drip(begin, piece, 900, b"")
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="no complete answer within 0 s"):
        connection.request(GET)
    assert time.monotonic() - began < 3 and not connection.opened


def test_a_body_may_take_longer_than_its_head(drip, monkeypatch) -> None:
    """A body that makes progress may take longer than the timeout of the head."""
    monkeypatch.setattr(http1, "TIMEOUT", 0.3)
    assert drip(b"HTTP/1.1 200 OK\r\nContent-Length: 31\r\n\r\n", b"x", 30, b"y").request(GET).body == b"x" * 30 + b"y"


def test_a_slow_upload_is_not_cut(monkeypatch, tmp_path) -> None:
    """The deadline of the answer begins when the body is sent, however long that took."""
    monkeypatch.setattr(http1, "TIMEOUT", 1.0)
    size = 24 << 20
    (tmp_path / "blob").write_bytes(bytes(size))
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)  # what is on its way is little
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def loop() -> None:
            peer, _ = listener.accept()
            with peer:
                got = 0
                while got < size:
                    got += len(peer.recv(1 << 16))
                    time.sleep(0.004)
                peer.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")

        threading.Thread(target=loop, daemon=True).start()
        began = time.monotonic()
        with open(tmp_path / "blob", "rb", buffering=0) as file:
            answer = Connection("127.0.0.1", listener.getsockname()[1], True).request(b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size, file, size)
    assert answer.status == 201 and time.monotonic() - began > 1.0


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-x\r\n\r\n",
        b"HTTP/1.1 2\xb20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 100,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"A: b\r\n" * 1000,
    ],
    ids=["nothing", "no http", "no status", "short", "negative", "huge", "no number", "huge chunk", "endless header", "interim for ever", "trailers for ever"],
)
def test_what_is_no_answer_is_an_error(serve, answer: bytes) -> None:
    """The error says so, and the connection is not used again."""
    connection = serve(answer)
    with pytest.raises(BadAnswer):
        connection.request(GET)
    assert not connection.opened


def test_headers_are_found_in_lower_case(serve) -> None:
    """Names in any case, values without the space around them."""
    answer = serve(b"HTTP/1.1 404 Not Found\r\nDocker-Content-Digest:  sha256:x \r\nX: 1\r\nX: 2\r\n\r\n").request(HEAD)
    assert (answer.status, answer.headers) == (404, {"docker-content-digest": "sha256:x", "x": "1"})


def test_a_pipeline_that_ends_early_gives_what_came(serve) -> None:
    """Only the answers that arrived are returned."""
    connection = serve(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 404 No\r\nConnection: close\r\n\r\n")
    assert [answer.status for answer in connection.pipeline([HEAD] * 3)] == [200, 404]
    assert not connection.opened


def test_a_file_that_became_shorter_is_noticed(serve, tmp_path) -> None:
    """No body is sent that is shorter than its header said."""
    (tmp_path / "blob").write_bytes(b"abc")
    with open(tmp_path / "blob", "rb", buffering=0) as file, pytest.raises(EOFError):
        serve(b"").request(b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", file, 9)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n" + b"x" * 9_000_000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"895440\r\n" + b"x" * 9_000_000 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 9_000_000,
    ],
    ids=["length", "chunked", "until closed"],
)
def test_a_streamed_body_may_have_any_size(serve, answer: bytes) -> None:
    """It arrives in pieces of at most the size that was asked for, and ends."""
    found, body = serve(answer).stream(GET)
    pieces = list(iter(lambda: body.read(100_000), b""))
    assert (found.status, found.body) == (200, b"")
    assert max(map(len, pieces)) <= 100_000 and b"".join(pieces) == b"x" * 9_000_000
    assert body.read(1) == b""


@pytest.mark.parametrize(
    "answer",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"],
    ids=["length", "chunked"],
)
def test_a_streamed_body_that_breaks_off_is_an_error(serve, answer: bytes) -> None:
    """The received bytes can be read; the end of the connection is not the end of the body."""
    _, body = serve(answer).stream(GET)
    assert body.read(100) == b"abc"
    with pytest.raises(BadAnswer, match="closed in the middle of an answer"):
        body.read(100)


@pytest.mark.parametrize("size", [None, 0, 5])
def test_a_request_has_a_length_if_it_has_a_body(size: int | None) -> None:
    """Host, further headers and the length are lines of their own; the empty line ends the head."""
    length = b"" if size is None else b"Content-Length: %d\r\n" % size
    head = http1.request_head("PUT", "/v2/", "r.example:5000", {"Accept": "a/b"}, size)
    assert head == b"PUT /v2/ HTTP/1.1\r\nHost: r.example:5000\r\nUser-Agent: turnup\r\nAccept: a/b\r\n" + length + b"\r\n"


def test_a_connection_has_its_own_timeout(drip) -> None:
    """A connection may have a shorter timeout."""
    connection = drip(b"", b"", 900, b"")
    quick = Connection(connection.host, connection.port, True, timeout=0.1)
    with pytest.raises(TimeoutError, match="no answer within 0 s"):
        quick.request(GET)


def _read_all(body: http1.Body) -> int:
    """Reads a body to its end; returns its length."""
    total = 0
    while data := body.read(1000):
        total += len(data)
    return total


def test_a_body_of_any_size_may_be_slow_but_not_stand_still(drip, monkeypatch) -> None:
    """A stream goes on for longer than the time limit at SLOWEST or faster; below it, it is told with what arrived."""
    monkeypatch.setattr(http1, "SLOWEST", 1000)
    monkeypatch.setattr(http1, "TIMEOUT", 0.2)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    assert _read_all(drip(head % 3000, b"a" * 100, 30, b"").stream(GET)[1]) == 3000
    _, body = drip(head % 30, b"a", 30, b"").stream(GET)
    with pytest.raises(TimeoutError, match=r"^sent only \d+ bytes within 0 s$"):
        _read_all(body)
