"""Tests of WebSockets to the API server: what is sent, and how a refusal is told."""

from __future__ import annotations

import socket

import pytest

from rules.k8s.testing.fake_exec import FakeExec
from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.websockets import open_websocket
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.kubeconfig.kubeconfig import Connection


def client_of(server: str) -> Client:
    """Returns a client with a token that acts as another user."""
    connection = Connection(
        "ctx", "cluster", server, None, True, "", None, None, lambda: {"Authorization": "Bearer abc"}, {}, impersonate=(("Impersonate-User", "eve"),)
    )
    return Client(connection)


def test_request():
    """The path, each value of the query, the login and the offered protocols reach the server; the attribute has the chosen protocol."""
    with FakeServer() as server:
        seen = []
        server.upgrade = lambda upgrade, connection: (seen.append(upgrade), FakeExec(lambda session: None, "v4")(upgrade, connection))
        remote = open_websocket(client_of(server.url), "/api/x", {"command": ["a b", "&", ""], "tty": None, "port": 8}, ["v5", "v4"])
        remote.shutdown()

    assert remote.subprotocol == "v4"
    assert (seen[0].path, seen[0].query) == ("/api/x", {"command": ["a b", "&", ""], "port": ["8"]})
    sent = seen[0].headers
    assert (sent["Authorization"], sent["Impersonate-User"], sent["Sec-WebSocket-Protocol"]) == ("Bearer abc", "eve", "v5,v4")
    assert "Origin" not in sent


def test_refusal():
    """A refusal is an ApiError with the server's words; expired credentials have their own sentence."""
    with FakeServer() as server:
        server.refuse = lambda request: (403, {"kind": "Status", "reason": "Forbidden", "message": "no"})
        with pytest.raises(ApiError) as refused:
            open_websocket(client_of(server.url), "/api/x", {}, ["v4"])
        assert (refused.value.status, refused.value.reason, refused.value.message) == (403, "Forbidden", "no")
        server.refuse = lambda request: (401, {"kind": "Status"})
        with pytest.raises(TurnupError, match="the server rejected the credentials of context 'ctx' .401.;"):
            open_websocket(client_of(server.url), "/api/x", {}, ["v4"])


def test_no_server():
    """A server that does not accept the connection is one short sentence."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(TurnupError, match="Connection refused"):
        open_websocket(client_of(address), "/api/x", {}, ["v4"])
