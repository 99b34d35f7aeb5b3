"""Tests of masking values of the cluster's Secrets in log lines and messages of pods."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import deployment
from rules.k8s.tools.readiness import stuck_detector

# Values of previous generations, of a Secret with a stable name, and of one that only the pod names.
VALUES = {"leak-0123456789": "Canary-AAAA1111", "leak-9876543210": "Canary-CCCC3333", "fixed": "Canary-DDDD4444", "foreign": "Canary-EEEE5555"}
WORDS = "; ".join(["now Canary-BBBB2222", *VALUES.values()])


def secret(name: str, value: str, **annotations: str) -> dict[str, Any]:
    """Returns a Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": "dev", "annotations": annotations},
        "data": {"password": base64.b64encode(value.encode()).decode()},
    }


@pytest.fixture(name="stack")
def fixture_stack(shell, server, monkeypatch):
    """A shell with a plan that has newer values of two Secrets than a crashed pod, which prints the old ones."""
    monkeypatch.setattr(stuck_detector, "_BAD_AFTER", 0.2)
    for name, value in VALUES.items():
        server.put(secret(name, value))
    shell.make(deployment("web"), secret("leak-aaaaaaaaaa", "Canary-BBBB2222", **{"turnup/base-name": "leak"}), secret("fixed", "Canary-new"))
    server.put(deployment("web"))
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web-1", "namespace": "dev", "labels": {"app": "web"}},
            "spec": {"containers": [{"name": "main", "envFrom": [{"secretRef": {"name": "foreign"}}]}]},
            "status": {
                "phase": "Running",
                "containerStatuses": [
                    {"name": "main", "ready": False, "restartCount": 1, "state": {"terminated": {"reason": "Error", "exitCode": 3, "message": WORDS}}}
                ],
            },
        }
    )
    server.logs = {"dev/web-1/main": f"2026-01-01T00:00:00Z {WORDS}\n"}
    return shell


@pytest.mark.parametrize("arguments", [("logs",), ("status",), ("wait", "--timeout=2s"), ("logs", "--output=json"), ("wait", "--timeout=2s", "--output=json")])
@pytest.mark.parametrize("rights", ["list", "get"])
def test_what_pods_print_is_masked(stack, server, arguments, rights):
    """Log lines and termination messages contain no value of the stack's Secrets in the cluster, or of those that the pod names."""
    server.refuse = lambda request: (403, {"message": "no"}) if rights == "get" and request.path.endswith("/secrets") else None
    stack.run(*arguments)

    output = stack.out + stack.err
    hidden = VALUES if rights == "list" else {name: VALUES[name] for name in ("fixed", "foreign")}
    assert "***" in output and [value for value in (*hidden.values(), "Canary-BBBB2222") if value in output] == []


def test_events_of_a_pod_are_masked(stack, server):
    """A description's Events of a pod, for example of a failed probe, contain no value of a Secret that the pod names."""
    pod = server.get({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "namespace": "dev"}})
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "e", "namespace": "dev"},
            "type": "Warning",
            "reason": "Unhealthy",
            "message": f"Readiness probe failed: {VALUES['foreign']}",
            "involvedObject": {"uid": pod["metadata"]["uid"]},
        }
    )
    stack.make({"apiVersion": "v1", "kind": "Pod", "metadata": pod["metadata"], "spec": pod["spec"]})

    assert stack.run("describe") == 0, stack.err
    assert "Readiness probe failed: ***" in stack.out


def test_logs_without_the_right_to_read_secrets(stack, server):
    """An account that may not read Secrets sees logs, without a message about Secrets."""
    server.refuse = lambda request: (403, {"message": "no"}) if "/secrets" in request.path else None

    assert stack.run("logs") == 0
    assert stack.err == "" and "now ***" in stack.out


def test_secrets_are_read_once_and_only_in_trouble(stack, server):
    """A wait reads Secrets once, before it shows a pod's messages; without messages it does not read them at all."""
    assert stack.run("wait", "--timeout=2s") == 1
    asked = [request.query["fieldSelector"] for request in server.requests if "/secrets" in request.path and "fieldSelector" in request.query]
    assert asked == ["type!=turnup/revision,type!=helm.sh/release.v1"]
    before = len(server.requests)
    pod = server.get({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "namespace": "dev"}})
    pod["status"] = {"phase": "Pending"}
    server.put(pod)

    stack.run("status")
    assert [request for request in server.requests[before:] if "fieldSelector" in request.query] == []
