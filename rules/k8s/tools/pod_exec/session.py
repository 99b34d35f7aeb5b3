"""A command in a container, connected to this process' streams: bytes both ways, the terminal's size, and how the command ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rules.k8s.tools.api.api_errors import is_missing_right
from rules.k8s.tools.api.client import Client
from rules.k8s.tools.api.websockets import open_websocket
from rules.k8s.tools.errors import ApiError, TurnupError
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.pod_exec import terminal
from rules.k8s.tools.pod_exec.channels import PROTOCOLS, STATUS, STDERR, STDIN, STDOUT, Channels, ConnectionLostError

_CONNECT_SECONDS = 15.0
_CHUNK = 1 << 15
# No more of stdin is read while so much of it has not been sent.
_UNSENT_BYTES = 1 << 18
# The last output may arrive after the Status.
_LAST_SECONDS = 2.0
# How the container runtimes say that a program does not exist, and that it may not run.
_ABSENT = ("executable file not found", "no such file or directory", "not found in $path")
_NOT_EXECUTABLE = ("permission denied", "exec format error", "is a directory")


class NotFoundInImageError(TurnupError):
    """The container has no program of the command's name."""

    exit_code = 127  # as in shells


class NotExecutableError(TurnupError):
    """The container's program cannot be executed."""

    exit_code = 126  # as in shells


@dataclass(frozen=True)
class Command:
    """A command to run in a container.

    Attributes:
        words: the program and its arguments.
        stdin: pass stdin to it.
        tty: it has the user's terminal.
    """

    words: tuple[str, ...]
    stdin: bool = False
    tty: bool = False


@dataclass(frozen=True)
class Streams:
    """The file descriptors of this process that a command is connected to."""

    stdin: int = 0
    stdout: int = 1
    stderr: int = 2


def run_command(client: Client, pod: Object, container: str, command: Command, streams: Streams, note: Callable[[str], None]) -> int:
    """Runs a command in a container; returns its exit code.

    Args:
        client: client of the API server.
        pod: the live pod.
        container: one of its containers that runs.
        command: the command.
        streams: what it reads and writes; with a terminal, `stdin` is the terminal.
        note: prints a sentence for the user.

    Raises:
        NotFoundInImageError: the container has no such program.
        ConnectionLostError: the connection broke before the exit code arrived.
        TurnupError: the command could not be started.
    """
    meta = pod["metadata"]
    query = {
        "container": container,
        "command": list(command.words),
        "stdin": "true" if command.stdin else None,
        "stdout": "true",
        # A terminal has one stream of output.
        "stderr": None if command.tty else "true",
        "tty": "true" if command.tty else None,
    }
    place = f"container {container} of pod {meta['namespace']}/{meta['name']}"
    try:
        remote = open_websocket(client, f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}/exec", query, PROTOCOLS, timeout=_CONNECT_SECONDS)
    except ApiError as error:
        if is_missing_right(error):
            raise TurnupError(
                f"this account may not run commands in pods: {error.message}; it needs the verbs get and create on pods/exec in namespace {meta['namespace']}."
            ) from None
        raise TurnupError(f"{place}: the API server refused to run the command: {error.message}.") from None
    except TurnupError as error:
        raise TurnupError(f"{place}: no connection, so the command was not started: {str(error).rstrip('.')}.") from None
    with contextlib.ExitStack() as stack:
        channels = Channels(remote)
        stack.callback(channels.shutdown)
        resized = stack.enter_context(terminal.resizes()) if command.tty else None
        if command.tty:
            stack.enter_context(terminal.raw(streams.stdin))
        try:
            status = _Copier(channels, command, streams, resized, note).run()
        except ConnectionLostError as error:
            raise ConnectionLostError(f"{place}: the connection broke before the command ended ({error}); the command may still be running there.") from None
    return exit_code(status, command.words[0], place)


class _Copier:
    """Copies between the channels and the streams until the command has ended."""

    def __init__(self, channels: Channels, command: Command, streams: Streams, resized: int | None, note: Callable[[str], None]) -> None:
        self._channels = channels
        self._streams = streams
        self._stdin = command.stdin
        self._resized = resized
        self._note = note
        self._status: bytes | None = None

    def run(self) -> dict[str, Any]:
        """Returns the Status that the command ended with.

        Raises:
            ConnectionLostError: the connection ended without one.
        """
        channels = self._channels
        self._tell_size()
        ended = 0.0
        while not channels.closed:
            wanted = [self._streams.stdin] if self._stdin and self._status is None and channels.unsent < _UNSENT_BYTES else []
            ready = channels.wait([*wanted, *([self._resized] if self._resized is not None else [])], _LAST_SECONDS)
            if self._resized in ready:
                self._tell_size()
            if self._streams.stdin in ready:
                self._read_stdin()
            try:
                for channel, data in channels.messages():
                    self._take(channel, data)
            except ConnectionLostError:
                if self._status is None:
                    raise
                break
            if self._status is not None:
                ended = ended or time.monotonic()
                if time.monotonic() - ended > _LAST_SECONDS:
                    break
        if self._status is None:
            raise ConnectionLostError("the server closed it")
        try:
            status: dict[str, Any] = json.loads(self._status)
        except ValueError:
            raise ConnectionLostError("the server's last message is not a Status") from None
        return status

    def _take(self, channel: int, data: bytes) -> None:
        if channel in (STDOUT, STDERR):
            write_all(self._streams.stdout if channel == STDOUT else self._streams.stderr, data)
        elif channel == STATUS and data:
            self._status = (self._status or b"") + data

    def _read_stdin(self) -> None:
        try:
            data = os.read(self._streams.stdin, _CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # The terminal is gone.
        if data:
            self._channels.send(STDIN, data)
        else:
            self._stdin = False
            self._channels.close_stdin()
            if not self._channels.can_close_stdin:
                self._note("stdin has ended, but the server is older than Kubernetes 1.30 and cannot tell the command; if it waits for more, interrupt it")

    def _tell_size(self) -> None:
        if self._resized is None:
            return
        with contextlib.suppress(BlockingIOError):
            os.read(self._resized, _CHUNK)
        columns, rows = terminal.size(self._streams.stdin)
        if columns and rows:
            self._channels.resize(columns, rows)


def write_all(descriptor: int, data: bytes) -> None:
    """Writes all bytes, also to a descriptor that does not block."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])


def exit_code(status: dict[str, Any], program: str, place: str) -> int:
    """Returns the exit code that a Status tells.

    Args:
        status: the Status that a command ended with.
        program: the first word of the command.
        place: the container and the pod, for errors.

    Raises:
        NotFoundInImageError: the container has no such program.
        NotExecutableError: the program cannot be executed.
        TurnupError: the command could not be started for another reason.
    """
    if status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or []
    code = next((str(cause.get("message")) for cause in causes if cause.get("reason") == "ExitCode"), "")
    message = " ".join(str(status.get("message") or "it gave no reason").split())
    if status.get("reason") == "NonZeroExitCode" and code.isdigit():
        return int(code)
    said = message.lower()
    if any(words in said for words in _ABSENT):
        raise NotFoundInImageError(f"{place} has no program {program!r}")
    if any(words in said for words in _NOT_EXECUTABLE):
        raise NotExecutableError(f"{place} cannot execute {program!r}: {message}.")
    raise TurnupError(f"{place}: the command could not be started: {message}.")
