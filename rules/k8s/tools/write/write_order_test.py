"""Tests of how writing ends: by an interrupt, a failure or a timeout."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable

import pytest

from rules.k8s.testing.fake_server import Answer, FakeServer, Request
from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, deployment, document

SLOW_SECONDS = 4.0


def is_write(request: Request, plural: str) -> bool:
    """Returns whether a request changes an object of a kind."""
    return request.method == "PATCH" and request.query.get("dryRun") != "All" and f"/{plural}/" in request.path


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits until a condition is true; fails after 20 s."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lease_writes(server: FakeServer) -> list[Request]:
    """Returns the requests that wrote the lease: the first takes it."""
    return [request for request in server.writes if "/leases" in request.path]


@pytest.mark.parametrize("arguments", [["--wait=60s", "--order=ready"], ["--wait=60s"], []])
def test_an_interrupt_does_not_wait_for_a_slow_write(shell, server, arguments):
    """SIGINT ends a run within 2 s while a write is under way, and the lease of that write expires."""
    server.refuse = lambda request: time.sleep(SLOW_SECONDS) if is_write(request, "deployments") else None
    shell.make_targets(document("//redis:dev", [deployment("redis")]), document("//web:dev", [deployment("web")]), deps={"//web:dev": ["//redis:dev"]})
    process = shell.start("apply", *arguments, stdout=subprocess.PIPE)
    wait_until(lambda: len(lease_writes(server)) == 1)
    time.sleep(0.3)
    started = time.monotonic()
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=20)[0]

    assert time.monotonic() - started < 2
    assert process.returncode == 130, text
    assert len(lease_writes(server)) == 1


def test_the_lease_is_given_back_after_the_last_write(shell, server):
    """After SIGINT in the middle of many writes, no write is under way and none starts once the lease is released."""
    ends: list[float] = []

    def slow(request: Request) -> None:
        if is_write(request, "configmaps"):
            ends.append(time.monotonic() + 0.3)
            time.sleep(0.3)
        if request.method == "PUT" and "/leases/" in request.path:
            given_back.append(time.monotonic())

    given_back: list[float] = []
    server.refuse = slow
    shell.make(*(config_map(f"c{index}", key="1") for index in range(200)))
    process = shell.start("apply", stdout=subprocess.PIPE)
    wait_until(lambda: len(ends) > 20)
    process.send_signal(signal.SIGINT)
    text = process.communicate(timeout=20)[0]
    time.sleep(0.5)

    assert process.returncode == 130, text
    assert len(given_back) == 1 and max(ends) <= given_back[0] and len(ends) < 200


def test_a_write_is_not_sent_again_once_the_lease_is_given_back(shell, server):
    """An interrupted run does not resend what the server had no time for."""
    server.refuse = lambda request: (429, {"message": "later"}) if is_write(request, "deployments") else None
    shell.make(deployment("web"))
    process = shell.start("apply", stdout=subprocess.PIPE, program="import os, time; os._exit = lambda code: (time.sleep(3), os.kill(os.getpid(), 9))")
    wait_until(lambda: any(is_write(request, "deployments") for request in server.requests))
    process.send_signal(signal.SIGINT)
    wait_until(lambda: len(lease_writes(server)) == 2)
    process.communicate(timeout=20)

    last = server.requests.index(lease_writes(server)[-1])
    assert [request for request in server.requests[last:] if is_write(request, "deployments")] == []


def test_a_failed_write_is_named_with_what_is_not_ready(shell, server):
    """If a write that is under way at the timeout fails, the error names its object as well."""

    def refuse(request: Request) -> Answer | None:
        if is_write(request, "deployments") and request.path.endswith("/other"):
            time.sleep(2.5)
            return 422, {"reason": "Invalid", "message": "spec.replicas: too many"}
        return None

    server.refuse = refuse
    names = ("redis", "other", "web")
    shell.make_targets(*(document(f"//{name}:dev", [deployment(name)]) for name in names), deps={"//web:dev": [f"//{name}:dev" for name in names[:2]]})

    assert shell.run("apply", "--wait=1s", "--order=ready") == 1
    assert "Deployment dev/other: the cluster finds it invalid (spec.replicas: too many)" in shell.err
    assert "not ready after 1.0s" in shell.err.splitlines()[-1]


def test_waiting_has_one_deadline(shell, server):
    """Time that an ordered write has waited is not available again for the final wait."""
    shell.make_targets(document("//redis:dev", [deployment("redis")]), document("//web:dev", [deployment("web")]), deps={"//web:dev": ["//redis:dev"]})
    process = shell.start("apply", "--wait=4s", "--order=ready", stdout=subprocess.PIPE)
    wait_until(lambda: server.get(deployment("redis")) is not None)
    started = time.monotonic()
    time.sleep(2.5)
    server.put(
        {
            **(server.get(deployment("redis")) or {}),
            "status": {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1},
        }
    )
    text = process.communicate(timeout=20)[0]

    assert server.get(deployment("web")) is not None
    assert "not ready after 4.0s" in text
    assert time.monotonic() - started < 6
