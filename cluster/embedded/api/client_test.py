"""Tests of the API client and of wait_for, with a local HTTPS server."""

from __future__ import annotations

import http.server
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from cluster.common.errors import ClusterError
from cluster.embedded.api import client as api
from cluster.embedded.api.client import ApiClient, ApiError, wait_for
from cluster.embedded.nodes.certificates import new_authority
from cluster.model.names import Layout
from cluster.model.state import Cluster


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    seen: ClassVar[list[tuple[str, str, object]]] = []

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        self.seen.append((self.command, self.path, body))
        status, kind, text = {
            "/readyz": (200, "text/plain", "ok"),
            "/denied": (403, "application/json", json.dumps({"message": "you may not"})),
        }.get(self.path, (200, "application/json", json.dumps({"items": []})))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_PATCH = _answer

    def log_message(self, *_: object) -> None:
        """Logs nothing."""


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiClient]:
    """A client of a local server that requires the administrator's certificate."""
    cluster = Cluster("a", "embedded", "172.19.0.0/26", 1, tmp_path)
    cluster.pki.mkdir(parents=True)
    authority = new_authority(cluster.pki, "ca")
    authority.issue(cluster.pki, "break-glass", user="break-glass")
    authority.issue(cluster.pki, "server", user="server", hosts=["127.0.0.1"], server=True)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(cluster.pki / "ca.crt"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(cluster.pki / "server.crt", cluster.pki / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(Layout, "address", lambda *_: ipaddress.IPv4Address("127.0.0.1"))
    monkeypatch.setattr(Layout, "api_port", server.server_address[1])
    _Handler.seen.clear()
    made = ApiClient(cluster)
    yield made
    made.close()
    server.shutdown()
    server.server_close()


def test_answers(client: ApiClient) -> None:
    """JSON is decoded, and text stays text."""
    assert client.request("GET", "/readyz") == "ok"
    assert client.request("GET", "/api/v1/nodes") == {"items": []}


def test_apply(client: ApiClient) -> None:
    """An object is sent to its own path as server-side apply with our field manager."""
    item = {"metadata": {"name": "turnup:x"}}
    client.apply("/apis/g/v1/things", item)

    assert _Handler.seen == [("PATCH", "/apis/g/v1/things/turnup%3Ax?fieldManager=turnup-cluster&force=true", item)]


def test_refusal(client: ApiClient) -> None:
    """The error has the server's message and the status."""
    with pytest.raises(ApiError, match="refused GET /denied: you may not") as error:
        client.request("GET", "/denied")

    assert error.value.status == 403


def test_unreachable_server(tmp_path: Path, client: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for an unreachable server names it and where to look, and the client works again afterwards."""
    port = client._port
    client.close()
    client._port = 1
    with pytest.raises(ApiError, match=r"https://127.0.0.1:1 does not answer .*cluster logs") as error:
        client.request("GET", "/readyz")
    assert error.value.status == 0

    client._port = port
    assert client.request("GET", "/readyz") == "ok"


def test_wait_returns_what_it_found() -> None:
    """An ApiError and None mean "not yet"."""
    answers: Iterator[ApiError | str | None] = iter([ApiError("no", 403), None, "found"])

    def look() -> str | None:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert wait_for("it", look, 10, "wait") == "found"


def test_wait_ends_with_what_it_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has what was waited for, the last state and the fix."""
    monkeypatch.setattr(api, "_PAUSE", 0.001)
    with pytest.raises(ClusterError, match=r"it is not there after 0.01 s \(last state: a-2\); look there"):
        wait_for("it is not there", lambda: None, 0.01, "look there", lambda: "a-2")


def test_other_errors_pass() -> None:
    """An error that is not an ApiError ends the wait at once."""

    def look() -> None:
        raise ClusterError("broken")

    with pytest.raises(ClusterError, match="^broken$"):
        wait_for("it", look, 10, "wait")
