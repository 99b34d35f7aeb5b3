"""Tests of the order in a stack of ten services, by the server's audit log; the test acts as the controllers."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from typing import Any, Self

import pytest

from rules.k8s.testing.plans import config_map, deployment, document
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
    """With --order=ready no service is created before all its dependencies are ready, whatever the order in which they become ready."""
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
        assert shell.run("apply", "--wait=60s", "--order=ready") == 0, shell.err
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
    """With --order=ready, the error after the deadline names the services that are not ready, and none of their dependents exist."""
    make_namespace(client, place)
    make_stack(shell, place, 1)

    assert shell.run("apply", "--wait=2s", "--order=ready") == 1
    assert "redis" in shell.err and "were not written, because a dependency is not ready" in shell.err
    assert set(deployments(client, place)) == {"redis", "queue"}


@pytest.mark.parametrize("order", [[], ["--order=auto"], ["--order=none"]])
def test_everything_at_once(shell, client, place, order):
    """Unless a Job has to run, all services are created although none of them is ready."""
    make_namespace(client, place)
    make_stack(shell, place, 1)

    assert shell.run("apply", "--wait=2s", *order) == 1
    assert len(deployments(client, place)) == len(DEPS) - 1


def _job(place: str, image: str) -> dict[str, Any]:
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": image}]}
    metadata = {"name": "migrate", "namespace": place, "annotations": {"turnup/on-immutable": "recreate"}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": pod}}}


def _in(place: str, obj: dict[str, Any], **annotations: str) -> dict[str, Any]:
    """Returns an object in a namespace, with annotations."""
    return {**obj, "metadata": {**obj["metadata"], "namespace": place, "annotations": annotations}}


def _make_migration(shell, place: str, image: str, setting: str) -> None:
    """Declares db, which a migration Job depends on, web and top, which depend on that, and other, which depends on nothing."""
    own = {name: [_in(place, deployment(name), setting=setting)] for name in ("db", "web", "top", "other")}
    own["migrate"] = [_job(place, image), _in(place, config_map("notes", setting=setting))]
    shell.make_targets(
        *(document(f"//{name}:dev", own[name], namespace=place) for name in ("db", "migrate", "web", "top", "other")),
        deps={"//migrate:dev": ["//db:dev"], "//web:dev": ["//migrate:dev", "//db:dev"], "//top:dev": ["//web:dev"]},
    )


def _finish_job(client, place: str, kind: str = "Complete") -> None:
    path = f"/apis/batch/v1/namespaces/{place}/jobs/migrate"
    now = "2026-01-01T00:00:00Z"
    before = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}[kind]
    conditions = [{"type": word, "status": "True", "reason": "Test", "message": "as the test says"} for word in (before, kind)]
    client.request("PATCH", f"{path}/status", content_type=MERGE_PATCH, body={"status": {"conditions": conditions[:1], "startTime": now}})
    done = {"conditions": conditions, "startTime": now, **({"completionTime": now, "succeeded": 1} if kind == "Complete" else {"failed": 1})}
    client.request("PATCH", f"{path}/status", content_type=MERGE_PATCH, body={"status": done})


def test_dependents_of_a_migration_wait_for_it(shell, client, place):
    """By default only what depends on a Job that has to run waits, and only for the Job; the second apply waits for nothing."""
    make_namespace(client, place)
    _make_migration(shell, place, "registry.example/a", "1")
    seen: list[set[str]] = []

    def play() -> None:
        there = set(deployments(client, place))
        if not seen and there >= {"db", "other"} and client.get_or_none(f"/apis/batch/v1/namespaces/{place}/jobs/migrate"):
            time.sleep(0.5)
            seen.append(set(deployments(client, place)))
            _finish_job(client, place)

    with Player(play):
        assert shell.run("apply") == 0, shell.err
    assert seen == [{"db", "other"}]
    assert set(deployments(client, place)) == {"db", "other", "web", "top"}

    _make_migration(shell, place, "registry.example/a", "2")
    assert shell.run("apply") == 0, shell.err  # nobody plays the controller, and the Job that ran is not waited for
    assert shell.run("apply") == 0 and "unchanged" in shell.err


def test_a_failed_migration_stops_its_dependents(shell, client, place):
    """If the Job fails, its dependents keep what they had, and the run fails with the Job's reason."""
    make_namespace(client, place)
    _make_migration(shell, place, "registry.example/a", "1")

    failed: list[bool] = []

    def play() -> None:
        if not failed and client.get_or_none(f"/apis/batch/v1/namespaces/{place}/jobs/migrate"):
            failed.append(True)
            _finish_job(client, place, "Failed")

    with Player(play):
        assert shell.run("apply") == 1
    assert "Job" in shell.err and "as the test says" in shell.err
    assert set(deployments(client, place)) == {"db", "other"}


def test_dependents_wait_for_an_object_that_is_annotated_for_it(shell, client, place):
    """With `turnup/dependents: wait` any object is waited for, such as a Deployment that is not ready."""
    make_namespace(client, place)
    shell.make_targets(
        document("//db:dev", [_in(place, deployment("db"), **{"turnup/dependents": "wait"})], namespace=place),
        document("//web:dev", [_in(place, deployment("web"))], namespace=place),
        document("//other:dev", [_in(place, deployment("other"))], namespace=place),
        deps={"//web:dev": ["//db:dev"]},
    )

    def play() -> None:
        there = deployments(client, place)
        if {"db", "other"} <= there.keys() and "web" not in there:
            become_ready(client, place, there["db"])

    with Player(play):
        assert shell.run("apply", "--wait=2s") == 1  # web and other have no controller
    assert set(deployments(client, place)) == {"db", "other", "web"}


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
