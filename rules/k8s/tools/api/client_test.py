"""Tests of connections that break before the server has answered."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

import pytest
import urllib3

from rules.k8s.tools.api import client as client_module
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import TurnupError, UnreachableError
from rules.k8s.tools.kubeconfig.kubeconfig import Connection


def connection_to(server: str) -> Connection:
    """Returns the connection settings of a context without credentials."""
    return Connection("ctx", "cluster", server, None, True, "", None, None, dict, {})


@contextlib.contextmanager
def listener(answer: bytes):
    """Answers each connection with some bytes and closes it; yields (address, a list with an entry per connection)."""
    taken: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.recv(65536)
                    taken.append(1)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{server.getsockname()[1]}", taken
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.fixture(autouse=True)
def fixture_hasty(monkeypatch):
    """Removes the pause between two attempts."""
    monkeypatch.setattr(client_module, "_pause", lambda attempt, retry_after: 0.0)


def test_a_handshake_that_is_cut_is_tried_again():
    """A connection that is closed during the TLS handshake is retried; after the last attempt the server counts as unreachable."""
    with listener(b"") as (address, taken), pytest.raises(UnreachableError, match="does not answer"):
        Client(connection_to(address)).request("GET", "/version")

    assert len(taken) > 1


def test_a_server_without_tls_is_final():
    """A server without TLS is an error of the kubeconfig, and there is no retry."""
    with listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (address, taken), pytest.raises(TurnupError, match="TLS failed .*another cluster"):
        Client(connection_to(address)).request("GET", "/version")

    assert len(taken) == 1


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: self-signed certificate"), True),
        (ssl.SSLCertVerificationError("hostname mismatch, certificate is not valid for 'other'"), True),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong version number"), True),
        (ssl.SSLEOFError(8, "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol"), False),
        (ssl.SSLZeroReturnError(6, "TLS/SSL connection has been closed (EOF)"), False),
    ],
)
def test_which_reasons_are_final(monkeypatch, error, final):
    """Only a wrong certificate, a wrong host name or a server without TLS is an error of the kubeconfig."""
    client = Client(connection_to("https://127.0.0.1:1"))
    asked = []

    def fail(*_, **__):
        asked.append(1)
        raise urllib3.exceptions.SSLError(error)

    monkeypatch.setattr(client._pool, "request", fail)
    with pytest.raises(TurnupError, match="TLS failed" if final else "does not answer") as caught:
        client.request("GET", "/version")

    assert isinstance(caught.value, UnreachableError) != final
    assert (len(asked) == 1) == final
