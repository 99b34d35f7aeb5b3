"""Tests that need running pods: explanations of eight failures; logs and forwarded ports during a rollout.

The tests share one cluster.
"""

import http.client
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.e2e.cluster import PrivateCluster, bazel_program
from tests.e2e.stack import wait_for

EXPLAINED_S = 15.0
"""Each failure is explained within so many seconds after the apply, as rules/k8s/README.md promises."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A new cluster in its own network, deleted at the end."""
    with PrivateCluster(tmp_path_factory.mktemp("cluster")) as created:
        yield created


def test_eight_failures_are_explained(cluster):
    """Each failure is explained in time with object, reason and last event, a crash also with its log; the exit code is 1."""
    done = cluster.attempt(bazel_program("tests/e2e/matrix.apply.sh"), "--wait=25s", "--output=json")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    print(done.stdout, done.stderr)
    applied = next(event["seconds"] for event in told if event["event"] == "summary")
    stuck = {event["object"]["name"]: event for event in told if event["event"] == "stuck"}

    reasons = {
        "bad-image": "ErrImagePull|ImagePullBackOff",
        "crash": "Error, exit code 3",
        "oom": "OOMKilled",
        "probe": "runs but is not ready",
        "unschedulable": "Unschedulable",
        "secret": "CreateContainerConfigError",
        "quota": "exceeded quota",
        "mount": "ContainerCreating",
    }
    events = {
        "bad-image": "Failed|BackOff",
        "crash": "BackOff",
        "oom": "BackOff",
        "probe": "Unhealthy",
        "unschedulable": "FailedScheduling",
        "secret": "Failed",
        "mount": "FailedMount",
    }
    assert set(stuck) == set(reasons)
    for name, words in reasons.items():
        assert any(word in stuck[name]["reason"] for word in words.split("|")), stuck[name]
        assert stuck[name]["seconds"] - applied < EXPLAINED_S, stuck[name]
        assert stuck[name]["pod"].startswith(name) or name == "quota"
    for name, words in events.items():
        assert any(word in stuck[name]["last_event"] for word in words.split("|")), stuck[name]
    assert [stuck[name]["log"] for name in ("crash", "oom", "probe")] == [["the disk is gone"], ["reading all of it"], ["listening nowhere"]]
    assert done.returncode == 1
    assert told[-2]["event"] == "error" and told[-2]["message"].startswith("not ready after 25s: ")


@pytest.fixture(scope="module")
def echo(cluster):
    """Two pods that answer with their names and log one line per second."""
    cluster.run(bazel_program("tests/e2e/echo.apply.sh"), "--wait=60s")
    return cluster


def pods(cluster) -> set[str]:
    """Returns the names of the pods that are not terminating."""
    found = json.loads(cluster.kubectl("get", "pods", "-n", "echo", "-o", "json"))["items"]
    return {pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]}


def roll_out(cluster) -> set[str]:
    """Replaces every pod, and returns the names of the new ones."""
    before = pods(cluster)
    cluster.kubectl("rollout", "restart", "deployment/echo", "-n", "echo")
    cluster.kubectl("rollout", "status", "deployment/echo", "-n", "echo", "--timeout=60s")
    wait_for("the old pods to go", lambda: not pods(cluster) & before, deadline_s=60)
    return pods(cluster)


@contextmanager
def running(cluster, name: str, *arguments: str) -> Iterator[tuple[subprocess.Popen, list[dict]]]:
    """Runs a verb until the body ends; yields its process and the events that it has printed so far."""
    told: list[dict] = []
    with cluster.start(bazel_program(f"tests/e2e/{name}.sh"), *arguments, "--output=json") as process:
        reader = threading.Thread(target=lambda: told.extend(map(json.loads, process.stdout)), daemon=True)
        reader.start()
        try:
            yield process, told
            process.send_signal(signal.SIGINT)
            started = time.monotonic()
            assert process.wait(10) == 130
            assert time.monotonic() - started < 2.0
        finally:
            process.kill()
            reader.join(10)


def test_status_of_a_ready_stack(echo):
    """The exit code of .status is 0 if everything runs."""
    assert "1 of 1 ready" in echo.run(bazel_program("tests/e2e/echo.status.sh"))


def test_logs_are_one_sequence(echo):
    """The output of .logs has the last lines of both pods, in the order of their times."""
    wait_for("three lines of each pod", lambda: echo.run(bazel_program("tests/e2e/echo.logs.sh")).count("line 2") >= 2, deadline_s=30)
    done = echo.attempt(bazel_program("tests/e2e/echo.logs.sh"), "--tail=3", "--output=json")
    lines = [event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "log"]

    assert {line["pod"] for line in lines} == pods(echo)
    assert len(lines) == 6
    assert [line["time"] for line in lines] == sorted(line["time"] for line in lines)


def test_following_picks_up_new_pods(echo):
    """During a rollout, .logs -f has every new pod from its first line, and no line twice."""
    with running(echo, "echo.logs", "--follow", "--tail=1") as (_, told):
        new = roll_out(echo)

        def seen() -> bool:
            return {event["pod"] for event in list(told) if event.get("line") == "line 3"} >= new

        wait_for("the new pods' lines", seen, deadline_s=30)
    lines = [(event["pod"], event["line"]) for event in told if event["event"] == "log"]
    assert {pod for pod, line in lines if line == "line 0"} >= new
    assert len(lines) == len(set(lines))


def answer(port: int) -> str:
    """Returns the name of the pod that answers at a local port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def test_forward_survives_a_rollout(echo):
    """The local port stays, reaches both pods, and during a rollout answers again within 2 s, then from the new pods."""
    with running(echo, "echo.forward") as (_, told):
        wait_for("the port", lambda: list(told), deadline_s=20)
        port = int(told[0]["address"].rpartition(":")[2])
        assert {answer(port) for _ in range(10)} == pods(echo)
        gaps, stop = [], threading.Event()

        def ask() -> None:
            good = time.monotonic()
            while not stop.is_set():
                try:
                    answer(port)
                    gaps.append(time.monotonic() - good)
                    good = time.monotonic()
                except (OSError, http.client.HTTPException):
                    time.sleep(0.05)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            new = roll_out(echo)
        finally:
            time.sleep(1)
            stop.set()
            asking.join()
        print(f"answers: {len(gaps)}, longest gap {max(gaps):.2f} s")
        assert max(gaps) < 2.0
        assert {answer(port) for _ in range(10)} == new

        taken = echo.attempt(bazel_program("tests/e2e/echo.forward.sh"))
        assert taken.returncode == 1
        assert f"local port {port} is in use by python3" in taken.stderr
    with running(echo, "echo.forward") as (_, told):
        wait_for("the same port", lambda: list(told), deadline_s=20)
        assert told[0]["address"] == f"127.0.0.1:{port}"


def test_forward_carries_many_bytes(echo):
    """Parallel connections do not mix their bytes, and one that its client closes does not disturb the others."""
    with running(echo, "echo.forward", "--port=18080") as (_, told):
        wait_for("the port", lambda: list(told), deadline_s=20)
        idle = [socket.create_connection(("127.0.0.1", 18080)) for _ in range(20)]
        assert {answer(18080) for _ in range(20)} <= pods(echo)
        for connection in idle:
            connection.close()
        assert answer(18080) in pods(echo)
