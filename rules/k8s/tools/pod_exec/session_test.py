"""Tests of commands in containers against a fake server's end of the protocol: channels, exit codes, terminals and broken connections."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import pty
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

from rules.k8s.testing.fake_exec import CLOSE, RESIZE, STATUS, STDERR, STDIN, STDOUT, FakeExec, FakeSession, exit_status, pod
from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import deployment
from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.pod_exec import channels
from rules.k8s.tools.pod_exec.session import NotExecutableError, NotFoundInImageError, exit_code


@pytest.fixture(name="ready")
def fixture_ready(shell, server):
    """A shell with a target that has one ready pod."""
    shell.make(deployment("web"))
    server.put(pod())
    return shell


def run(shell, *arguments: str, stdin: bytes = b"", program: str = "") -> subprocess.CompletedProcess[bytes]:
    """Runs .exec as a process of its own."""
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with shell.start("exec", *arguments, program=program, **streams) as process:
        try:
            out, err = process.stdin.buffer, process.stderr.buffer
            collected: dict[str, bytes] = {}
            readers = [threading.Thread(target=lambda n=n, s=s: collected.update({n: s.read()})) for n, s in (("out", process.stdout.buffer), ("err", err))]
            for reader in readers:
                reader.start()
            out.write(stdin)
            out.close()
            for reader in readers:
                reader.join(60)
            return subprocess.CompletedProcess([], process.wait(10), collected["out"], collected["err"])
        finally:
            process.kill()


@pytest.mark.parametrize("protocol", channels.PROTOCOLS)
@pytest.mark.parametrize("code", [0, 1, 42, 255])
def test_output_and_exit_code(ready, server, protocol, code):
    """stdout and stderr stay apart, also if a message comes in several frames; the exit code is the command's. Nothing else is printed."""

    def serve(session: FakeSession) -> None:
        session.send(STDOUT, b"")
        session.send(STDERR, b"on stderr\xff\n")
        session.frame(bytes([STDOUT]) + b"one ", last=False)
        session.frame(b"ping", 9)
        session.frame(b"two\0", 0)
        session.finish(code)

    server.upgrade = FakeExec(serve, protocol)
    done = run(ready, "--", "program", "-x", "--pod", "two words", "")

    assert (done.returncode, done.stdout, done.stderr) == (code, b"one two\0", b"on stderr\xff\n")
    session = server.upgrade.sessions.get_nowait()
    assert session.query == {"container": ["main"], "command": ["program", "-x", "--pod", "two words", ""], "stdout": ["true"], "stderr": ["true"]}


def test_output_after_the_status_is_printed(ready, server):
    """Output that arrives after the Status is not lost, and a server that leaves the connection open does not keep the run."""

    def serve(session: FakeSession) -> None:
        session.send(STATUS, json.dumps(exit_status(3)).encode())
        session.send(STDOUT, b"late")
        list(session.messages())

    server.upgrade = FakeExec(serve)
    done = run(ready, "program")

    assert (done.returncode, done.stdout, done.stderr) == (3, b"late", b"")


def test_stdin_and_its_end(ready, server):
    """With -i everything that is in stdin arrives, then its end; without -i nothing does."""
    got: list[tuple[int, bytes]] = []

    def serve(session: FakeSession) -> None:
        for channel, data in session.messages():
            got.append((channel, data))
            if channel == CLOSE:
                session.finish()

    server.upgrade = FakeExec(serve)
    assert run(ready, "-i", "program", stdin=b"a\0b").returncode == 0
    assert got == [(STDIN, b"a\0b"), (CLOSE, bytes([STDIN]))]

    got.clear()
    server.upgrade = FakeExec(lambda session: session.finish())
    assert run(ready, "program", stdin=b"ignored").returncode == 0
    assert got == []


def test_an_old_server_cannot_end_stdin(ready, server):
    """A server without the v5 protocol gets no message to close stdin, and a note says what that means."""
    got: list[int] = []

    def serve(session: FakeSession) -> None:
        for channel, _ in session.messages():
            got.append(channel)
            time.sleep(0.5)
            session.finish()

    server.upgrade = FakeExec(serve, "v4.channel.k8s.io")
    done = run(ready, "-i", "program", stdin=b"text")

    assert done.returncode == 0
    assert got == [STDIN]
    assert b"cannot tell the command" in done.stderr


def test_many_bytes_in_both_directions(ready, server):
    """A command that writes more than it has read does not stop the run: reading and writing never wait for each other."""
    size = 24 << 20
    text = os.urandom(1 << 20) * 24
    sums = [hashlib.sha256(), hashlib.sha256()]

    def serve(session: FakeSession) -> None:
        # The server sends everything before it reads anything.
        for start in range(0, size, 1 << 15):
            session.send(STDOUT, text[start : start + (1 << 15)])
        session.send(STDERR, b"x" * 200_000)
        for channel, data in session.messages():
            if channel == CLOSE:
                session.finish()
            else:
                sums[0].update(data)

    server.upgrade = FakeExec(serve)
    started = time.monotonic()
    done = run(ready, "-i", "program", stdin=text)
    print(f"{size >> 20} MiB each way in {time.monotonic() - started:.1f} s")
    sums[1].update(text)

    assert done.returncode == 0
    assert done.stdout == text and done.stderr == b"x" * 200_000
    assert sums[0].digest() == sums[1].digest()


@pytest.mark.parametrize("status", [None, b"not JSON"])
def test_a_broken_connection(ready, server, status):
    """A connection that ends without an exit code is an error that says what may still be running; what had arrived is printed."""

    def serve(session: FakeSession) -> None:
        session.send(STDOUT, b"begun")
        if status:
            session.send(STATUS, status)

    server.upgrade = FakeExec(serve)
    done = run(ready, "program")

    assert (done.returncode, done.stdout) == (1, b"begun")
    assert done.stderr.startswith(b"ERROR: container main of pod dev/web-1: the connection broke before the command ended (")
    assert done.stderr.endswith(b"); the command may still be running there.\n")


def test_a_silent_server_ends_the_run(ready, server):
    """The run asks a quiet server whether it is there, and ends with a sentence if it does not answer."""
    server.upgrade = FakeExec(lambda session: list(session.messages()))
    settings = "from rules.k8s.tools.pod_exec import channels\nchannels._PING_SECONDS, channels._SILENCE_SECONDS = 0.1, 0.8"
    with ready.start("exec", "program", program=settings) as process:
        session = server.upgrade.sessions.get(timeout=20)
        time.sleep(1.5)
        assert process.poll() is None
        assert session.pings > 3
        process.kill()

    server.upgrade = FakeExec(lambda session: time.sleep(20))
    done = run(ready, "program", program=settings)
    assert done.returncode == 1
    assert b"has not answered for" in done.stderr


def test_a_slow_reader_does_not_end_the_run(ready, server):
    """A reader of stdout that pauses for longer than a server may be silent gets everything."""

    def serve(session: FakeSession) -> None:
        session.send(STDOUT, b"x" * 400_000)
        time.sleep(3)
        session.finish()

    server.upgrade = FakeExec(serve)
    settings = "from rules.k8s.tools.pod_exec import channels\nchannels._PING_SECONDS, channels._SILENCE_SECONDS = 0.1, 1.0"
    with ready.start("exec", "program", program=settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        server.upgrade.sessions.get(timeout=20)
        time.sleep(2.5)
        out, err = process.communicate(timeout=20)

    assert (process.returncode, len(out), err) == (0, 400_000, "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run(ready, server, number, code):
    """Without a terminal a signal ends the run, although the command goes on; a note says that it may still be running."""
    server.upgrade = FakeExec(lambda session: (session.send(STDOUT, b"up\n"), list(session.messages())))
    with ready.start("exec", "program", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == "up\n"
        process.send_signal(number)
        assert process.wait(20) == code
        assert process.stderr.read() == "interrupted; the command may still be running in pod dev/web-1\n"


def test_a_reader_that_is_gone_ends_the_run(ready, server):
    """A closed stdout (head) ends the run quietly."""

    def serve(session: FakeSession) -> None:
        while True:
            session.send(STDOUT, b"line\n" * 1000)

    server.upgrade = FakeExec(serve)
    with ready.start("exec", "program", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == "line\n"
        process.stdout.close()
        process.wait(10)
        assert process.stderr.read() == ""


class Terminal:
    """A pseudo-terminal with .exec on it."""

    def __init__(self, shell, *arguments: str) -> None:
        self.master, self.device = pty.openpty()
        self.resize(80)
        self.before = termios.tcgetattr(self.device)
        self.process = shell.start("exec", *arguments, stdin=self.device, stdout=self.device, stderr=self.device)

    def resize(self, columns: int) -> None:
        """Changes the width."""
        fcntl.ioctl(self.device, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

    @property
    def raw(self) -> bool:
        """Whether Ctrl-C is a key like any other."""
        return not termios.tcgetattr(self.device)[3] & termios.ISIG


def test_terminal(ready, server):
    """The command learns the size and every new size, and gets each key, Ctrl-C too; the terminal is restored at the end."""
    got: list[tuple[int, bytes]] = []
    arrived = threading.Condition()

    def serve(session: FakeSession) -> None:
        session.send(STDOUT, b"prompt> ")
        for message in session.messages():
            with arrived:
                got.append(message)
                arrived.notify_all()
            if message == (STDIN, b"\x03"):
                session.finish(130)

    server.upgrade = FakeExec(serve)
    terminal = Terminal(ready, "-t", "--", "program")
    assert os.read(terminal.master, 100) == b"prompt> "
    with arrived:
        assert arrived.wait_for(lambda: got, 10)
    assert terminal.raw
    terminal.resize(120)
    terminal.process.send_signal(signal.SIGWINCH)
    with arrived:
        assert arrived.wait_for(lambda: len(got) > 1, 10)
    os.write(terminal.master, b"\x03")

    assert terminal.process.wait(10) == 130
    assert termios.tcgetattr(terminal.device) == terminal.before
    sizes = [json.loads(data) for channel, data in got if channel == RESIZE]
    assert sizes == [{"Width": 80, "Height": 24}, {"Width": 120, "Height": 24}]
    query = server.upgrade.sessions.get_nowait().query
    assert (query["tty"], query["stdin"], query.get("stderr")) == (["true"], ["true"], None)


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (0, 1)],
    ids=["SIGTERM", "SIGINT", "broken connection"],
)
def test_terminal_is_restored_however_the_run_ends(ready, server, number, code):
    """The terminal is as before after signals, several at once too, and after a broken connection."""
    over = threading.Event()
    server.upgrade = FakeExec(lambda session: (session.send(STDOUT, b"up"), over.wait(20)))
    terminal = Terminal(ready)
    assert os.read(terminal.master, 100) == b"up"
    deadline = time.monotonic() + 10
    while not terminal.raw:
        assert time.monotonic() < deadline
    if number:
        for _ in range(5):
            terminal.process.send_signal(number)
    else:
        over.set()

    assert terminal.process.wait(10) == code
    over.set()
    assert termios.tcgetattr(terminal.device) == terminal.before


def failure(message: str, reason: str = "InternalError") -> dict:
    """Returns a Status of a command that did not start."""
    return {"status": "Failure", "reason": reason, "message": message}


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (
            failure('exec failed: unable to start container process: exec: "sh": executable file not found in $PATH: unknown'),
            NotFoundInImageError,
            "HERE has no program 'sh'",
        ),
        (failure('exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown'), NotFoundInImageError, "HERE has no program 'sh'"),
        (failure("executable file `sh` not found in $PATH: No such file or directory"), NotFoundInImageError, "HERE has no program 'sh'"),
        (failure('exec: "/etc": permission denied'), NotExecutableError, "HERE cannot execute 'sh': exec: \"/etc\": permission denied."),
        (failure("container is\nin CONTAINER_EXITED state"), TurnupError, "HERE: the command could not be started: container is in CONTAINER_EXITED state."),
        ({}, TurnupError, "HERE: the command could not be started: it gave no reason."),
    ],
)
def test_commands_that_do_not_start(status, kind, words):
    """The error says what is missing, in the words of each container runtime."""
    with pytest.raises(TurnupError) as raised:
        exit_code(status, "sh", "HERE")

    assert type(raised.value) is kind
    assert str(raised.value) == words
