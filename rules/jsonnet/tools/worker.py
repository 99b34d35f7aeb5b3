"""Serves renderings as a Bazel persistent worker (JSON protocol, one request at a time).

    Bazel ──requests──▶ server (this process) ──one line each──▶ evaluator (its child)

The server handles the protocol and never evaluates. The evaluator is a fork with
the engine already loaded. The server replaces it when its memory has grown past a
limit (rjsonnet is fastest without garbage collection) and when it dies. So a
program that crashes the engine fails with one message, and the worker lives on.
While the server waits, it watches the evaluator, and kills it if the program takes
longer or uses more memory than it may.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import json
import os
import resource
import select
import signal
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import BinaryIO, NoReturn, TextIO

from rules.common.worker import ProtocolError, messages, reply
from rules.jsonnet.tools import engine, render
from rules.jsonnet.tools.engines.call import EngineDiedError
from rules.jsonnet.tools.errors import RenderError, printable
from rules.jsonnet.tools.request import DEFAULT_MEMORY_MIB, DEFAULT_TIMEOUT_S, ENGINES, peek

# Resident bytes after which the evaluator is replaced between two renderings:
# about 250 small programs, or one of 300 services.
MEMORY_LIMIT = 384 * 2**20

Run = Callable[[list[str]], tuple[int, str]]
"""Renders one program: maps arguments to exit code and message."""

Discard = Callable[[list[str]], None]
"""Removes the partial outputs of a killed rendering, given its arguments."""

_PR_SET_PDEATHSIG = 1
# Counts as 30 % more memory when the kernel chooses a process to kill.
_OOM_SCORE = 300
_STACK = 120 * 2**20
# Engines with modules that start no thread when they are loaded.
_PRELOADED = ("gojsonnet", "rjsonnet")
# Seconds between two checks of a rendering's memory; the fastest engine allocates about 100 MiB in this time.
_POLL_S = 0.1


def resident_memory(pid: int | str = "self") -> int:
    """Returns a process's resident memory in bytes; 0 if there is no /proc or no such process."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0


def memory_of_tree(pid: int) -> int:
    """Returns the resident memory of a process and its children in bytes: an engine may be a process of its own."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            children = file.read().split()
    except OSError:
        children = []
    return resident_memory(pid) + sum(map(resident_memory, children))


class _Terminated(BaseException):
    """The worker received SIGTERM."""


class _LimitError(Exception):
    """A rendering exceeded a limit; the text names the limit and the flag that changes it."""


class Evaluator:
    """A child process that renders. It is replaced when it has grown past the memory limit or died."""

    def __init__(self, memory_limit: int = MEMORY_LIMIT, run: Run = render.run, discard: Discard = render.discard) -> None:
        """Keeps the settings; the child starts with the first rendering.

        Args:
            memory_limit: resident bytes after which the child is replaced.
            run: renders in the child.
            discard: cleans up after the child has died during a rendering.
        """
        self.memory_limit = memory_limit
        self._run = run
        self._discard = discard
        self.pid = 0
        self._requests: BinaryIO | None = None
        self._responses: BinaryIO | None = None
        self._grown = False
        self._seen = 0  # resident bytes at the last check during a rendering

    def run(self, arguments: list[str]) -> tuple[int, str]:
        """Renders in the child.

        Args:
            arguments: arguments of one rendering.

        Returns:
            Exit code, and the message for the user.
        """
        self.stop_if_grown()
        try:
            line = self._request(arguments)
            if not line:
                ending = self.stop(kill=False)
                if ending == signal.SIGKILL.name and self._seen > self.memory_limit:
                    # The kernel may have killed it for lack of memory, and a second try would use as much.
                    return self._fail(
                        arguments,
                        f"the Jsonnet engine died ({ending}) with {self._seen >> 20} MiB of memory in use; make the program smaller, or free memory",
                    )
                # Something else may have killed it, so try once more.
                line = self._request(arguments)
        except _LimitError as error:
            self.stop()
            return self._fail(arguments, str(error))
        if not line:
            ending = self.stop(kill=False)
            todo = "simplify the program or report it"
            if peek(arguments, "engine", ENGINES[0]) != ENGINES[0]:
                todo = f'set engine = "{ENGINES[0]}", or {todo}'
            return self._fail(arguments, f"the Jsonnet engine died twice ({ending}); {todo}")
        code, message, memory = json.loads(line)
        self._grown = memory > self.memory_limit
        return code, message

    def _fail(self, arguments: list[str], sentence: str) -> tuple[int, str]:
        """Cleans up after the child has died; returns exit code and message of the rendering."""
        self._discard(arguments)
        return _failure(arguments, sentence)

    def stop_if_grown(self) -> None:
        """Stops a child that has grown past the limit. Call it after the response is sent, because a large child takes 0.1 s to exit."""
        if self._grown:
            self.stop()

    def _request(self, arguments: list[str]) -> bytes:
        """Returns the child's response line; empty if the child has died."""
        if not self.pid:
            self._start()
        requests, responses = self._requests, self._responses
        if not requests or not responses:
            raise RuntimeError("the evaluator runs without its pipes")
        try:
            requests.write(json.dumps(arguments).encode() + b"\n")
            requests.flush()
            self._wait(arguments, responses)
            line = responses.readline()
        except BrokenPipeError:
            return b""
        return line if line.endswith(b"\n") else b""

    def _wait(self, arguments: list[str], responses: BinaryIO) -> None:
        """Waits until the child responds or exits; raises _LimitError if it takes too long or uses too much memory."""
        start, self._seen, seconds, mebibytes = time.monotonic(), 0, 0, 0
        while not select.select([responses], [], [], _POLL_S)[0]:
            # Parsed only here, because most renderings finish before the first check.
            seconds = seconds or _number(arguments, "timeout", DEFAULT_TIMEOUT_S)
            mebibytes = mebibytes or _number(arguments, "memory", DEFAULT_MEMORY_MIB)
            self._seen = memory_of_tree(self.pid)
            if self._seen > mebibytes << 20:
                raise _LimitError(
                    f"the program uses more than {mebibytes} MiB of memory; make it smaller, try another engine, "
                    "or raise the limit with --//rules/jsonnet:memory=MIB"
                )
            if time.monotonic() - start > seconds:
                raise _LimitError(
                    f"the program did not finish within {seconds} s; make it smaller, try another engine, "
                    "or raise the limit with --//rules/jsonnet:timeout=SECONDS"
                )

    def stop(self, kill: bool = True) -> str:
        """Stops the child, if there is one.

        Args:
            kill: False for a child that exited by itself and is a zombie.

        Returns:
            Its exit code or signal, in words.
        """
        if not self.pid:
            return "not running"
        if kill:
            # It has no state to save; its last response has everything.
            os.kill(self.pid, signal.SIGKILL)
        for pipe in (self._requests, self._responses):
            try:
                if pipe:
                    pipe.close()
            except BrokenPipeError:
                pass  # the child is gone and did not read the rest
        _, status = os.waitpid(self.pid, 0)
        self.pid, self._grown = 0, False
        code = os.waitstatus_to_exitcode(status)
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _start(self) -> None:
        """Forks the child with a pipe in each direction."""
        request_read, request_write = os.pipe()
        response_read, response_write = os.pipe()
        server = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(request_write)
            os.close(response_read)
            _evaluate_forever(request_read, response_write, server, self._run)
        os.close(request_read)
        os.close(response_write)
        self._requests = os.fdopen(request_write, "wb")
        self._responses = os.fdopen(response_read, "rb")


def _failure(arguments: list[str], sentence: str) -> tuple[int, str]:
    """Returns exit code and message of a rendering that has no response."""
    return 1, f"ERROR: {render.main_label(peek(arguments, 'label', 'the program'))}: {sentence}\n"


def _number(arguments: list[str], flag: str, default: int) -> int:
    """Returns a numeric argument; the default for a malformed one, which the rendering itself reports."""
    text = peek(arguments, flag)
    return int(text) if text.isdecimal() else default


def _raise_oom_score() -> None:
    """Makes the kernel kill this process rather than the server if memory is short: an action fails only with the server."""
    try:
        with open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
            score = min(int(file.read()) + _OOM_SCORE, 1000)
            file.seek(0)
            file.write(str(score))
    except OSError:
        pass  # not Linux, or not permitted


def _raise_stack_limit() -> None:
    """Gives deep recursions of an engine in this process a larger stack; the kernel leaves room for 128 MiB below every stack."""
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    wanted = _STACK if hard == resource.RLIM_INFINITY else min(_STACK, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))


def _evaluate_forever(request_fd: int, response_fd: int, server: int, run: Run) -> None:
    """Renders each line's arguments until the server closes the pipe. This is the child process."""
    # The child must not outlive a server that Bazel has killed, not even in an endless program.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _raise_oom_score()
    _raise_stack_limit()
    # std.trace writes to standard error, which Bazel writes to a separate log file.
    # Captured here, it reaches the user with the response.
    notes = os.memfd_create("notes")
    os.dup2(notes, 2)
    with os.fdopen(request_fd, "rb") as requests, os.fdopen(response_fd, "wb") as responses:
        for line in requests:
            arguments = json.loads(line)
            try:
                code, message = run(arguments)
            except EngineDiedError as died:
                _end_like(died.code)
            except Exception as error:  # noqa: BLE001  # a bug of ours must be one sentence in the log, too
                code, message = _failure(arguments, f"internal error ({type(error).__name__}: {error}); report it")
            size = os.lseek(notes, 0, os.SEEK_CUR)
            if size:
                message = printable(os.pread(notes, size, 0).decode("utf-8", "replace")) + message
                os.ftruncate(notes, 0)
                os.lseek(notes, 0, os.SEEK_SET)
            responses.write(json.dumps([code, message, memory_of_tree(os.getpid())]).encode() + b"\n")
            responses.flush()
    os._exit(0)


def _end_like(code: int) -> NoReturn:
    """Ends this process as its engine's process ended, so that the server treats both in the same way."""
    if code < 0:
        signal.signal(-code, signal.SIG_DFL) if -code != signal.SIGKILL else None
        os.kill(os.getpid(), -code)
    os._exit(code or 1)


def _preload(arguments: list[str]) -> None:
    """Loads the engine before the fork if that is safe, so that new evaluators start with it loaded."""
    name = peek(arguments, "engine", ENGINES[0])
    if name in _PRELOADED:
        with contextlib.suppress(RenderError):  # the rendering itself reports it, with its label
            engine.load(name)


def _raise_terminated(_signum: int, _frame: FrameType | None) -> None:
    """Handles SIGTERM: ends `serve`, which stops its child first."""
    raise _Terminated


def serve(
    requests: BinaryIO | io.RawIOBase,
    responses: BinaryIO,
    stderr: TextIO,
    memory_limit: int = MEMORY_LIMIT,
    startup: Sequence[str] = (),
) -> int:
    """Responds to requests until the stream ends.

    Args:
        requests: stream of JSON work requests from Bazel.
        responses: stream for JSON work responses, one per line.
        stderr: stream for the message about a broken request stream.
        memory_limit: resident bytes after which the evaluator is replaced.
        startup: arguments that precede those of each request: the engine and the limits.

    Returns:
        Exit code: 0 at the end of the stream and after SIGTERM, 1 if the stream is broken. Bazel then
        starts a new worker.
    """
    evaluator = Evaluator(memory_limit)
    _preload([*startup])
    # Without a handler, the signal would kill this process before it stops its child.
    previous = signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        for message in messages(requests):
            if message.get("cancel"):
                continue  # not announced as supported; the answer to the request itself follows
            code, output = evaluator.run([*startup, *(str(argument) for argument in message.get("arguments", []))])
            responses.write(reply(message, code, output))
            responses.flush()
            evaluator.stop_if_grown()
    except ProtocolError as error:
        stderr.write(f"ERROR: jsonnet worker: {error}; Bazel starts a new worker\n")
        return 1
    except _Terminated:
        return 0
    finally:
        evaluator.stop()
        signal.signal(signal.SIGTERM, previous)
    return 0
