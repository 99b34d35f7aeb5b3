"""The real API server that these tests share; each test gets a namespace and a shell of its own."""

from __future__ import annotations

import itertools
import json

import pytest

from cluster.programs.build import ensure
from rules.k8s.testing.plans import namespace
from rules.k8s.testing.real_server import CONTEXT, RealServer
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.client import Client
from rules.k8s.tools.kubeconfig import load

_numbers = itertools.count(1)


@pytest.fixture(name="server", scope="session")
def fixture_server(tmp_path_factory):
    """A real kube-apiserver on etcd."""
    binaries = ensure()
    with RealServer(binaries.kubernetes / "kube-apiserver", binaries.etcd / "etcd", tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(name="place")
def fixture_place():
    """The name of a namespace that no other test uses."""
    return f"test-{next(_numbers)}"


@pytest.fixture(name="shell")
def fixture_shell(tmp_path, server):
    """A shell whose kubeconfig leads to the real server."""
    return Shell(tmp_path, json.loads(server.kubeconfig.read_text()))


@pytest.fixture(name="client")
def fixture_client(server):
    """Requests to the server, past the engine."""
    return Client(load(server.kubeconfig, CONTEXT))


@pytest.fixture(name="home")
def fixture_home(client, place):
    """A namespace that is there already, and that no other test uses."""
    client.request("POST", "/api/v1/namespaces", body=namespace(place))
    return place
