"""Tests of connections: names that do not resolve, and invalid certificates."""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from typing import Any

import pytest

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.tools.api import transport
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import TurnupError, UnreachableError
from rules.k8s.tools.kubeconfig.kubeconfig import Connection, load


def connection(server: str, **fields) -> Connection:
    """Returns the connection settings of a context without credentials."""
    return Connection("ctx", "cluster", server, None, True, "", None, None, dict, {}, **fields)


def test_silent_dns_is_named_in_time(monkeypatch):
    """If no DNS server answers, the request fails at its deadline, and the message names the server and the reason."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(60) and [])
    monkeypatch.setattr(transport, "_RESOLVE_SECONDS", 0.3)
    started = time.monotonic()
    with pytest.raises(UnreachableError, match=r"the API server https://api.example.com of context 'ctx' does not answer \(no answer from DNS\)"):
        Client(connection("https://api.example.com")).request("GET", "/version")
    over.set()

    assert time.monotonic() - started < 5


def test_unknown_name_is_named(monkeypatch):
    """The message for a name that does not exist says so."""

    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UnreachableError, match="does not answer .name or service not known."):
        Client(connection("https://api.example.com")).request("GET", "/version")


def test_every_address_of_a_name_is_tried(monkeypatch):
    """If a name has several addresses and the first refuses the connection, the next is tried; the Host header has the name."""
    with FakeServer() as server, socket.create_server(("127.0.0.1", 0)) as free:
        port = int(server.url.rpartition(":")[2])
        real = socket.getaddrinfo

        def two(host, *rest, **more):
            return real("127.0.0.2", *rest, **more) + real("127.0.0.1", *rest, **more) if host == "api.example.com" else real(host, *rest, **more)

        free.close()
        monkeypatch.setattr(socket, "getaddrinfo", two)

        assert Client(connection(f"http://api.example.com:{port}")).request("GET", "/api/v1/namespaces")[0] == 200
        assert ("Host", f"api.example.com:{port}") in server.requests[0].headers


def test_connections_notice_a_server_that_has_gone():
    """Connections use TCP keep-alive, so that a silent followed log ends when the server is gone."""
    with FakeServer() as server:
        client = Client(connection(server.url))
        client.request("GET", "/api/v1/namespaces")
        pool: Any = client._pool
        kept = pool._get_conn().sock

        assert kept.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert kept.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 30


@pytest.mark.parametrize("authority", ["no certificate", " \n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_broken_authority_names_the_field(tmp_path, authority):
    """The message for an invalid certificate authority names kubeconfig, cluster and field; the system's authorities never replace it."""
    path = tmp_path / "config"
    cluster = {"server": "https://127.0.0.1:1", "certificate-authority-data": base64.b64encode(authority.encode()).decode()}
    path.write_text(json.dumps({"contexts": [{"name": "ctx", "context": {"cluster": "c"}}], "clusters": [{"name": "c", "cluster": cluster}]}))
    with pytest.raises(TurnupError) as caught:
        Client(load(path, "ctx"))

    assert str(caught.value) == (
        f"{path}: certificate-authority of cluster 'c' (or its certificate-authority-data) is not a PEM certificate; correct it, or fetch the kubeconfig again."
    )


def test_broken_certificate_names_the_fields(tmp_path):
    """The message for an invalid client certificate names kubeconfig, context and fields."""
    path = tmp_path / "config"
    data = base64.b64encode(b"no certificate").decode()
    path.write_text(
        json.dumps(
            {
                "contexts": [{"name": "ctx", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {"client-certificate-data": data, "client-key-data": data}}],
            }
        )
    )
    with pytest.raises(TurnupError) as caught:
        Client(load(path, "ctx"))

    assert str(caught.value).startswith(f"{path}: client-certificate and client-key of context 'ctx' (or their -data) are not a PEM certificate ")
