"""Tests of HTTP on one connection, against a server that answers with given bytes."""

import socket
import threading

import pytest

from rules.image.tools.wire import BadAnswer, Connection

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
    """However the length is told."""
    assert serve(answer).request(GET).body == body


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
    """It is told as such, and the connection is not used again."""
    connection = serve(answer)
    with pytest.raises(BadAnswer):
        connection.request(GET)
    assert not connection.opened


def test_headers_are_found_in_lower_case(serve) -> None:
    """Names in any case, values without the space around them."""
    answer = serve(b"HTTP/1.1 404 Not Found\r\nDocker-Content-Digest:  sha256:x \r\nX: 1\r\nX: 2\r\n\r\n").request(HEAD)
    assert (answer.status, answer.headers) == (404, {"docker-content-digest": "sha256:x", "x": "1"})


def test_a_pipeline_that_ends_early_gives_what_came(serve) -> None:
    """The questions without an answer are the caller's to repeat."""
    connection = serve(b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 404 No\r\nConnection: close\r\n\r\n")
    assert [answer.status for answer in connection.pipeline([HEAD] * 3)] == [200, 404]
    assert not connection.opened


def test_a_file_that_became_shorter_is_noticed(serve, tmp_path) -> None:
    """No body is sent that is shorter than its header said."""
    (tmp_path / "blob").write_bytes(b"abc")
    with open(tmp_path / "blob", "rb", buffering=0) as file, pytest.raises(EOFError):
        serve(b"").request(b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n", file, 9)
