"""Tests of sending objects where something that they need is only being made, or is going away."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rules.k8s.testing.fake_server import Answer, Request
from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, namespace
from rules.k8s.tools.api.discovery import Resource
from rules.k8s.tools.api.item import Item
from rules.k8s.tools.errors import ApiError
from rules.k8s.tools.objects.objects import identity
from rules.k8s.tools.preflight import namespaces
from rules.k8s.tools.preflight.planned_objects import PlannedObjects
from rules.k8s.tools.write.applier import Applier

TERMINATION_SIGNALS = "unable to create new content in namespace dev because it is being terminated"


def ending_namespace(name: str = "dev") -> dict[str, Any]:
    """Returns a namespace that is being deleted."""
    return {**namespace(name), "metadata": {"name": name, "deletionTimestamp": "2026-11-21T12:00:00Z"}}


def refuse_content(request: Request) -> Answer | None:
    """Answers as a namespace that is being deleted does."""
    if request.method in ("PATCH", "POST") and "/namespaces/dev/" in request.path:
        return 403, {"reason": "Forbidden", "message": f"it is forbidden: {TERMINATION_SIGNALS}"}
    return None


def test_the_end_of_a_namespace_is_waited_for(shell, server):
    """A run whose namespace is being deleted says so, waits until it is gone, and makes it and its objects anew."""
    server.put(ending_namespace())
    server.refuse = lambda request: refuse_content(request) if server.get(ending_namespace()) and "deletionTimestamp" in (
        server.get(ending_namespace()) or {})["metadata"] else None
    shell.make(namespace("dev"), config_map("a"))
    timer = threading.Timer(0.5, lambda: server.remove(namespace("dev")))
    timer.start()

    assert shell.run("apply") == 0, shell.err
    timer.join()
    assert "waiting until dev is gone: terminating" in shell.err
    assert server.get(config_map("a")) and "deletionTimestamp" not in (server.get(namespace("dev")) or {})["metadata"]


def test_a_namespace_that_does_not_end_is_one_sentence(shell, server, monkeypatch):
    """However many objects there are, the time of one wait is all, and nothing was written."""
    monkeypatch.setattr(namespaces, "_TERMINATING_SECONDS", 0.5)
    server.put(ending_namespace())
    server.refuse = refuse_content
    shell.make(*(config_map(f"c{index}") for index in range(40)))
    started = time.monotonic()

    assert shell.run("apply") == 1
    assert time.monotonic() - started < 5
    assert shell.err.splitlines()[-1] == (
        "ERROR: //svc:dev: ConfigMap dev/c39: the namespace 'dev' is still terminating after 0.5s; nothing was written. "
        "Find out what its finalizers wait for, and run the command again.")
    assert len(shell.err.splitlines()) == 2 and server.writes == []


def test_an_account_that_may_not_read_namespaces_is_told_of_the_end(shell, server):
    """Where only the refusal tells that the namespace is being deleted, it is told at once, and not as missing rights."""
    server.refuse = lambda request: (403, {"reason": "Forbidden", "message": "no"}) if request.path.endswith("/namespaces/dev") else \
        refuse_content(request)
    shell.make(config_map("a"))

    assert shell.run("apply") == 1
    assert shell.err == ("ERROR: //svc:dev: ConfigMap dev/a: the namespace 'dev' is terminating; run the command again when it is gone or recreated. "
                         "Nothing was written.\n")


def test_a_delete_in_a_namespace_that_ends_does_not_speak_of_rights(shell, server):
    """Where no lease can be made because the namespace is being deleted, the note says that."""
    shell.make(config_map("a"))
    assert shell.run("apply") == 0
    lease = next(path for path in server.paths() if "/leases/" in path)
    server.remove({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"namespace": "dev", "name": lease.rpartition("/")[2]}})
    server.refuse = refuse_content

    assert shell.run("delete") == 0, shell.err
    assert "note: dev is being deleted, so nothing keeps two runs on //svc:dev-deep apart" in shell.err


class _Early:
    """A server on which the definition of a kind never comes to be served."""

    def request(self, *_: Any, **__: Any) -> Any:
        """Refuses."""
        raise ApiError(404, "NotFound", "the server could not find the requested resource")


def test_all_objects_share_the_patience():
    """What 40 objects need never comes: they fail together, and not in turns of which each has the whole time."""
    things = [{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": f"t{index}", "namespace": "dev"}} for index in range(40)]
    items = [Item("//a:dev", obj, Resource("example.com/v1", "Thing", "things", True), identity(obj)) for obj in things]
    applier = Applier(_Early(), PlannedObjects(frozenset(), frozenset({("example.com/v1", "Thing")}), frozenset()), patience=0.6)
    started = time.monotonic()
    with ThreadPoolExecutor(4) as executor:
        results = list(executor.map(lambda item: applier.apply(item, None), items))

    assert {result.outcome for result in results} == {"failed"}
    assert time.monotonic() - started < 3
