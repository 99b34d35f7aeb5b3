"""Tests of proxies in front of the API server: which one is used, and that requests go through it."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.portforward import forward_connection
from rules.k8s.tools.errors import TurnupError, UnreachableError
from rules.k8s.tools.kubeconfig.kubeconfig import Connection
from rules.k8s.tools.kubeconfig.proxy import proxy_of


class Proxy(ThreadingHTTPServer):
    """A proxy that refuses tunnels and answers other requests itself; `asked` has method, URL and credentials of each request."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str | None]] = []

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Proxy

    def _answer(self) -> None:
        self.server.asked.append((f"{self.command} {self.path}", self.headers["Proxy-Authorization"]))
        tunnel = self.command == "CONNECT"
        self.send_response(407 if tunnel else 200, "Who are you" if tunnel else None)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    do_GET = do_CONNECT = _answer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class' name)
        """Keeps the tests' output clean."""


@pytest.fixture(name="proxy")
def fixture_proxy():
    """Returns a running proxy."""
    with Proxy() as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
        yield proxy
        proxy.shutdown()


def connection(server: str, proxy: str) -> Connection:
    """Returns the connection of a context without credentials, through a proxy."""
    return Connection("ctx", "cluster", server, None, True, "", None, None, dict, {}, proxy=proxy)


@pytest.mark.parametrize(
    ("server", "environ", "proxy"),
    [
        ("https://api.example.com", {}, ""),
        ("https://api.example.com", {"HTTPS_PROXY": "http://p:1"}, "http://p:1"),
        ("https://api.example.com", {"https_proxy": "p:1", "HTTP_PROXY": "http://q:1"}, "http://p:1"),
        ("http://api.example.com", {"https_proxy": "p:1", "HTTP_PROXY": "http://q:1"}, "http://q:1"),
        ("https://api.example.com", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*"}, ""),
        ("https://api.example.com", {"HTTPS_PROXY": "http://p:1", "no_proxy": "other, example.com"}, ""),
        ("https://api.example.com", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example.com"}, ""),
        ("https://api.example.com", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "*.example.com"}, ""),
        ("https://example.com", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": ".example.com"}, "http://p:1"),
        ("https://notexample.com", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "example.com"}, "http://p:1"),
        ("https://api.example.com", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "api.example.com:443"}, ""),
        ("https://api.example.com:6443", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "api.example.com:443"}, "http://p:1"),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.0.0.0/8"}, ""),
        ("https://10.1.2.3:6443", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "10.1.2.4,11.0.0.0/8"}, "http://p:1"),
        ("https://[fd00::1]:6443", {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "fd00::/8"}, ""),
        ("https://127.0.0.1:6443", {"HTTPS_PROXY": "http://p:1"}, ""),
        ("https://localhost:6443", {"HTTPS_PROXY": "http://p:1"}, ""),
    ],
)
def test_which_proxy_counts(server, environ, proxy):
    """HTTPS_PROXY and NO_PROXY have the same meaning as in kubectl; the kubeconfig's proxy-url takes precedence for every server."""
    assert proxy_of(server, "", environ, "config") == proxy
    assert proxy_of(server, "http://own:1", environ, "config") == "http://own:1"


@pytest.mark.parametrize(
    ("wanted", "environ", "message"),
    [
        ("socks5://me:pw@p:1", {}, "config: proxy-url is 'socks5://p:1', which is not an HTTP proxy. Write a URL with http or https"),
        ("p:1", {}, "config: proxy-url is 'p:1'"),
        ("", {"HTTPS_PROXY": "http://p:port"}, "HTTPS_PROXY is 'http://p:port'"),
    ],
)
def test_proxies_that_cannot_be_used(wanted, environ, message):
    """A URL that is not an HTTP proxy is refused without showing its password."""
    with pytest.raises(TurnupError) as caught:
        proxy_of("https://api.example.com", wanted, environ, "config")

    assert message in str(caught.value)


def test_requests_go_through_the_proxy(proxy):
    """A request without TLS goes to the proxy, with the credentials in the proxy's URL."""
    assert Client(connection("http://api.example.com", f"http://jane:p%40ss@{proxy.address}")).request("GET", "/version", query={"a": "b"}) == (200, {})
    assert proxy.asked == [("GET http://api.example.com/version?a=b", "Basic amFuZTpwQHNz")]


def test_tunnel_that_is_refused_is_named(proxy):
    """A request with TLS asks the proxy for a tunnel; if the proxy refuses, the error has its name and reason."""
    with pytest.raises(UnreachableError) as caught:
        Client(connection("https://api.example.com", f"http://jane:pw@{proxy.address}")).request("GET", "/version")

    assert str(caught.value).startswith(
        f"the API server https://api.example.com of context 'ctx' does not answer through the proxy http://{proxy.address} (407 Who are you); "
    )
    assert proxy.asked[0] == ("CONNECT api.example.com:443", "Basic amFuZTpwdw==")


def test_proxy_that_is_away_is_named():
    """The error names a proxy that does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(UnreachableError, match=f"does not answer through the proxy {address} .connection refused."):
        Client(connection("https://api.example.com", address)).request("GET", "/version")


def test_forwarded_ports_go_the_same_way(proxy, monkeypatch):
    """A forwarded port uses the kubeconfig's proxy, and no proxy of the environment if the context has none."""
    pod = {"metadata": {"namespace": "dev", "name": "a"}}
    with pytest.raises(TurnupError):
        forward_connection(Client(connection("https://api.example.com", f"http://jane:pw@{proxy.address}")), pod, 80, socket.socket())
    assert proxy.asked == [("CONNECT api.example.com:443", "Basic amFuZTpwdw==")]

    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://{proxy.address}")
    with FakeServer() as server:
        with pytest.raises(TurnupError):
            forward_connection(Client(connection(server.url, "")), pod, 80, socket.socket())
        assert [request.path for request in server.requests] == ["/api/v1/namespaces/dev/pods/a/portforward"]
    assert len(proxy.asked) == 1
