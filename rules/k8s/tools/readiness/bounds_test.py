"""Tests of the sentences about pods that reached a bound."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.tools.readiness.bounds import eviction, out_of_memory, out_of_processes
from rules.k8s.tools.readiness.pods import pod_reason


def killed(limits: dict[str, str] | None, state: str = "state", kind: str = "container") -> dict[str, Any]:
    """Returns a pod with a container that the kernel ended."""
    ended = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    states = {"state": ended} if state == "state" else {"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended}
    status = {f"{kind}Statuses": [{"name": "c", **states}]}
    return {"metadata": {"name": "p"}, "spec": {f"{kind}s": [{"name": "c", "resources": {"limits": limits}}]}, "status": status}


def evicted(message: str | None, *containers: dict[str, Any]) -> dict[str, Any]:
    """Returns a pod that kubelet has evicted."""
    return {"metadata": {"name": "p"}, "status": {"phase": "Failed", "reason": "Evicted", "message": message, "containerStatuses": list(containers)}}


@pytest.mark.parametrize("kind", ["container", "initContainer"])
@pytest.mark.parametrize("state", ["state", "lastState"])
def test_out_of_memory(state, kind):
    """The reason of a pod that was killed names the limit of its container, and what to do."""
    reason = pod_reason(killed({"memory": "64Mi"}, state, kind))

    assert "OOMKilled, exit code 137: it wanted more memory than its limit of 64Mi; raise the limit, or let it use less" in reason


@pytest.mark.parametrize("limits", [None, {}, {"cpu": "1"}])
def test_out_of_memory_without_limit(limits):
    """A container without limit was killed because its node has no more memory for pods."""
    assert out_of_memory(killed(limits), "c").startswith("it wanted more memory than its node has for pods; ")
    assert out_of_memory(killed(limits), "unknown").startswith("it wanted more memory than its node has for pods; ")


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            "The node was low on resource: ephemeral-storage. Threshold quantity: 1, available: 0. ",
            (
                "was evicted: The node was low on resource: ephemeral-storage. Threshold quantity: 1, available: 0; write less, or give its containers "
                "a larger limit of ephemeral-storage"
            ),
        ),
        (
            'Usage of EmptyDir volume "tmp" exceeds the limit "64Mi". ',
            'was evicted: Usage of EmptyDir volume "tmp" exceeds the limit "64Mi"; write less to the volume, or raise its sizeLimit',
        ),
        (
            "The node was low on resource: memory.",
            "was evicted: The node was low on resource: memory; use less memory, or let its containers request what they need",
        ),
        (None, "was evicted: its node was low on a resource; use less of it"),
    ],
)
def test_eviction(message, sentence):
    """An evicted pod says so, with kubelet's reason and what to do, and not that a container of it was killed."""
    assert eviction(evicted(message)) == sentence
    assert pod_reason(evicted(message, {"name": "c", "state": {"terminated": {"exitCode": 137, "reason": "Error"}}})) == sentence


def test_no_eviction():
    """A pod that failed otherwise was not evicted."""
    assert eviction({"metadata": {"name": "p"}, "status": {"phase": "Failed", "message": "x"}}) == ""


@pytest.mark.parametrize(
    "line",
    [
        "sh: can't fork: Resource temporarily unavailable",
        "/bin/sh: 3: Cannot fork",
        "bash: fork: retry: Resource temporarily unavailable",
        "RuntimeError: can't start new thread",
        "java.lang.OutOfMemoryError: unable to create native thread: possibly out of memory or process/resource limits reached",
        "runtime: failed to create new OS thread (have 9 already; errno=11)\nruntime/cgo: pthread_create failed: Resource temporarily unavailable",
        "fork/exec /bin/probe: resource temporarily unavailable",
    ],
)
def test_out_of_processes(line):
    """What shells, Python, Java and Go write is recognized, in a log and in a termination message."""
    assert out_of_processes(["starting", line]).startswith("the pod has as many processes and threads as its node allows")
    ended = {"reason": "Error", "exitCode": 2, "message": line}
    assert "as its node allows" in pod_reason({"metadata": {"name": "p"}, "status": {"containerStatuses": [{"name": "c", "state": {"terminated": ended}}]}})


@pytest.mark.parametrize("line", ["recv: Resource temporarily unavailable", "OutOfMemoryError: Java heap space", "starting 3 threads"])
def test_other_errors(line):
    """A socket without data, or a full heap, is something else."""
    assert out_of_processes([line]) == ""
