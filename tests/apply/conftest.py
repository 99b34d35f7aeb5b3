"""Fixtures: the real API server that these tests share, and a namespace and a shell for each test."""

from __future__ import annotations

import itertools
import json

import pytest

from cluster.programs.build import ensure
from rules.k8s.testing.plans import namespace
from rules.k8s.testing.real_server import CONTEXT, RealServer
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.kubeconfig.kubeconfig import load

_numbers = itertools.count(1)


@pytest.fixture(name="server", scope="session")
def fixture_server(tmp_path_factory):
    """Returns a real kube-apiserver with etcd."""
    binaries = ensure()
    with RealServer(binaries.kubernetes / "kube-apiserver", binaries.etcd / "etcd", tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(name="place")
def fixture_place():
    """Returns the name of a namespace that no other test uses."""
    return f"test-{next(_numbers)}"


@pytest.fixture(name="shell")
def fixture_shell(tmp_path, server):
    """Returns a shell whose kubeconfig has the real server."""
    return Shell(tmp_path, json.loads(server.kubeconfig.read_text()))


@pytest.fixture(name="client")
def fixture_client(server):
    """Returns a client that bypasses the engine."""
    return Client(load(server.kubeconfig, CONTEXT))


@pytest.fixture(name="home")
def fixture_home(client, place):
    """Returns an existing namespace that no other test uses."""
    client.request("POST", "/api/v1/namespaces", body=namespace(place))
    return place
