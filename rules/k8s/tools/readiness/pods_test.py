"""Tests of pod status."""

from __future__ import annotations

from typing import Any

import pytest

from rules.k8s.tools.masking.mask import Redactor
from rules.k8s.tools.readiness.pods import PodIndex, cannot_start, is_failing, most_telling_container, pod_reason, restart_count


def pod(*containers: dict[str, Any], scheduled: dict[str, Any] | None = None) -> dict[str, Any]:
    """Returns a pod with container statuses."""
    return {
        "metadata": {"name": "p", "namespace": "n", "labels": {"app": "x"}},
        "status": {"containerStatuses": list(containers), "conditions": [scheduled] if scheduled else []},
    }


@pytest.mark.parametrize(
    ("obj", "reason", "bad"),
    [
        (
            pod({"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": 'Back-off pulling "x"'}}}),
            'container c: ImagePullBackOff: Back-off pulling "x"',
            True,
        ),
        (
            pod({"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}}}),
            (
                "container c: CrashLoopBackOff after OOMKilled, exit code 137: it wanted more memory than its node has for pods; "
                "let it use less, or run it on a larger node"
            ),
            True,
        ),
        (pod({"name": "c", "state": {"terminated": {"reason": "Error", "exitCode": 2}}}), "container c: Error, exit code 2", True),
        (pod({"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}), "container c: ContainerCreating", False),
        (pod({"name": "c", "state": {"running": {}}, "ready": False}), "container c runs but is not ready", False),
        (pod(scheduled={"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}), "Unschedulable: 0/2 nodes", True),
        (pod(), "is starting", False),
    ],
)
def test_pod_reason(obj, reason, bad):
    """A pod's worst container decides what it waits for and whether it is stuck."""
    assert (pod_reason(obj), is_failing(obj)) == (reason, bad)


def test_pods_of_a_workload():
    """A workload's pods are those in its namespace that match its selector."""
    elsewhere = {"metadata": {"name": "q", "namespace": "m", "labels": {"app": "x"}}}
    index = PodIndex([pod(), elsewhere, {"metadata": {"name": "bare", "namespace": "n"}}])

    assert index.of({"metadata": {"namespace": "n"}, "spec": {"selector": {"matchLabels": {"app": "x"}}}}) == [pod()]
    assert index.of({"kind": "ReplicationController", "metadata": {"namespace": "n"}, "spec": {"selector": {"app": "x"}}}) == [pod()]
    assert index.of({"metadata": {"namespace": "n"}, "spec": {"selector": {"matchLabels": {"app": "x", "tier": "web"}}}}) == []
    assert index.of({"metadata": {"namespace": "n"}, "spec": {}}) == []


@pytest.mark.parametrize("length", [2048, 2037, 1228])
def test_a_cut_message_has_no_part_of_a_secret(length):
    """Parts of a value are masked where the kubelet or this module truncates a termination message."""
    value = "Canary+Gamma/77-Delta-Omega"
    redact = Redactor()
    redact.learn([{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"k": value}}])
    ended = {"reason": "Error", "exitCode": 3, "message": (f"{value} " * 100)[-length:]}
    reason = redact(pod_reason(pod({"name": "c", "state": {"terminated": ended}})))

    assert not any(value[start : start + 3] in reason for start in range(len(value) - 2))
    assert reason.startswith("container c: Error, exit code 3 (…") and reason.endswith("…)")


CRASHED = {"reason": "Error", "exitCode": 1}


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": CRASHED}}], ("c", True)),
        ([{"name": "c", "state": {"terminated": CRASHED}}], ("c", False)),
        ([{"name": "c", "state": {"running": {}}, "ready": False, "lastState": {"terminated": CRASHED}}], ("c", True)),
        ([{"name": "good", "state": {"running": {}}, "ready": True}, {"name": "c", "state": {"running": {}}, "ready": False}], ("c", False)),
        ([{"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}], None),
    ],
)
def test_most_telling_container(containers, expected):
    """The crashed container explains best, with the log of the run that crashed; else the running container that is not ready."""
    assert most_telling_container(pod(*containers)) == expected


def test_trouble_outlasts_a_restart():
    """A container that crashed and runs again is failing until it is ready."""
    again = {"name": "c", "state": {"running": {}}, "ready": False, "restartCount": 3, "lastState": {"terminated": CRASHED}}

    assert is_failing(pod(again)) and restart_count(pod(again)) == 3 and not cannot_start(pod(again))
    assert pod_reason(pod(again)) == "container c runs again after Error, exit code 1, but is not ready"
    assert not is_failing(pod({**again, "ready": True})) and restart_count(pod({**again, "ready": True})) == 0


def test_what_cannot_start():
    """An image that cannot be pulled and a Secret that is missing keep a pod from starting; a crash does not."""
    waiting = {
        reason: pod({"name": "c", "state": {"waiting": {"reason": reason}}})
        for reason in ("ErrImagePull", "CreateContainerConfigError", "CrashLoopBackOff", "ContainerCreating")
    }

    assert [reason for reason, obj in waiting.items() if cannot_start(obj)] == ["ErrImagePull", "CreateContainerConfigError"]
