"""Tests of sending objects while something that they need is being created or is terminating."""

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

TERMINATING = "unable to create new content in namespace dev because it is being terminated"


def terminating_namespace(name: str = "dev") -> dict[str, Any]:
    """Returns a terminating namespace."""
    return {**namespace(name), "metadata": {"name": name, "deletionTimestamp": "2026-11-21T12:00:00Z"}}


def refuse_content(request: Request) -> Answer | None:
    """Answers as a terminating namespace does."""
    if request.method in ("PATCH", "POST") and "/namespaces/dev/" in request.path:
        return 403, {"reason": "Forbidden", "message": f"it is forbidden: {TERMINATING}"}
    return None


def test_the_end_of_a_namespace_is_waited_for(shell, server):
    """A run reports a terminating namespace, waits until it is gone, and recreates it and its objects."""
    server.put(terminating_namespace())
    timer = threading.Timer(0.5, lambda: server.remove(namespace("dev")))
    started = []

    def refuse(request: Request) -> Answer | None:
        if not started:  # the run has begun, however long its start takes
            started.append(timer.start())
        terminating = "deletionTimestamp" in (server.get(namespace("dev")) or {}).get("metadata", {})
        return refuse_content(request) if terminating else None

    server.refuse = refuse
    shell.make(namespace("dev"), config_map("a"))

    assert shell.run("apply") == 0, shell.err
    timer.join()
    assert "waiting until dev is gone: terminating" in shell.err
    assert server.get(config_map("a")) and "deletionTimestamp" not in (server.get(namespace("dev")) or {})["metadata"]


def test_a_namespace_that_does_not_end_is_one_sentence(shell, server, monkeypatch):
    """However many objects there are, the run waits once, and nothing is written."""
    monkeypatch.setattr(namespaces, "_TERMINATING_SECONDS", 0.5)
    server.put(terminating_namespace())
    server.refuse = refuse_content
    shell.make(*(config_map(f"c{index}") for index in range(40)))
    started = time.monotonic()

    assert shell.run("apply") == 1
    assert time.monotonic() - started < 5
    assert shell.err.splitlines()[-1] == (
        "ERROR: //svc:dev: ConfigMap dev/c39: the namespace 'dev' is still terminating after 0.5s; nothing was written. "
        "Find out what its finalizers wait for, and run the command again."
    )
    assert len(shell.err.splitlines()) == 2 and server.writes == []


def test_an_account_that_may_not_read_namespaces_learns_that_one_is_terminating(shell, server):
    """If only the server's refusal says that the namespace is terminating, the error says so at once, and not that rights are missing."""
    server.refuse = lambda request: (403, {"reason": "Forbidden", "message": "no"}) if request.path.endswith("/namespaces/dev") else refuse_content(request)
    shell.make(config_map("a"))

    assert shell.run("apply") == 1
    assert shell.err == (
        "ERROR: //svc:dev: ConfigMap dev/a: the namespace 'dev' is terminating; run the command again when it is gone or recreated. Nothing was written.\n"
    )


def test_a_delete_in_a_namespace_that_ends_does_not_speak_of_rights(shell, server):
    """If a lease cannot be created because the namespace is terminating, the note says that."""
    shell.make(config_map("a"))
    assert shell.run("apply") == 0
    lease = next(path for path in server.paths() if "/leases/" in path)
    server.remove({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"namespace": "dev", "name": lease.rpartition("/")[2]}})
    server.refuse = refuse_content

    assert shell.run("delete") == 0, shell.err
    assert "note: dev is terminating, so two runs on //svc:dev-deep can write at the same time" in shell.err


class _Early:
    """A server that never serves the kind of a definition."""

    def request(self, *_: Any, **__: Any) -> Any:
        """Refuses."""
        raise ApiError(404, "NotFound", "the server could not find the requested resource")


def test_all_objects_share_the_timeout():
    """If something that 40 objects need never exists, they fail together, and not each after its own timeout."""
    things = [{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": f"t{index}", "namespace": "dev"}} for index in range(40)]
    items = [Item("//a:dev", obj, Resource("example.com/v1", "Thing", "things", True), identity(obj)) for obj in things]
    applier = Applier(_Early(), PlannedObjects(frozenset(), frozenset({("example.com/v1", "Thing")}), frozenset()), timeout=0.6)
    started = time.monotonic()
    with ThreadPoolExecutor(4) as executor:
        results = list(executor.map(lambda item: applier.apply(item, None), items))

    assert {result.outcome for result in results} == {"failed"}
    assert time.monotonic() - started < 3
