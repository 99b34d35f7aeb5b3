"""Tests with two real clusters: whatever happens to the kubeconfig, the wrong cluster gets no write."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest

from cluster.programs.build import ensure
from rules.k8s.testing.plans import config_map, namespace
from rules.k8s.testing.real_server import RealServer
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.kubeconfig.kubeconfig import load


@pytest.fixture(name="other", scope="module")
def fixture_other(tmp_path_factory):
    """Returns a second cluster."""
    binaries = ensure()
    with RealServer(binaries.kubernetes / "kube-apiserver", binaries.etcd / "etcd", tmp_path_factory.mktemp("other")) as server:
        yield server


class Address:
    """A local port that forwards to one server and later to another, like an address that a second cluster inherits."""

    def __init__(self, url: str):
        self._target = int(url.rpartition(":")[2])
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def lead_to(self, url: str) -> None:
        """Forwards new connections to another server."""
        self._target = int(url.rpartition(":")[2])

    def close(self) -> None:
        """Stops accepting connections."""
        self._listener.close()

    def kubeconfig(self, server: RealServer) -> dict:
        """Returns a server's kubeconfig with this address instead of the server's."""
        config = json.loads(server.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self.port}"
        return config

    def _serve(self) -> None:
        while True:
            try:
                one = self._listener.accept()[0]
            except OSError:
                return
            two = socket.create_connection(("127.0.0.1", self._target))
            for source, sink in ((one, two), (two, one)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return


@pytest.fixture(name="address")
def fixture_address(server):
    """Returns an address that forwards to the first cluster."""
    address = Address(server.url)
    yield address
    address.close()


def wait_for_identity(server: RealServer) -> None:
    """Waits until a new cluster has created its namespace kube-system."""
    client = Client(load(server.kubeconfig, "turnup-test"))
    deadline = time.monotonic() + 60
    while True:
        try:
            client.request("GET", "/api/v1/namespaces/kube-system")
            return
        except ApiError:
            assert time.monotonic() < deadline, "the cluster never made kube-system"
            time.sleep(0.1)


def test_context_switched_in_mid_run(shell, server, other, place, monkeypatch):
    """A kubeconfig that changes to another cluster during an apply does not affect that run, and stops the next one."""
    objects = [namespace(place)] + [config_map(f"c{number}", place, key="1") for number in range(40)]
    shell.make(*objects)
    send, sent = Client.request, []
    switched_at = 10
    before = len(other.audit())

    def request(self, method, path, **arguments):
        if method == "PATCH":
            sent.append(path)
            if len(sent) == switched_at:
                shell.use(json.loads(other.kubeconfig.read_text()))
        return send(self, method, path, **arguments)

    monkeypatch.setattr(Client, "request", request)
    assert shell.run("apply") == 0, shell.err
    assert len(sent) > switched_at  # The kubeconfig changed during the run.
    assert len(other.audit()) == before
    live = Client(load(server.kubeconfig, "turnup-test")).request("GET", f"/api/v1/namespaces/{place}/configmaps")[1]["items"]
    assert {f"c{number}" for number in range(40)} <= {item["metadata"]["name"] for item in live}

    for verb in ("apply", "create", "replace", "delete", "diff"):
        assert shell.run(verb) == (2 if verb == "diff" else 3), shell.err
        assert f"leads to {other.url}, but led to {server.url}" in shell.err
    assert len(other.audit()) == before


def test_another_cluster_at_the_same_address(shell, server, other, place, address):
    """A cluster is identified by the UID of kube-system: another one at the same address gets reads, and no write."""
    wait_for_identity(server)
    wait_for_identity(other)
    shell.make(namespace(place), config_map("a", place, key="1"))
    shell.use(address.kubeconfig(server))
    assert shell.run("apply") == 0, shell.err

    address.lead_to(other.url)
    shell.use(address.kubeconfig(other))
    before = other.writes()
    for verb in ("apply", "create", "replace", "delete"):
        assert shell.run(verb) == 3, shell.err
        assert "but another cluster answers there now (kube-system has UID " in shell.err
    assert other.writes() == before

    assert shell.run("apply", "--accept-cluster") == 0, shell.err
    assert shell.run("apply") == 0, shell.err
    assert "2 unchanged" in shell.err


def test_identity_is_recorded_once_it_may_be_read(shell, server, other, place, address):
    """The identity is recorded at the first run that may read it, and is checked from then on."""
    shell.make(namespace(place), config_map("a", place, key="1"))
    shell.use(address.kubeconfig(server))
    assert shell.run("apply") == 0, shell.err
    [record] = (shell.folder / "state" / "turnup" / "contexts").iterdir()
    record.write_text(json.dumps({**json.loads(record.read_text()), "uid": ""}))

    assert shell.run("apply") == 0, shell.err
    assert json.loads(record.read_text())["uid"]
    address.lead_to(other.url)
    shell.use(address.kubeconfig(other))
    assert shell.run("apply") == 3
