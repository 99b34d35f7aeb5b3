"""Tests of the order in a stack of ten services, by the server's audit log; the test acts as the controllers."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any, Self

from rules.k8s.tools.api.client import MERGE_PATCH
from tests.apply.stacks import DEPS, live_objects, make_namespace, make_stack

PAIRS = [(name, dep) for name, deps in DEPS.items() for dep in deps if "search" not in (name, dep)]
"""(service, what it depends on) in the first version of the stack."""


class Player:
    """Context manager that repeats an action during a run."""

    def __init__(self, act: Callable[[], None]):
        self._act = act
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(0.05):
            self._act()


def deployments(client, place: str) -> dict[str, dict[str, Any]]:
    """Returns the Deployments of a namespace by name."""
    return {obj["metadata"]["name"]: obj for obj in client.request("GET", f"/apis/apps/v1/namespaces/{place}/deployments")[1]["items"]}


def become_ready(client, place: str, obj: dict[str, Any]) -> None:
    """Makes Deployments ready, as the Deployment controller does."""
    client.request(
        "PATCH",
        f"/apis/apps/v1/namespaces/{place}/deployments/{obj['metadata']['name']}/status",
        content_type=MERGE_PATCH,
        body={"status": {"observedGeneration": obj["metadata"]["generation"], "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1}},
    )


def moments(events: list[dict[str, Any]], place: str, verb: str, resource: str, subresource: str = "") -> dict[str, tuple[str, str]]:
    """Returns {name: (time of the first request, time of its response)} from the audit log, without dry runs."""
    found: dict[str, tuple[str, str]] = {}
    for event in events:
        about = event.get("objectRef") or {}
        if (
            (event["verb"], about.get("resource"), about.get("subresource", ""), about.get("namespace")) == (verb, resource, subresource, place)
            and "dryRun=All" not in event["requestURI"]
            and event["responseStatus"]["code"] < 300
        ):
            found.setdefault(about["name"], (event["requestReceivedTimestamp"], event["stageTimestamp"]))
    return found


def test_a_dependency_is_ready_before_its_dependents_are_made(shell, client, server, place):
    """No service is created before all its dependencies are ready, whatever the order in which they become ready; siblings are created together."""
    make_namespace(client, place)
    make_stack(shell, place, 1)
    dice, ready = random.Random(9), set()

    def play() -> None:
        there = deployments(client, place)
        possible = {name for name in DEPS if name != "search" and set(DEPS[name]) <= ready}
        # No service becomes ready before all that may be created are, so creating them one by one would never finish.
        if there.keys() >= possible and possible - ready:
            name = dice.choice(sorted(possible - ready))
            become_ready(client, place, there[name])
            ready.add(name)

    seen = len(server.audit())
    with Player(play):
        assert shell.run("apply", "--wait=60s") == 0, shell.err
    log = server.audit()[seen:]
    made, became = moments(log, place, "patch", "deployments"), moments(log, place, "patch", "deployments", "status")

    assert len(made) == len(DEPS) - 1
    assert [(name, dep) for name, dep in PAIRS if made[name][0] < became[dep][1]] == []
    writes = [
        event["objectRef"]["name"]
        for event in log
        if event["verb"] == "patch"
        and event["objectRef"]["resource"] == "deployments"
        and not event["objectRef"].get("subresource")
        and "dryRun=All" not in event["requestURI"]
    ]
    assert sorted(writes) == sorted(made)


def test_what_comes_after_a_service_that_is_not_ready_is_not_made(shell, client, place):
    """After the deadline, the error names the services that are not ready, and none of their dependents exist."""
    make_namespace(client, place)
    make_stack(shell, place, 1)

    assert shell.run("apply", "--wait=2s") == 1
    assert "redis" in shell.err and "were not written, because a dependency is not ready" in shell.err
    assert set(deployments(client, place)) == {"redis", "queue"}


def test_everything_at_once_when_asked_for(shell, client, place):
    """--order=none creates all services although none of them is ready."""
    make_namespace(client, place)
    make_stack(shell, place, 1)

    assert shell.run("apply", "--wait=2s", "--order=none") == 1
    assert len(deployments(client, place)) == len(DEPS) - 1


def test_dependents_and_their_pods_are_gone_before_a_dependency_is_deleted(shell, client, server, place):
    """No Deployment is deleted before the pods of all its dependents are gone."""
    make_namespace(client, place)
    make_stack(shell, place, 1)
    assert shell.run("apply") == 0, shell.err
    pods = f"/api/v1/namespaces/{place}/pods"
    for name in deployments(client, place):
        client.request(
            "POST",
            pods,
            body={
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": f"{name}-pod", "labels": {"app": name}},
                "spec": {"containers": [{"name": "main", "image": "registry.example/x"}]},
            },
        )
    dice = random.Random(9)

    def play() -> None:
        there = deployments(client, place)
        left = [obj["metadata"]["name"] for obj in client.request("GET", pods)[1]["items"]]
        orphans = sorted(name for name in left if name.removesuffix("-pod") not in there)
        if orphans:
            client.request("DELETE", f"{pods}/{dice.choice(orphans)}", body={"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})

    seen = len(server.audit())
    with Player(play):
        assert shell.run("delete", "--wait=60s") == 0, shell.err
    log = server.audit()[seen:]
    deleted, ended = moments(log, place, "delete", "deployments"), moments(log, place, "delete", "pods")

    assert len(deleted) == len(DEPS) - 1
    assert [(name, dep) for name, dep in PAIRS if deleted[dep][0] < ended[f"{name}-pod"][1]] == []
    assert [identity for identity in live_objects(client, [place]) if identity.kind in ("Deployment", "Service", "Secret")] == []
