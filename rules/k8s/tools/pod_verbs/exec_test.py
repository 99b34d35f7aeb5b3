"""Tests of .exec: which pod and container it chooses, what it refuses, and debug containers."""

from __future__ import annotations

import json
import subprocess

import pytest

from rules.k8s.testing.fake_exec import STDOUT, FakeExec, pod
from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.tools.pod_exec.debug_container import security_context
from rules.k8s.tools.pod_verbs.pod_choice import DEFAULT_CONTAINER


@pytest.fixture(name="cluster")
def fixture_cluster(server):
    """A server in which every command succeeds and prints the container that it runs in."""

    def serve(session) -> None:
        session.send(STDOUT, " ".join(session.query["container"]).encode())
        session.finish()

    server.upgrade = FakeExec(serve)
    return server


def run(shell, *arguments: str, program: str = "") -> subprocess.CompletedProcess[str]:
    """Runs .exec as a process of its own, without stdin; `program` runs before it."""
    with shell.start("exec", *arguments, program=program, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        out, err = process.communicate(timeout=30)
        assert "Traceback" not in err
        return subprocess.CompletedProcess([], process.returncode, out, err)


def executed(cluster) -> str:
    """Returns the name of the pod in which the last command ran."""
    return next(request.path.split("/")[6] for request in reversed(cluster.requests) if request.path.endswith("/exec"))


def stack(shell) -> None:
    """Makes a target with the services web and db, and a target without pods."""
    shell.make_targets(
        document("//db:dev", [deployment("db")]),
        document("//config:dev", [config_map("c")]),
        document("//web:dev", [deployment("web")]),
        services={"//db:dev": "db", "//web:dev": "web"},
    )


def test_newest_ready_pod(shell, cluster):
    """The command runs in the newest pod that is ready and not terminating, unless one is named."""
    shell.make(deployment("web"))
    cluster.put(pod("web-1", created="2026-01-01T00:00:00Z"))
    cluster.put(pod("web-2", created="2026-01-02T00:00:00Z"))
    cluster.put(pod("web-3", created="2026-01-03T00:00:00Z", ready=False))
    terminating = pod("web-4", created="2026-01-04T00:00:00Z")
    terminating["metadata"]["deletionTimestamp"] = "2026-01-05T00:00:00Z"
    cluster.put(terminating)
    other = pod("other", created="2026-01-06T00:00:00Z")
    other["metadata"]["labels"] = {"app": "other"}
    cluster.put(other)

    assert run(shell, "true").returncode == 0
    assert executed(cluster) == "web-2"
    assert run(shell, "--pod", "web-1", "true").returncode == 0
    assert executed(cluster) == "web-1"
    done = run(shell, "--pod=other", "true")
    assert (done.returncode, done.stderr) == (2, "ERROR: --pod=other is not a pod of //svc:dev-deep; it has web-1, web-2, web-3, web-4.\n")


def test_main_container(shell, cluster):
    """The command runs in the container that the pod's annotation names, else in the first, unless one is named."""
    shell.make(deployment("web"))
    live = pod(containers=("first", "main", "last"))
    cluster.put(live)
    assert run(shell, "true").stdout == "first"
    live["metadata"]["annotations"] = {DEFAULT_CONTAINER: "main"}
    cluster.put(live)
    assert run(shell, "true").stdout == "main"
    assert run(shell, "-c", "last", "true").stdout == "last"
    done = run(shell, "--container=none", "true")
    assert (done.returncode, done.stderr) == (2, "ERROR: --container=none is not a container of pod dev/web-1; it has first, last, main.\n")


def test_service_of_a_stack(shell, cluster):
    """Where several services have pods, one has to be named; a target without pods is not among them."""
    stack(shell)
    cluster.put(pod())

    done = run(shell, "true")
    assert (done.returncode, done.stderr) == (2, "ERROR: //svc:dev-deep has several services; name one with --service=NAME: it has db, web.\n")
    done = run(shell, "--service=none", "true")
    assert (done.returncode, done.stderr) == (2, "ERROR: --service=none is not a service of //svc:dev-deep; it has db, web.\n")
    assert run(shell, "--service=web", "true").returncode == 0
    assert run(shell, "--service=//web:dev", "true").returncode == 0
    assert run(shell, "--pod=web-1", "true").returncode == 0
    done = run(shell, "--service=db", "--pod=web-1", "true")
    assert (done.returncode, done.stderr) == (2, "ERROR: --pod=web-1 is not a pod of service db of //svc:dev-deep; it has no pods.\n")


def test_no_pod_to_run_in(shell, cluster):
    """Without workloads, without pods and without a ready pod, one sentence says so, and what the pods wait for."""
    shell.make(config_map("c"))
    assert run(shell, "true").stderr == "ERROR: //svc:dev-deep has no workload, so it has no pods to run a command in.\n"
    shell.make(deployment("web"))
    done = run(shell, "true")
    assert (done.returncode, done.stderr) == (
        1,
        "ERROR: //svc:dev-deep has no pod in dev; run .status to see what it waits for, or apply it first.\n",
    )
    cluster.put(pod(ready=False))
    done = run(shell, "true")
    assert (done.returncode, done.stderr) == (
        1,
        (
            "ERROR: no pod of //svc:dev-deep is ready: web-1: container main: ImagePullBackOff; run .status to see what it waits for, "
            "or name a pod that runs with --pod=NAME.\n"
        ),
    )
    done = run(shell, "--pod=web-1", "true")
    assert (done.returncode, done.stderr) == (
        1,
        "ERROR: container main of pod dev/web-1 does not run (ImagePullBackOff); look at it with .describe and .logs.\n",
    )
    assert not [request for request in cluster.requests if request.path.endswith("/exec")]


def test_wrong_usage(shell, cluster):
    """What cannot be meant is refused before anything runs."""
    shell.make(deployment("web"))
    cluster.put(pod())
    for arguments, words in {
        ("-it", "true"): "-t needs a terminal, but stdin is not one; leave -t out.",
        ("--image=x", "true"): "--image is the image of the debug container; add --debug.",
        ("--srvice=web", "true"): ".exec does not take '--srvice=web'; see 'bazel run TARGET.exec -- --help'.",
        ("--debug", "true"): "this target comes without a debug image; name one with --image=REF.",
        ("--", ""): "the command is empty; write the program's name after the options.",
    }.items():
        done = run(shell, *arguments)
        assert (done.returncode, done.stderr) == (2, f"ERROR: {words}\n")
    assert not [request for request in cluster.requests if request.path.endswith("/exec")]


def test_no_right_to_run_commands(shell, cluster):
    """A refusal names the right that the account lacks; a refusal by a policy is quoted."""
    shell.make(deployment("web"))
    cluster.put(pod())
    rights = 'pods "web-1" is forbidden: User "eve" cannot get resource "pods/exec" in API group "" in the namespace "dev"'
    for message, expected in {
        rights: f"this account may not run commands in pods: {rights}; it needs the verbs get and create on pods/exec in namespace dev.",
        "no exec on Fridays": "container main of pod dev/web-1: the API server refused to run the command: no exec on Fridays.",
    }.items():
        refusal = 403, {"kind": "Status", "code": 403, "reason": "Forbidden", "message": message}
        cluster.refuse = lambda request, refusal=refusal: refusal if request.path.endswith("/exec") else None
        done = run(shell, "true")
        assert (done.returncode, done.stderr) == (1, f"ERROR: {expected}\n")


def test_no_connection(shell, cluster):
    """A connection that closes before the command starts is one sentence."""
    shell.make(deployment("web"))
    cluster.put(pod())
    cluster.upgrade = lambda upgrade, connection: None
    done = run(shell, "true")
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: container main of pod dev/web-1: no connection, so the command was not started: ")
    assert done.stderr.count("\n") == 1


def test_json_leaves_stdout_to_the_command(shell, cluster):
    """With --output=json before the command, events go to stderr; the same word after the command is the command's."""
    shell.make(deployment("web"))
    cluster.put(pod())
    done = run(shell, "--output=json", "true")
    assert done.stdout == "main"
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["ended"]
    cluster.remove(pod())
    done = run(shell, "--output", "json", "true")
    assert [json.loads(line)["event"] for line in done.stderr.splitlines()] == ["error", "ended"]
    done = run(shell, "true", "--output=json")
    assert done.stderr.startswith("ERROR: ")


@pytest.fixture(name="debuggable")
def fixture_debuggable(cluster):
    """The bodies of requests for debug containers; each starts at once."""
    bodies: list[dict] = []

    def add(path: str, body):
        bodies.append(body)
        live = cluster.get(pod())
        added = body["spec"]["ephemeralContainers"]
        live["spec"].setdefault("ephemeralContainers", []).extend(added)
        live["status"].setdefault("ephemeralContainerStatuses", []).extend({"name": each["name"], "state": {"running": {}}} for each in added)
        return 200, cluster.put(live)

    cluster.subresources["ephemeralcontainers"] = add
    return bodies


def test_debug_container(shell, cluster, debuggable):
    """A debug container starts beside the container, runs the command, and is used again while it runs."""
    shell.make(deployment("web"))
    cluster.put(pod())

    done = run(shell, "--debug", "--image=tools", "true")
    assert done.returncode == 0, done.stderr
    (container,) = debuggable[0]["spec"]["ephemeralContainers"]
    assert done.stdout == container["name"]
    assert (container["image"], container["targetContainerName"]) == ("tools", "main")
    assert f"starting debug container {container['name']} in pod dev/web-1; it sees the processes of main" in done.stderr

    again = run(shell, "--debug", "--image=tools", "true")
    assert again.stdout == container["name"] and len(debuggable) == 1
    assert run(shell, "--debug", "--image=others", "true").stdout != container["name"]
    live = cluster.get(pod())
    live["status"]["ephemeralContainerStatuses"] = [
        {"name": each["name"], "state": {"terminated": {"exitCode": 0}}} for each in live["spec"]["ephemeralContainers"]
    ]
    cluster.put(live)
    assert run(shell, "--debug", "--image=tools", "true").stdout != container["name"]
    assert len(debuggable) == 3


def test_debug_container_beside_one_that_does_not_run(shell, cluster, debuggable):
    """A pod that is not ready can be debugged; the namespace of a process that does not exist is not asked for."""
    shell.make(deployment("web"))
    cluster.put(pod(ready=False))

    done = run(shell, "--debug", "--image=tools", "true")
    assert done.returncode == 0, done.stderr
    assert "main does not run, so it sees no processes" in done.stderr
    assert "targetContainerName" not in debuggable[0]["spec"]["ephemeralContainers"][0]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            {"waiting": {"reason": "ErrImagePull", "message": "no such host"}},
            "the image tools cannot be pulled (no such host); name another image with --image=REF.",
        ),
        ({"waiting": {"reason": "InvalidImageName"}}, "does not start: InvalidImageName; the image needs the programs sh and sleep."),
        ({"terminated": {"reason": "Error", "exitCode": 127}}, "does not start: Error, exit code 127; the image needs the programs sh and sleep."),
    ],
)
def test_debug_container_that_does_not_start(shell, cluster, debuggable, state, words):
    """The reason is told at once."""
    shell.make(deployment("web"))
    cluster.put(pod())
    add = cluster.subresources["ephemeralcontainers"]

    def broken(path: str, body):
        add(path, body)
        live = cluster.get(pod())
        live["status"]["ephemeralContainerStatuses"][-1]["state"] = state
        return 200, cluster.put(live)

    cluster.subresources["ephemeralcontainers"] = broken
    done = run(shell, "--debug", "--image=tools", "true")
    assert done.returncode == 1
    assert words in done.stderr


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (
            403,
            'pods "web-1" is forbidden: User "eve" cannot patch resource "pods/ephemeralcontainers" in API group "" in the namespace "dev"',
            "it needs the verb patch on pods/ephemeralcontainers in namespace dev.",
        ),
        (
            403,
            'pods "web-1" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot != true',
            "pod dev/web-1: the API server refused the debug container: pods",
        ),
        (
            404,
            "the server could not find the requested resource",
            "the server is older than Kubernetes 1.25 and has no debug containers; use an image with a shell.",
        ),
    ],
)
def test_debug_container_that_is_refused(shell, cluster, code, message, words):
    """The error says which right is missing, or quotes the rule that refuses."""
    shell.make(deployment("web"))
    cluster.put(pod())
    cluster.subresources["ephemeralcontainers"] = lambda path, body: (code, {"kind": "Status", "code": code, "message": message})

    done = run(shell, "--debug", "--image=tools", "true")
    assert done.returncode == 1
    assert words in done.stderr


def test_debug_container_that_takes_too_long(shell, cluster, debuggable):
    """A debug container that does not start within its time ends the run with its state and its last event; so does a pod that is deleted meanwhile."""
    shell.make(deployment("web"))
    cluster.put(pod())
    add = cluster.subresources["ephemeralcontainers"]

    def slow(path: str, body):
        add(path, body)
        live = cluster.get(pod())
        name = live["spec"]["ephemeralContainers"][-1]["name"]
        live["status"]["ephemeralContainerStatuses"][-1]["state"] = {"waiting": {"reason": "ContainerCreating"}}
        involved = {"uid": live["metadata"]["uid"], "fieldPath": f"spec.ephemeralContainers{{{name}}}"}
        event = {"type": "Normal", "reason": "Pulling", "message": "Pulling image tools", "involvedObject": involved}
        cluster.put({"apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": "dev"}, **event})
        return 200, cluster.put(live)

    cluster.subresources["ephemeralcontainers"] = slow
    settings = "from rules.k8s.tools.pod_exec import debug_container\ndebug_container._START_SECONDS = 0.5"
    done = run(shell, "--debug", "--image=tools", "true", program=settings)
    assert done.returncode == 1
    assert "of pod dev/web-1 has not started in 0 s (ContainerCreating; last event: Normal Pulling" in done.stderr

    def gone(path: str, body):
        cluster.remove(pod())
        return 200, {"kind": "Pod", "metadata": {"name": "web-1"}}

    cluster.subresources["ephemeralcontainers"] = gone
    done = run(shell, "--debug", "--image=tools", "true")
    assert done.returncode == 1
    assert "the pod was deleted while debug container turnup-debug-" in done.stderr


RESTRICTED = {"runAsNonRoot": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}}


def test_security_context_of_a_debug_container():
    """It meets the restricted standard with the target's user, wherever that is set; beside root it has what the target has."""
    assert security_context(pod(), "main") == RESTRICTED
    assert security_context(pod(securityContext={"runAsUser": 7, "runAsGroup": 8}), "main") == {**RESTRICTED, "runAsUser": 7, "runAsGroup": 8}
    live = pod(securityContext={"runAsUser": 7})
    live["spec"]["containers"][0]["securityContext"] = {"runAsUser": 9}
    assert security_context(live, "main") == {**RESTRICTED, "runAsUser": 9}
    live = pod()
    live["status"]["containerStatuses"][0]["user"] = {"linux": {"uid": 5, "gid": 6, "supplementalGroups": [6]}}
    assert security_context(live, "main") == {**RESTRICTED, "runAsUser": 5, "runAsGroup": 6}
    live = pod()
    live["spec"]["containers"][0]["securityContext"] = {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}}
    assert security_context(live, "main") == {"runAsUser": 0, "capabilities": {"add": ["NET_ADMIN"]}, "seccompProfile": {"type": "RuntimeDefault"}}
