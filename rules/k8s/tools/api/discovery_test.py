"""Tests of discovery while a definition is not served yet."""

from __future__ import annotations

import time

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.tools.api import discovery

WIDGET = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "dev"}}
KIND = ("example.com/v1", "Widget", "widgets", True)


def definition(**changes) -> dict:
    """Returns the definition of Widget."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "Widget", "plural": "widgets"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True}],
            **changes,
        },
    }


def discoveries(server) -> int:
    """Returns how many discoveries a server has answered."""
    return sum(request.path == "/apis" for request in server.requests)


def test_definition_that_is_not_served_yet_is_waited_for(shell, server):
    """An apply waits for a kind whose definition another run has just created, and says so."""
    server.put(definition())
    shell.make(WIDGET)

    def serve(request):
        if discoveries(server) == 3 and KIND not in server.kinds:
            server.kinds.append(KIND)

    server.refuse = serve
    assert shell.run("apply") == 0, shell.err
    assert shell.err.splitlines()[0] == "waiting until the cluster serves Widget; its CustomResourceDefinition exists"
    assert server.get(WIDGET) and discoveries(server) == 3


def test_definition_that_is_never_served_is_named(shell, server, monkeypatch):
    """If a definition is not served in time, the message names it, and nothing is written."""
    monkeypatch.setattr(discovery, "_ESTABLISH_SECONDS", 0.6)
    server.put(definition())
    shell.make(WIDGET)

    assert shell.run("apply") == 1
    assert shell.err.splitlines()[-1] == (
        "ERROR: //svc:dev: Widget w: the cluster has the CustomResourceDefinition widgets.example.com, but has not "
        "served its kind within 1 s; look at the definition's conditions."
    )
    assert server.writes == []


@pytest.mark.parametrize(
    "there",
    [
        None,
        definition(group="example.org"),
        definition(names={"kind": "Gadget", "plural": "gadgets"}),
        definition(versions=[{"name": "v2"}]),
        definition(versions=[{"name": "v1", "served": False}]),
        {**definition(), "metadata": {"name": "widgets.example.com", "deletionTimestamp": "x"}},
        "forbidden",
    ],
)
def test_other_unknown_kinds_are_refused_at_once(shell, server, there):
    """Without a definition of exactly that kind and version, or the permission to read it, an unknown kind fails at once."""
    if there == "forbidden":
        server.put(definition())
        server.refuse = lambda request: (403, {"message": "no"}) if request.path.endswith("/customresourcedefinitions") else None
    elif there:
        server.put(there)
    shell.make(WIDGET)
    started = time.monotonic()

    assert shell.run("apply") == 1
    assert "the cluster does not serve kind Widget in example.com/v1; correct apiVersion or kind" in shell.err
    assert discoveries(server) == 1 and time.monotonic() - started < 5
