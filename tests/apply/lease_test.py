"""Tests of the lease and of the order in which services are written, with a real API server."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import Any

import pytest

from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.testing.shell import LABEL
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.stack import lease as lease_rules
from rules.k8s.tools.stack.inventory import parent_name
from rules.k8s.tools.stack.lease_holder import holder_name
from tests.apply.stacks import make_maps, maps


def lease(client: Client, place: str, holder: str = "", process: str = "") -> dict[str, Any]:
    """Returns a stack's Lease; creates it if a holder is given."""
    path = f"/apis/coordination.k8s.io/v1/namespaces/{place}/leases"
    if holder:
        client.request(
            "POST",
            path,
            body={
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": parent_name(LABEL), "annotations": {"turnup/process": process} if process else {}},
                "spec": {"holderIdentity": holder, "leaseDurationSeconds": 15},
            },
        )
    return client.request("GET", f"{path}/{parent_name(LABEL)}")[1]


def test_lost_lease_stops_the_run(shell, client, home, monkeypatch):
    """A run that loses its lease writes no more."""
    monkeypatch.setattr(lease_rules, "_RENEW_SECONDS", 0.05)
    make_maps(shell, home, "a")
    held = lease_rules.Lease(client, LABEL, home, print)
    held.wait_free()
    assert held.acquire()
    live = lease(client, home)
    live["spec"]["holderIdentity"] = "jane@laptop (pid 7)"
    for _ in range(50):  # The renewing thread writes too, and one of the two is first.
        try:
            client.request("PUT", f"/apis/coordination.k8s.io/v1/namespaces/{home}/leases/{parent_name(LABEL)}", body=live)
            break
        except ApiError:
            live["metadata"] = lease(client, home)["metadata"]

    def check_for_ten_seconds() -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            held.check()
            time.sleep(0.02)

    with pytest.raises(TurnupError, match="lost its lease .jane@laptop"):
        check_for_ten_seconds()
    held.release()
    assert lease(client, home)["spec"]["holderIdentity"] == "jane@laptop (pid 7)"


@pytest.mark.parametrize("there", [False, True])
def test_lost_answer_does_not_make_the_run_wait_for_itself(client, home, monkeypatch, there):
    """If the request for the lease succeeds without a response, and is rejected when it is repeated, the run has the lease."""
    if there:
        first = lease_rules.Lease(client, LABEL, home, print)
        assert first.acquire()
        first.release()
    send, lost = Client._send, []

    def losing(self: Client, method: str, path: str, *rest: Any) -> Any:
        answer = send(self, method, path, *rest)
        if method in ("POST", "PUT") and not lost:
            lost.append(method)
            return None
        return answer

    monkeypatch.setattr(Client, "_send", losing)
    with lease_rules.Lease(client, LABEL, home, print, wait=False) as held:
        held.wait_free()
        assert held.acquire()
        assert held.held and lease(client, home)["spec"]["holderIdentity"] == holder_name()
        held.check()
    assert lost == ["PUT" if there else "POST"]
    assert lease(client, home)["spec"]["holderIdentity"] == ""


def test_second_apply_waits_for_the_first(shell, client, home):
    """While another run holds the lease, an apply waits and names the holder, or fails; then it continues."""
    held = lease(client, home, "jane@laptop (pid 7)")
    make_maps(shell, home, "a")
    assert shell.run("apply", "--no-wait") == 1
    assert "jane@laptop (pid 7) is writing to it; nothing was sent" in shell.err

    process = shell.start("apply", stdout=subprocess.PIPE)
    time.sleep(2)
    assert process.poll() is None and not maps(client, home)
    held["spec"]["holderIdentity"] = ""
    client.request("PUT", f"/apis/coordination.k8s.io/v1/namespaces/{home}/leases/{parent_name(LABEL)}", body=held)
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "waiting for jane@laptop (pid 7)" in said and set(maps(client, home)) == {"a"}
    assert lease(client, home)["spec"]["holderIdentity"] == ""


def test_dead_holder_expires(shell, client, home):
    """A holder on another machine that does not renew its lease is replaced within 30 s."""
    lease(client, home, "jane@laptop (pid 7)")
    make_maps(shell, home, "a")
    started = time.monotonic()

    assert shell.run("apply") == 0, shell.err
    assert time.monotonic() - started < 30


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)])
def test_ended_run_keeps_nobody_waiting(shell, client, home, number, code):
    """A run that was interrupted or killed while it wrote does not delay the next one."""
    shell.make_targets(document("//svc:dev", [config_map(f"c{index}", home, key="1") for index in range(300)], namespace=home))
    process = shell.start("apply", stdout=subprocess.PIPE)
    deadline = time.monotonic() + 30
    while len(maps(client, home)) < 5 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    process.communicate(timeout=5)
    assert process.returncode == code

    assert shell.run("apply", "--no-wait") == 0, shell.err
    assert len(maps(client, home)) == 300


def test_dependency_is_ready_before_its_dependent_is_written(shell, client, home):
    """With --order=ready, a service is written only when its dependencies are ready; siblings don't wait for each other."""
    names = ("redis", "left", "right", "top")
    deps = {"//left:dev": ["//redis:dev"], "//right:dev": ["//redis:dev"], "//top:dev": ["//left:dev", "//right:dev"]}
    shell.make_targets(
        *(document(f"//{name}:dev", [{**deployment(name), "metadata": {"name": name, "namespace": home}}], namespace=home) for name in names), deps=deps
    )
    process = shell.start("apply", "--wait=60s", "--order=ready", stdout=subprocess.PIPE)
    path = f"/apis/apps/v1/namespaces/{home}/deployments"

    def written() -> set[str]:
        return {obj["metadata"]["name"] for obj in client.request("GET", path)[1]["items"]}

    for wave in ({"redis"}, {"left", "right"}, {"top"}):
        deadline = time.monotonic() + 30
        while not wave <= written() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1.0)
        assert written() == {name for name in names if names.index(name) <= max(map(names.index, wave))}
        for name in wave:
            client.request(
                "PATCH",
                f"{path}/{name}/status",
                content_type="application/merge-patch+json",
                body={
                    "status": {
                        "observedGeneration": 1,
                        "replicas": 1,
                        "updatedReplicas": 1,
                        "readyReplicas": 1,
                        "availableReplicas": 1,
                        "conditions": [{"type": "Available", "status": "True"}],
                    }
                },
            )
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0, said
