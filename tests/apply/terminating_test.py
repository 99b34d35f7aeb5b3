"""Tests of stacks with terminating objects, which finalizers hold, with a real API server."""

from __future__ import annotations

import threading

import pytest

from rules.k8s.testing.plans import config_map, document
from rules.k8s.tools.api.client import MERGE_PATCH, Client
from rules.k8s.tools.deletion import recreation
from tests.apply.stacks import make_maps


def hold(client: Client, place: str, name: str) -> str:
    """Adds another tool's finalizer to a ConfigMap and deletes it; returns its path."""
    path = f"/api/v1/namespaces/{place}/configmaps/{name}"
    client.request("PATCH", path, content_type=MERGE_PATCH, body={"metadata": {"finalizers": ["example.com/theirs"]}}, query={"fieldManager": "theirs"})
    client.request("DELETE", path)
    return path


def release(client: Client, path: str) -> None:
    """Removes the finalizer."""
    client.request("PATCH", path, content_type=MERGE_PATCH, body={"metadata": {"finalizers": None}}, query={"fieldManager": "theirs"})


@pytest.mark.parametrize(("verb", "names"), [("apply", "a"), ("apply", "abcd"), ("create", "a"), ("replace", "a")])
def test_what_is_being_deleted_is_made_anew(shell, client, home, verb, names):
    """A terminating object is not part of the stack: an apply says that it waits until the object is gone, and creates it again."""
    make_maps(shell, home, *names)
    assert shell.run("apply") == 0, shell.err
    path = hold(client, home, "a")
    uid = client.request("GET", path)[1]["metadata"]["uid"]
    assert shell.run("diff") == 1
    assert shell.out.startswith(f"# ConfigMap {home}/a is terminating; an apply waits until it is gone and recreates it\n")
    assert "+  key: '1'" in shell.out and "turnup-preflight" not in shell.out and uid not in shell.out
    timer = threading.Timer(1.0, lambda: release(client, path))
    timer.start()

    assert shell.run(verb, *(["--wait=15s"] if verb == "apply" else [])) == 0, shell.err
    timer.join()
    assert f"//svc:dev: ConfigMap {home}/a is terminating; waiting, then recreating it" in shell.err
    assert "1 created" in shell.err
    assert client.request("GET", path)[1]["metadata"]["uid"] != uid
    assert shell.run("replace" if verb == "replace" else "apply") == 0 and f"{len(names)} unchanged" in shell.err


@pytest.mark.parametrize("verb", ["apply", "replace"])
def test_what_does_not_end_is_named_with_what_holds_it(shell, client, home, monkeypatch, verb):
    """After the timeout the run fails, and the error names the finalizers."""
    monkeypatch.setattr(recreation, "_GONE_SECONDS", 0.3)
    make_maps(shell, home, "a")
    assert shell.run("apply") == 0, shell.err
    path = hold(client, home, "a")

    assert shell.run(verb) == 1
    assert f"ConfigMap {home}/a cannot be recreated because it is still terminating (finalizers: example.com/theirs)" in shell.err
    release(client, path)


def test_what_would_be_refused_as_new_is_refused_first(shell, client, server, home):
    """If the server would reject the new object, the run fails before it writes or waits."""
    make_maps(shell, home, "a")
    assert shell.run("apply") == 0, shell.err
    path = hold(client, home, "a")
    wrong = {**config_map("a", home), "dat": {"key": "2"}}
    shell.make_targets(document("//svc:dev", [wrong, config_map("new", home)], namespace=home))
    before = server.changes()

    assert shell.run("apply") == 1 and "does not fit its schema" in shell.err
    assert server.changes() == before
    release(client, path)
