"""Tests of the RESP client with a fake server."""

import socket
import threading

import pytest

from python.redis import resp


@pytest.fixture
def serve():
    """Returns a function that starts a server, which reads one command and sends the given bytes."""
    listeners = []

    def start(reply):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        received = []

        def run():
            connection, _ = listener.accept()
            with connection:
                received.append(connection.recv(4096))
                connection.sendall(reply)

        threading.Thread(target=run, daemon=True).start()
        return listener.getsockname()[1], received

    yield start
    for listener in listeners:
        listener.close()


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (b"+PONG\r\n", "PONG"),
        (b":-42\r\n", -42),
        (b"$-1\r\n", None),
        (b"*-1\r\n", None),
        (b"$0\r\n\r\n", ""),
        (b"$8\r\na\r\nb\xc3\xa9\r\n\r\n", "a\r\nbé\r\n"),
        (b"*3\r\n$1\r\nx\r\n:1\r\n*1\r\n+y\r\n", ["x", 1, ["y"]]),
    ],
)
def test_replies(serve, reply, value):
    """Each kind of reply becomes a Python value."""
    port, _ = serve(reply)

    with resp.Connection("127.0.0.1", port) as redis:
        assert redis.command("ANY") == value


def test_commands_are_arrays_of_bulk_strings(serve):
    """Words are counted in bytes; numbers are sent as text."""
    port, received = serve(b"+OK\r\n")

    with resp.Connection("127.0.0.1", port) as redis:
        redis.command("SET", "é", 12)

    assert received == [b"*3\r\n$3\r\nSET\r\n$2\r\n\xc3\xa9\r\n$2\r\n12\r\n"]


def test_error_replies_raise(serve):
    """An error reply raises a CommandError with Redis's text."""
    port, _ = serve(b"-ERR unknown command\r\n")

    with resp.Connection("127.0.0.1", port) as redis, pytest.raises(resp.CommandError, match="^ERR unknown command$"):
        redis.command("NOPE")


@pytest.mark.parametrize("reply", [b"", b"+PO", b"$10\r\nabc", b"!what\r\n"])
def test_broken_replies_are_connection_errors(serve, reply):
    """A truncated reply and one that is not RESP raise an OSError, like a lost connection."""
    port, _ = serve(reply)

    with resp.Connection("127.0.0.1", port) as redis, pytest.raises(OSError, match="Redis closed the connection|is not a RESP reply"):
        redis.command("PING")


def test_a_refused_connection_is_an_os_error():
    """A refused connection raises an OSError."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    with pytest.raises(OSError, match="refused"):
        resp.Connection("127.0.0.1", port, timeout_s=0.5)


@pytest.fixture
def converse():
    """Returns a function that starts a server with a reply for each command."""
    listeners = []

    def start(*replies):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
        received = []

        def run():
            connection, _ = listener.accept()
            with connection:
                for reply in replies:
                    received.append(connection.recv(4096))
                    connection.sendall(reply)

        threading.Thread(target=run, daemon=True).start()
        return listener.getsockname()[1], received

    yield start
    for listener in listeners:
        listener.close()


def test_the_first_valid_login_counts(converse):
    """Logins are tried in order until Redis accepts one."""
    port, received = converse(b"-WRONGPASS no\r\n", b"+OK\r\n", b"+PONG\r\n")

    with resp.Connection("127.0.0.1", port, logins=[("agent", "new"), ("agent", "old"), ("agent", "older")]) as redis:
        assert redis.command("PING") == "PONG"
    assert received == [resp.encode(words) for words in (("AUTH", "agent", "new"), ("AUTH", "agent", "old"), ("PING",))]


def test_a_node_without_users_executes_commands(converse):
    """If no login is valid, the command is sent nevertheless, and the node decides."""
    port, received = converse(b"-WRONGPASS no\r\n", b"+PONG\r\n")

    with resp.Connection("127.0.0.1", port, logins=[("agent", "new")]) as redis:
        assert redis.command("PING") == "PONG"
    assert received[-1] == resp.encode(("PING",))


def test_a_connection_that_breaks_during_the_login(serve):
    """A node that closes the connection instead of answering the login is an OSError."""
    port, _ = serve(b"")

    with pytest.raises(OSError, match="Redis closed the connection"):
        resp.Connection("127.0.0.1", port, logins=[("agent", "new")])
