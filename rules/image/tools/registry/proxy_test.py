"""Tests of proxies: which hosts use one, and the errors."""

import base64
import socket
import threading

import pytest

from rules.image.tools.errors import PushError
from rules.image.tools.pull.puller import Puller
from rules.image.tools.registry import proxy as proxies
from rules.image.tools.registry.registry import Registry
from rules.image.tools.testing.fake_registry import FakeRegistry


@pytest.fixture(name="named")
def _named(monkeypatch):
    """Returns a function that names a proxy and exceptions in the environment."""
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)

    def name_proxy(proxy: str, exceptions: str = "") -> None:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.setenv("NO_PROXY", exceptions)

    return name_proxy


def test_without_a_name_there_is_no_proxy(named) -> None:
    """Without a variable, connections are direct."""
    assert proxies.find("r.example", 443) is None


@pytest.mark.parametrize("value", ["http://p.example:3128", "p.example:3128", "http://p.example:3128/"])
def test_a_proxy_is_host_and_port(named, value: str) -> None:
    """The scheme is optional."""
    named(value)
    assert proxies.find("r.example", 443) == proxies.Proxy("p.example", 3128, "")


def test_a_proxys_login_is_unquoted(named) -> None:
    """Name and password in the address become a header."""
    named("http://me:pa%20ss@p.example:3128")
    assert proxies.find("r.example", 443).authorization == "Basic " + base64.b64encode(b"me:pa ss").decode()


@pytest.mark.parametrize(
    ("exceptions", "direct"),
    [
        ("*", True), ("r.example", True), ("example", True), (".example", True), ("*.example", True), ("r.example:5000", True), ("a, R.Example", True),
        ("xample", False), ("r.example:5001", False), ("a.r.example", False), ("10.0.0.0/8", False), ("", False),
    ],
)  # fmt: skip
def test_no_proxy_names_hosts_and_domains(named, exceptions: str, direct: bool) -> None:
    """NO_PROXY has names, domains and ports; a part of a name does not match."""
    named("http://p.example:3128", exceptions)
    assert (proxies.find("r.example", 5000) is None) == direct


@pytest.mark.parametrize(("exceptions", "direct"), [("10.1.0.0/16", True), ("10.1.2.3", True), ("10.2.0.0/16", False), ("10.1.2.3/x", False)])
def test_no_proxy_names_addresses(named, exceptions: str, direct: bool) -> None:
    """NO_PROXY has single addresses and ranges."""
    named("http://p.example:3128", exceptions)
    assert (proxies.find("10.1.2.3", 443) is None) == direct


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1"])
def test_this_machine_is_never_spoken_to_through_a_proxy(named, host: str) -> None:
    """Loopback connections are always direct."""
    named("http://p.example:3128")
    assert proxies.find(host, 443) is None


def test_plain_http_goes_through_no_proxy(named) -> None:
    """Plain HTTP never uses the proxy, even for other machines, so a proxy can't read it."""
    named("http://p.invalid:1")
    with FakeRegistry() as fake:
        name = fake.name.replace("127.0.0.1", "0.0.0.0")  # no loopback address, but answered by this machine
        assert Registry(name, insecure=True).request("GET", "/v2/").status == 404


@pytest.mark.parametrize("value", ["socks5://me:s3cret@p:1", "http://me:s3cret@[::1", "http://me:s3cret@p:x"])
def test_what_is_no_proxy_is_one_sentence_without_its_password(named, value: str) -> None:
    """The error names the variable, but not its value."""
    named(value)
    with pytest.raises(PushError, match="^HTTPS_PROXY is not the address of a proxy; to reach r.example, write http://HOST:PORT") as caught:
        Registry("r.example").request("GET", "/v2/")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("kind", [Registry, Puller])
def test_an_unreachable_proxy_is_named(named, kind) -> None:
    """The error names the proxy, without its login."""
    named("http://me:s3cret@127.0.0.1:1")
    client = kind("r.example", sleep=lambda _: None)
    with pytest.raises(PushError, match="^registry r.example: .*the proxy 127.0.0.1:1 that HTTPS_PROXY names: .*Connection refused, 8 times") as caught:
        client.manifest("a/b", "t") if kind is Puller else client.request("GET", "/v2/")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(("answer", "words"), [(b"HTTP/1.1 407 Login\r\n\r\n", "answered 407"), (b"", "did not answer in HTTP")])
def test_a_proxy_that_refuses_is_named(named, answer: bytes, words: str) -> None:
    """The error has the proxy's answer to CONNECT, which names the registry."""
    heads = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            for _ in range(8):
                connection, _ = server.accept()
                with connection:
                    heads.append(connection.recv(1 << 12))
                    connection.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        name = f"127.0.0.1:{server.getsockname()[1]}"
        named(f"http://{name}")
        with pytest.raises(PushError, match=f"^registry r.example: .*the proxy {name} {words}, 8 times"):
            Registry("r.example", sleep=lambda _: None).request("GET", "/v2/")
    assert heads[0] == b"CONNECT r.example:443 HTTP/1.1\r\nHost: r.example:443\r\n\r\n"
