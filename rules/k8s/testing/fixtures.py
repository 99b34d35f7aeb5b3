"""Fixtures that tests of the verbs share; a test file imports them by name."""

from __future__ import annotations

import pytest

from rules.k8s.testing.fake_server import FakeServer
from rules.k8s.testing.plans import namespace
from rules.k8s.testing.shell import Shell


@pytest.fixture(name="server")
def fixture_server():
    """A fake API server with the namespace dev."""
    with FakeServer() as server:
        server.put(namespace("dev"))
        yield server


@pytest.fixture(name="shell")
def fixture_shell(tmp_path, server):
    """A shell with the fake server's kubeconfig."""
    return Shell(tmp_path, server.kubeconfig())
