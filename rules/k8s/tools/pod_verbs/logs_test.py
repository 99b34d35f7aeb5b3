"""Tests of .logs against the fake API server; //tests/e2e follows a rollout on a real cluster."""

from __future__ import annotations

import io
import threading
import time

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, deployment
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.output.printers import PlainPrinter

SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "dev"}, "stringData": {"password": "canary-2214"}}


def put_pod(server, name, *containers, labels=None, state="running"):
    """Acts as the kubelet: stores a pod of web with running containers."""
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "dev", "labels": labels or {"app": "web"}},
            "status": {"containerStatuses": [{"name": container, "state": {state: {"startedAt": "x"}}} for container in containers]},
        }
    )


def stamp(second: int) -> str:
    """Returns a time as the kubelet writes it."""
    return f"2026-01-01T00:00:{second:02d}.000000000Z"


def test_lines_come_in_the_order_of_time(shell, server):
    """Lines of all containers of all pods are sorted by time, each with its pod and container in front, with Secrets masked."""
    put_pod(server, "web-a", "main", "side")
    put_pod(server, "web-b", "main")
    put_pod(server, "other", "main", labels={"app": "other"})
    server.logs = {
        "dev/web-a/main": f"{stamp(1)} one\n{stamp(4)} four canary-2214\n",
        "dev/web-a/side": f"{stamp(3)} three\n",
        "dev/web-b/main": f"{stamp(2)} two\n{stamp(5)} five\n",
        "dev/other/main": f"{stamp(1)} no\n",
    }
    shell.make(deployment("web"), SECRET)

    assert shell.run("logs") == 0, shell.err
    assert shell.out.splitlines() == ["web-a main | one", "web-b main | two", "web-a side | three", "web-a main | four ***", "web-b main | five"]
    told = shell.events("logs", "--tail=5", "--since=1m")
    assert [event["line"] for event in told[:-1]] == ["one", "two", "three", "four ***", "five"]
    assert told[0]["time"] == stamp(1) and (told[0]["pod"], told[0]["namespace"]) == ("web-a", "dev")
    asked = [request.query for request in server.requests if request.path.endswith("/log")][-1]
    assert (asked["tailLines"], asked["sinceSeconds"]) == ("5", "60")


def test_pods_of_jobs_and_single_pods(shell, server):
    """The pods of a Job, of a CronJob's Jobs and a pod of the plan are included; those of other Jobs are not."""
    server.kinds += [("batch/v1", "Job", "jobs", True), ("batch/v1", "CronJob", "cronjobs", True)]
    for name, job in (("once-x", "once"), ("nightly-1-x", "nightly-123"), ("foreign-x", "nightly")):
        put_pod(server, name, "main", labels={"batch.kubernetes.io/job-name": job})
    put_pod(server, "single", "main", labels={"app": "single"})
    server.logs = {f"dev/{name}/main": f"{stamp(1)} {name}\n" for name in ("once-x", "nightly-1-x", "foreign-x", "single")}
    shell.make(
        *(
            {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "dev"}, "spec": {}}
            for version, kind, name in (("batch/v1", "Job", "once"), ("batch/v1", "CronJob", "nightly"), ("v1", "Pod", "single"))
        )
    )

    assert shell.run("logs") == 0, shell.err
    assert {line.split()[-1] for line in shell.out.splitlines()} == {"once-x", "nightly-1-x", "single"}


def test_a_log_that_cannot_be_read_hides_no_other(shell, server):
    """A container whose log the server cannot return is named, and the others' lines are printed."""
    put_pod(server, "web-a", "main")
    put_pod(server, "web-b", "main")
    server.logs = {"dev/web-b/main": f"{stamp(1)} here\n"}
    shell.make(deployment("web"))

    assert shell.run("logs") == 0
    assert shell.out == "web-b main | here\n"
    assert shell.err.startswith("web-a main: its log cannot be read: ")


def test_without_pods_it_says_so(shell):
    """A target without pods gets one sentence and exit code 1."""
    shell.make(config_map("a"), deployment("web"))

    assert shell.run("logs") == 1
    assert shell.err == "ERROR: //svc:dev-deep has no pods in dev; run .status to see what it waits for, or apply it first.\n"


def test_without_a_started_container_it_says_why(shell, server):
    """If no container has started, stderr says what the pods wait for, and the exit code is 1."""
    put_pod(server, "web-b", "main", state="waiting")
    server.put(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "web-a", "namespace": "dev", "labels": {"app": "web"}},
            "status": {"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]},
        }
    )
    shell.make(deployment("web"))

    assert shell.run("logs") == 1
    assert shell.out == ""
    assert shell.err.startswith(
        "ERROR: //svc:dev-deep has no log yet, because no container has started: web-a: container main: ImagePullBackOff: no such image, web-b: "
    )
    assert shell.err.endswith("run .status to see what it waits for, or add '-- --follow' to read from the first line.\n")


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--tail=some", "Argument --tail: 'some' is not a number of lines"),
        ("--tail=-5", "Argument --tail: '-5' is not a number of lines; write 0 or more, or -1 for all"),
        ("--since=soon", "'soon' is not a duration"),
        ("--port=1", ".logs does not take --port; it belongs to .forward"),
    ],
)
def test_misuse(shell, argument, message):
    """A wrong argument gets one sentence and exit code 2."""
    shell.make(deployment("web"))

    assert shell.run("logs", argument) == 2
    assert message in shell.err and len(shell.err.splitlines()) == 1


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        """Returns True."""
        return True


def test_a_terminal_without_color(monkeypatch):
    """With NO_COLOR set, a terminal gets the prefix of a pod without a color."""
    monkeypatch.setenv("NO_COLOR", "1")
    terminal = Terminal()
    PlainPrinter(terminal, Terminal()).show({"event": "log", "pod": "web-a", "container": "main", "line": "text"})

    assert terminal.getvalue() == "web-a main | text\n"


def test_a_terminal_gets_colours_and_no_commands():
    """On a terminal the prefix has the pod's color; text keeps its colors, and control sequences are removed, for a pipe as well."""
    event = {"event": "log", "pod": "web-a", "container": "main", "line": "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b[2J\tend"}
    terminal, errors, pipe = Terminal(), Terminal(), io.StringIO()
    face = PlainPrinter(terminal, errors)
    face.show(event)
    face.show({"event": "error", "message": "bad \x1b[2J name"})
    PlainPrinter(pipe, io.StringIO()).show(event)

    shown = terminal.getvalue()
    assert shown.startswith("\x1b[") and "web-a main | " in shown
    assert "\x1b[31mred\x1b[0m" in shown and "\tend" in shown
    assert "\x1b]" not in shown and "\x07" not in shown and "\x1b[2J" not in shown
    assert errors.getvalue() == "ERROR: bad  name\n"
    assert pipe.getvalue() == "web-a main | \x1b[31mred\x1b[0m  \tend\n"


def test_a_log_that_stops_in_the_middle_is_named(shell, server, monkeypatch):
    """If a kubelet stops answering, reading its log ends at a deadline: what arrived is printed, and the incomplete log is named."""
    put_pod(server, "web-a", "main")
    put_pod(server, "web-b", "main")
    server.logs = {"dev/web-a/main": f"{stamp(1)} one\n", "dev/web-b/main": f"{stamp(2)} two\n{stamp(3)} three\n"}
    over = threading.Event()

    server.after_log = lambda path: over.wait(30) if "/web-b/" in path else None
    real = Client.__init__
    monkeypatch.setattr(Client, "__init__", lambda self, connection, **settings: real(self, connection, **{**settings, "read_timeout": 0.5}))
    shell.make(deployment("web"))
    started = time.monotonic()

    assert shell.run("logs") == 0, shell.err
    over.set()
    assert shell.out.splitlines() == ["web-a main | one", "web-b main | two"]
    assert shell.err.startswith(f"web-b main: its log cannot be read further: the API server {server.url} of context 'turnup-test' does not answer (timed out)")
    assert time.monotonic() - started < 10
