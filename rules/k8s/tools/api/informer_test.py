"""Tests of the informer: which errors in lists and watches are temporary."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, deployment
from rules.k8s.tools.api import client as client_module
from rules.k8s.tools.api import informer as informer_module
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.informer import Informer
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.kubeconfig.kubeconfig import load

MAPS = Resource("v1", "ConfigMap", "configmaps", True)
KEY = ("v1", "ConfigMap", "dev", "a")


@pytest.fixture(name="informer")
def fixture_informer(server, tmp_path, monkeypatch):
    """An informer for the ConfigMaps of dev that is not started, without pauses between attempts."""
    monkeypatch.setattr(client_module, "_pause", lambda attempt, retry_after: 0.0)
    monkeypatch.setattr(informer_module, "_RETRY_SECONDS", 0.01)
    monkeypatch.setattr(informer_module, "_POLL_SECONDS", 0.01)
    path = Path(tmp_path / "config")
    path.write_text(json.dumps(server.kubeconfig()))
    informer = Informer(Client(load(path, "turnup-test")), {(MAPS, "dev"): ["a"]})
    yield informer
    informer.stop()


def wait_for(informer: Informer, condition) -> None:
    """Waits until a condition of the informer holds.

    Raises:
        TurnupError: the informer has failed.
    """
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        informer.wait(informer.version, 0.05)


@pytest.mark.parametrize("status", [408, 409, 410, 429, 500, 503, 504])
@pytest.mark.parametrize("where", ["list", "watch"])
def test_answers_that_pass(informer, server, where, status):
    """A list or a watch is retried while the server is unavailable, or if the resource version has expired."""
    left = [(status, {"kind": "Status", "code": status, "message": "leader changed"})] * 7
    server.refuse = lambda request: left.pop() if left and request.path.endswith("/configmaps") and ("watch" in request.query) == (where == "watch") else None
    informer.start()
    wait_for(informer, lambda: informer.complete and not left)
    server.put(config_map("a", key="1"))

    wait_for(informer, lambda: informer.get(KEY) is not None)
    assert informer.temporary_error == ""


@pytest.mark.parametrize("status", [410, 429, 500, 503, 504])
def test_errors_in_a_watch_that_pass(informer, server, monkeypatch, status):
    """After a temporary error in the middle of a watch, the collection is listed and watched again."""
    real = informer._client.stream
    left = [1, 2, 3]

    def stream(path, query, *, seconds):
        if left:
            left.pop()
            yield {"type": "ERROR", "object": {"kind": "Status", "code": status, "message": "etcdserver: request timed out"}}
        yield from real(path, query, seconds=seconds)

    monkeypatch.setattr(informer._client, "stream", stream)
    informer.start()
    wait_for(informer, lambda: not left)
    server.put(config_map("a", key="1"))

    wait_for(informer, lambda: informer.get(KEY) is not None)


def test_server_that_stays_away_is_named(informer, server, monkeypatch):
    """If the server is unavailable for too long, the informer fails; the message has the address, the collection and the server's words."""
    monkeypatch.setattr(informer_module, "_OUTAGE_SECONDS", 0.5)
    server.refuse = lambda request: (503, {"kind": "Status", "code": 503, "message": "leader changed"})
    informer.start()
    with pytest.raises(TurnupError) as caught:
        wait_for(informer, lambda: False)

    assert str(caught.value) == f"the API server {server.url} does not return the configmaps of dev (503 leader changed); check the server, or try again."


def test_time_away_begins_when_a_watch_ends(informer, server, monkeypatch):
    """The longest time that a server may be unavailable starts when the last watch ended, even if the last list was long before."""
    monkeypatch.setattr(informer_module, "_OUTAGE_SECONDS", 0.5)
    refused = [(503, {"kind": "Status", "code": 503, "message": "leader changed"})] * 6

    def stream(path, query, *, seconds):
        time.sleep(0.8 if refused else 60)
        server.refuse = lambda request: refused.pop() if refused else None
        yield from ()

    monkeypatch.setattr(informer._client, "stream", stream)
    informer.start()
    wait_for(informer, lambda: not refused)

    version = informer.version
    wait_for(informer, lambda: informer.version > version or not informer.temporary_error)


def test_refusals_are_final(informer, server):
    """A permanent refusal makes the informer fail at once."""
    server.refuse = lambda request: (400, {"kind": "Status", "code": 400, "message": "no"}) if request.path.endswith("/configmaps") else None
    informer.start()
    started = time.monotonic()
    with pytest.raises(TurnupError, match="configmaps in dev cannot be read: no."):
        wait_for(informer, lambda: False)

    assert time.monotonic() - started < 10


def test_deadline_names_what_was_wrong(shell, server, monkeypatch):
    """If the deadline passes while the server is unavailable, the message says why the state is unknown."""
    monkeypatch.setattr(client_module, "_pause", lambda attempt, retry_after: 0.0)
    shell.make(deployment("web"))
    assert shell.run("apply") == 0, shell.err
    server.refuse = lambda request: (503, {"kind": "Status", "code": 503, "message": "leader changed"}) if request.path.endswith("/deployments") else None

    assert shell.run("wait", "--timeout=1s") == 1
    assert shell.err == (
        f"ERROR: the cluster's state could not be read within 1.0s: the API server {server.url} does not return the deployments of dev "
        "(503 leader changed); check the server, or try again.\n"
    )
