"""Tests of pushes and pulls over TLS with public registries that require a password or a token."""

import base64
import contextlib
import json
import socket
import socketserver
import threading
from pathlib import Path

import pytest

from cluster.embedded.nodes.certificates import new_authority
from rules.image.tools.errors import PushError
from rules.image.tools.oci import oci
from rules.image.tools.pull import pull
from rules.image.tools.push.push import exists, push_all
from rules.image.tools.registry.auth import Login
from rules.image.tools.registry.registry import Registry
from tests.registries.images import digest, image
from tests.registries.real import RealRegistry
from tests.registries.token_server import TokenServer

LOGIN = Login("tester", "open/sesame+")
# LOGIN in htpasswd's bcrypt form, with the lowest cost.
_HTPASSWD = "tester:$2y$04$abcdefghijklmnopqrstuuUKvTiocrSbKqXckzF0pDtfrB5K5/Q3e\n"


@pytest.fixture(name="tls")
def _tls(tmp_path, monkeypatch) -> Path:
    """Returns a folder with a server certificate of an authority that this process trusts."""
    folder = tmp_path / "tls"
    folder.mkdir()
    new_authority(folder, "ca").issue(folder, "server", user="registry", hosts=["127.0.0.1"], server=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.crt"))
    return folder


@pytest.fixture(name="docker_login")
def _docker_login(tmp_path, monkeypatch):
    """Returns a function that stores a login for a registry, as docker login does."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))

    def store(registry: str, login: Login) -> None:
        auth = base64.b64encode(f"{login.name}:{login.password}".encode()).decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {registry: {"auth": auth}}}))

    return store


@pytest.fixture(name="basic")
def _basic(registry_program, tls, tmp_path):
    """Returns a running registry with TLS that requires LOGIN."""
    (tmp_path / "htpasswd").write_text(_HTPASSWD)
    settings = {"auth": {"htpasswd": {"realm": "test", "path": str(tmp_path / "htpasswd")}}}
    with RealRegistry(registry_program, tmp_path / "registry", settings, tls) as registry:
        yield registry


def test_a_push_with_a_password(basic, docker_login) -> None:
    """A push over verified TLS uses the stored login."""
    docker_login(basic.name, LOGIN)
    (pushed,) = push_all([image("files_image", "shop/files", ("v1",))], basic.name, insecure=False)
    assert exists(basic.name, "shop/files", pushed.digest, insecure=False)


def test_a_wrong_password_is_one_sentence(basic, docker_login) -> None:
    """The error for a wrong password says what to do and does not contain the password."""
    docker_login(basic.name, Login("tester", "wrong-secret"))
    with pytest.raises(PushError, match=f"answered 401.*; log in with docker login {basic.name}") as caught:
        push_all([image("files_image", "files")], basic.name, insecure=False)
    assert "wrong-secret" not in str(caught.value)


def test_an_unknown_authority_is_one_sentence(basic, monkeypatch) -> None:
    """The error for an untrusted certificate comes before a login is sent."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(PushError, match=f"registry {basic.name}: its certificate .*SSL_CERT_FILE"):
        push_all([image("files_image", "files")], basic.name, insecure=False)


def test_a_certificate_for_another_name_is_one_sentence(basic) -> None:
    """The error for a certificate of another host names the host."""
    name = basic.name.replace("127.0.0.1", "localhost")
    with pytest.raises(PushError, match=f"registry {name}: its certificate .*localhost"):
        push_all([image("files_image", "files")], name, insecure=False)


def test_tls_asked_of_a_plain_registry_is_one_sentence(registry) -> None:
    """The error for TLS with a plain HTTP registry says that it speaks plain HTTP."""
    with pytest.raises(PushError, match="speaks plain HTTP"):
        push_all([image("files_image", "files")], registry.name, insecure=False)


def test_plain_http_to_a_registry_with_tls_is_one_sentence(basic) -> None:
    """The error for plain HTTP with a TLS registry says that it speaks TLS, and how to push to it."""
    with pytest.raises(PushError, match=f"registry {basic.name}: it speaks TLS but was asked in plain HTTP.*--secure"):
        push_all([image("files_image", "files")], basic.name)
    with pytest.raises(PushError, match=f"registry {basic.name}: it speaks TLS but was asked in plain HTTP; do not name it insecure"):
        push_all([image("files_image", "files")], basic.name, insecure=True)


def test_a_push_with_tokens(registry_program, tls, tmp_path, docker_login) -> None:
    """A push requests one token per repository, and one for each mount from another repository; shared blobs are sent once."""
    with TokenServer(tls, LOGIN) as server, RealRegistry(registry_program, tmp_path / "registry", server.settings(), tls) as registry:
        docker_login(registry.name, LOGIN)
        results = push_all([image("files_image", f"shop/{i}") for i in range(3)], registry.name, insecure=False)
        own = [f"repository:shop/{i}:pull,push" for i in range(3)]
        assert sorted(scopes for scopes in server.asked if " " not in scopes) == own
        mounts = [{scope.rpartition(":")[0] for scope in scopes.split()} for scopes in server.asked if " " in scopes]
        assert all({f"repository:shop/{i}", "repository:shop/0"} in mounts for i in (1, 2))
        assert [pushed.sent > 0 for pushed in results] == [True, False, False]
        assert [pushed.digest for pushed in results] == [digest("files_image")] * 3
        assert all(exists(registry.name, pushed.repository, pushed.digest, insecure=False) for pushed in results)


def test_an_expired_token_is_renewed(registry_program, tls, tmp_path, docker_login) -> None:
    """If a token expires during a push, the push requests a new one and continues."""
    with TokenServer(tls, LOGIN) as server, RealRegistry(registry_program, tmp_path / "registry", server.settings(), tls) as registry:
        docker_login(registry.name, LOGIN)
        client = Registry(registry.name, insecure=False)
        stale = server.token("repository:shop/other:pull,push")

        def outdate(step) -> None:
            if step.state == "uploaded":
                client.authorizations["shop/files"] = "Bearer " + stale

        push_all([image("files_image", "shop/files")], registry.name, jobs=1, progress=outdate, client=client)
        assert len(server.asked) > 1
        assert exists(registry.name, "shop/files", digest("files_image"), insecure=False)


def test_a_login_rejected_by_the_token_service_is_one_sentence(registry_program, tls, tmp_path, docker_login) -> None:
    """The error for a login that the token service rejects names the registry to log in to, and does not contain the password."""
    with TokenServer(tls, LOGIN) as server, RealRegistry(registry_program, tmp_path / "registry", server.settings(), tls) as registry:
        docker_login(registry.name, Login("tester", "wrong-secret"))
        with pytest.raises(PushError, match=f"its token service answered 401; log in with docker login {registry.name}") as caught:
            push_all([image("files_image", "files")], registry.name, insecure=False)
    assert "wrong-secret" not in str(caught.value)


def _pulled(registry: RealRegistry, cache: Path) -> bytes:
    """Pulls the image of shop/files and returns its manifest."""
    client = pull.Puller(registry.name, insecure=False, sleep=lambda _: None)
    return pull.pull(client, "shop/files", digest("files_image"), pull.Cache(cache), architecture="amd64", system="linux").manifest


def test_an_image_is_pulled_with_a_password(basic, docker_login, tmp_path, monkeypatch) -> None:
    """A pull uses the same login as a push; without a trusted certificate, the error says what to do."""
    docker_login(basic.name, LOGIN)
    push_all([image("files_image", "shop/files")], basic.name, insecure=False)
    assert oci.sha256(_pulled(basic, tmp_path / "one")) == digest("files_image")
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(PushError, match=rf"^registry {basic.name}: its certificate is not trusted .*SSL_CERT_FILE"):
        _pulled(basic, tmp_path / "two")


def test_a_pull_without_a_login_is_one_sentence(basic, tmp_path, monkeypatch) -> None:
    """The error for a pull without a login has status 401 and says how to log in."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(PushError, match=rf"^registry {basic.name}: .*answered 401.*; log in with docker login {basic.name}"):
        _pulled(basic, tmp_path / "one")


def test_an_image_is_pulled_with_a_token(registry_program, tls, tmp_path, docker_login) -> None:
    """A pull uses a token for manifests and blobs."""
    with TokenServer(tls, LOGIN) as server, RealRegistry(registry_program, tmp_path / "registry", server.settings(), tls) as registry:
        docker_login(registry.name, LOGIN)
        push_all([image("files_image", "shop/files")], registry.name, insecure=False)
        assert oci.sha256(_pulled(registry, tmp_path / "one")) == digest("files_image")


@pytest.fixture(name="proxy")
def _proxy(monkeypatch):
    """Yields a function that takes the registry's port, and the proxy's list of requests; only the proxy can resolve the registry."""
    asked: list[str] = []
    ports: list[int] = []

    class Handler(socketserver.StreamRequestHandler):
        """Handles one CONNECT and then forwards bytes in both directions."""

        def handle(self) -> None:
            """Handles one connection."""
            lines = []
            while line := self.rfile.readline().strip():
                lines.append(line.decode())
            asked.append(lines[0])
            with socket.create_connection(("127.0.0.1", ports[0])) as there:
                self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                back = threading.Thread(target=_copy, args=(there, self.connection))
                back.start()
                _copy(self.connection, there)
                back.join(30)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def lead_to(port: int) -> None:
        # Set only now, because the registry's starter connects to it directly.
        ports.append(port)
        monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)

    yield lead_to, asked
    server.shutdown()
    server.server_close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Forwards the bytes of a connection until it ends."""
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_push_and_pull_through_a_proxy(registry_program, tmp_path, monkeypatch, docker_login, proxy) -> None:
    """Push and pull go through the proxy in HTTPS_PROXY, with end-to-end TLS and login."""
    name, (lead_to, asked) = "registry.test:5000", proxy
    tls = tmp_path / "tls"
    tls.mkdir()
    new_authority(tls, "ca").issue(tls, "server", user="registry", hosts=["127.0.0.1", "registry.test"], server=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tls / "ca.crt"))
    (tmp_path / "htpasswd").write_text(_HTPASSWD)
    settings = {"auth": {"htpasswd": {"realm": "test", "path": str(tmp_path / "htpasswd")}}}
    with RealRegistry(registry_program, tmp_path / "registry", settings, tls) as registry:
        lead_to(int(registry.name.rpartition(":")[2]))
        docker_login(name, LOGIN)
        push_all([image("files_image", "shop/files", ("v1",))], name)
        client = pull.Puller(name, sleep=lambda _: None)
        pulled = pull.pull(client, "shop/files", digest("files_image"), pull.Cache(tmp_path / "cache"), architecture="amd64", system="linux")
    assert oci.sha256(pulled.manifest) == digest("files_image")
    assert {line.rpartition(" ")[0] for line in asked} == {f"CONNECT {name}"}
