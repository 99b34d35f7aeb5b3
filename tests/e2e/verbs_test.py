"""Tests that need running pods: explanations of eight failures; logs and forwarded ports during a rollout; commands in pods.

The tests share one cluster.
"""

import fcntl
import hashlib
import http.client
import json
import os
import pty
import signal
import socket
import struct
import subprocess
import termios
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
    done = cluster.attempt(bazel_program("tests/e2e/matrix.apply"), "--wait=25s", "--output=json")
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
        "refused": "violates PodSecurity",
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
        assert stuck[name]["pod"].startswith(name) or name == "refused"
    for name, words in events.items():
        assert any(word in stuck[name]["last_event"] for word in words.split("|")), stuck[name]
    assert [stuck[name]["log"] for name in ("crash", "oom", "probe")] == [["the disk is gone"], ["reading all of it"], ["listening nowhere"]]
    assert done.returncode == 1
    assert told[-2]["event"] == "error" and told[-2]["message"].startswith("not ready after 25s: ")


@pytest.fixture(scope="module")
def echo(cluster):
    """Two pods that answer with their names and log one line per second."""
    cluster.run(bazel_program("tests/e2e/echo.apply"), "--wait=60s")
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
    with cluster.start(bazel_program(f"tests/e2e/{name}"), *arguments, "--output=json") as process:
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
    assert "1 of 1 ready" in echo.run(bazel_program("tests/e2e/echo.status"))


def test_logs_are_one_sequence(echo):
    """The output of .logs has the last lines of both pods, in the order of their times."""
    wait_for("three lines of each pod", lambda: echo.run(bazel_program("tests/e2e/echo.logs")).count("line 2") >= 2, deadline_s=30)
    done = echo.attempt(bazel_program("tests/e2e/echo.logs"), "--tail=3", "--output=json")
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

        taken = echo.attempt(bazel_program("tests/e2e/echo.forward"))
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


PYTHON = "/usr/bin/python3.11"


def execute(cluster, target: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Runs .exec without a terminal."""
    return cluster.attempt(bazel_program(f"tests/e2e/{target}.exec"), *arguments, stdin=stdin, timeout_s=240)


def test_exec_is_the_command(echo):
    """Without a terminal, stdin with its end, stdout, stderr, the arguments and the exit code are the command's own."""
    program = "import sys; print(sys.stdin.read().upper(), sys.argv[1:]); print('careful', file=sys.stderr); sys.exit(7)"
    done = execute(echo, "echo", "-i", "--", PYTHON, "-c", program, "two words", "", "--output=json", stdin="hello")

    assert (done.returncode, done.stdout, done.stderr) == (7, "HELLO ['two words', '', '--output=json']\n", "careful\n")
    assert execute(echo, "echo", PYTHON, "-c", "pass").returncode == 0
    name = min(pods(echo))
    assert execute(echo, "echo", f"--pod={name}", PYTHON, "-c", "import os; print(os.environ['HOSTNAME'])").stdout == f"{name}\n"


def test_exec_carries_many_bytes(echo):
    """Twenty megabytes go in and come out unchanged, although the command writes before it has read everything."""
    text = hashlib.sha512(b"seed").hexdigest() * 160_000
    started = time.monotonic()
    done = execute(echo, "echo", "-i", "--", PYTHON, "-c", "import shutil, sys; shutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)", stdin=text)
    print(f"{len(text) / 1e6:.1f} MB each way in {time.monotonic() - started:.1f} s", done.stderr)

    assert done.returncode == 0
    assert done.stdout == text


def test_exec_without_a_terminal_can_be_interrupted(echo):
    """Ctrl-C ends the run within 2 s with 130, and a note says that the command may still be running."""
    words = (bazel_program("tests/e2e/echo.exec"), PYTHON, "-uc", "import time; print('started'); time.sleep(100)")
    with echo.start(*words, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == "started\n"
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        assert process.wait(10) == 130
        assert time.monotonic() - started < 2.0
        assert "the command may still be running in pod echo/echo-" in process.stderr.read()


class Terminal:
    """A pseudo-terminal of 80 columns with .exec on it.

    Args:
        cluster: the cluster.
        target: the target whose .exec runs.
        *arguments: its arguments.
    """

    def __init__(self, cluster, target: str, *arguments: str) -> None:
        self._master, self.device = pty.openpty()
        self.resize(80)
        self.before = termios.tcgetattr(self.device)
        self.text = ""
        streams = {"stdin": self.device, "stdout": self.device, "stderr": self.device}
        self.process = cluster.start(bazel_program(f"tests/e2e/{target}.exec"), *arguments, **streams)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        while data := os.read(self._master, 4096):
            self.text += data.decode()

    def resize(self, columns: int) -> None:
        """Changes the width."""
        fcntl.ioctl(self.device, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    def type(self, text: str) -> None:
        """Types on the keyboard."""
        os.write(self._master, text.encode())

    def expect(self, text: str) -> None:
        """Waits until a text appears."""
        wait_for(f"{text!r} in {self.text!r}", lambda: text in self.text, deadline_s=60)


def test_exec_with_a_terminal(echo):
    """The command gets the terminal with its size, a new size and Ctrl-C; afterwards the terminal is as before, and the exit code is the command's."""
    program = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGWINCH, lambda *_: print('width', os.get_terminal_size().columns))\n"
        "print('terminal', sys.stdin.isatty(), sys.stderr.isatty())\n"
        "try:\n"
        "    while True: print('line', input())\n"
        "except KeyboardInterrupt: print('interrupted'); sys.exit(9)\n"
    )
    terminal = Terminal(echo, "echo", "-it", "--", PYTHON, "-c", program)
    terminal.expect("terminal True True")
    assert termios.tcgetattr(terminal.device)[3] & termios.ICANON == 0
    terminal.type("hello\r")
    terminal.expect("line hello")
    terminal.resize(101)
    terminal.process.send_signal(signal.SIGWINCH)
    terminal.expect("width 101")
    terminal.type("\x03")
    terminal.expect("interrupted")

    assert terminal.process.wait(20) == 9
    assert termios.tcgetattr(terminal.device) == terminal.before


def test_terminal_is_restored_after_a_signal(echo):
    """SIGTERM ends the run with 143 and restores the terminal."""
    terminal = Terminal(echo, "echo", "-it", "--", PYTHON, "-c", "print('up'); input()")
    terminal.expect("up")
    terminal.process.send_signal(signal.SIGTERM)

    assert terminal.process.wait(10) == 143
    assert termios.tcgetattr(terminal.device) == terminal.before


@pytest.fixture(scope="module")
def shut(cluster):
    """A pod without a shell in a restricted namespace, and the registry of the cluster."""
    cluster.run(bazel_program("prod/setup.apply"), "--wait=120s")
    cluster.run(bazel_program("tests/e2e/shut.apply"), "--wait=60s")
    return cluster


def debug_containers(cluster) -> list[dict]:
    """Returns the ephemeral containers of the pod in the restricted namespace."""
    (pod,) = json.loads(cluster.kubectl("get", "pods", "-n", "shut", "-o", "json"))["items"]
    return pod["spec"].get("ephemeralContainers") or []


def test_debug_container_in_a_restricted_namespace(shut):
    """An image without a shell names --debug, which sees the container's processes and files; the debug container is used again."""
    done = execute(shut, "shut")
    assert done.returncode == 127
    assert "has no program 'sh'; add --debug to run it in a debug container beside it, which has a shell.\n" in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1

    script = "tr '\\0' ' ' </proc/1/cmdline; echo; ls /proc/1/root/usr/bin/python3.11; id -u; exit 5"
    started = time.monotonic()
    done = execute(shut, "shut", "--debug", "sh", "-c", script)
    first = time.monotonic() - started
    assert done.returncode == 5, done.stderr
    assert done.stdout.splitlines() == [f"{PYTHON} -c import time; time.sleep(100000) ", f"/proc/1/root{PYTHON}", "4321"]
    assert "starting debug container turnup-debug-" in done.stderr

    started = time.monotonic()
    again = execute(shut, "shut", "--debug", "true")
    print(f"debug container: first command {first:.1f} s, second {time.monotonic() - started:.1f} s")
    assert again.returncode == 0 and "using debug container turnup-debug-" in again.stderr
    assert len(debug_containers(shut)) == 1
    assert execute(shut, "shut", "--debug", "no-such").returncode == 127


def test_shell_in_a_debug_container(shut):
    """Without a command, a terminal gets a shell that exits with the user's exit code."""
    terminal = Terminal(shut, "shut", "--debug")
    terminal.expect("$ ")
    terminal.type("echo $((6 * 7)) $(stty size)\r")
    terminal.expect("42 24 80")
    terminal.type("exit 3\r")

    assert terminal.process.wait(20) == 3
    assert termios.tcgetattr(terminal.device) == terminal.before


def test_debug_image_that_cannot_be_pulled(shut):
    """An image that the registry lacks ends the run at once with a sentence."""
    reference = next(each["image"] for each in debug_containers(shut)).partition("@")[0].rpartition("/")[0] + "/absent:1"
    done = execute(shut, "shut", "--debug", f"--image={reference}", "true")

    assert done.returncode == 1
    assert f"the image {reference} cannot be pulled (" in done.stderr and "name another image with --image=REF.\n" in done.stderr


def test_exec_needs_rights(echo, shut):
    """An account without the right to run commands, or to add debug containers, learns which right it lacks."""
    echo.kubectl("create", "rolebinding", "viewer", "-n", "echo", "--clusterrole=view", "--user=viewer")
    whole = echo.kubeconfig.read_text()
    config = json.loads(echo.kubectl("config", "view", "--raw", "-o", "json"))
    for user in config["users"]:
        user["user"]["as"] = "viewer"
    echo.kubeconfig.write_text(json.dumps(config))
    try:
        command, debug = execute(echo, "echo", PYTHON), execute(echo, "echo", "--debug", "true")
    finally:
        echo.kubeconfig.write_text(whole)

    assert (command.returncode, debug.returncode) == (1, 1)
    assert "it needs the verbs get and create on pods/exec in namespace echo." in command.stderr
    assert "it needs the verb patch on pods/ephemeralcontainers in namespace echo." in debug.stderr
