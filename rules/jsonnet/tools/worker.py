"""Serves renderings as a Bazel persistent worker (JSON protocol, one at a time).

    Bazel ──requests──▶ front (this process) ──a line each──▶ evaluator (its child)

The front speaks the protocol and never evaluates. The evaluator is a fork with
the engine already loaded; it is replaced when its memory has grown past a limit
(rjsonnet is fastest without garbage collection) and when it dies, so that a
program on which the engine crashes costs one sentence and not the build's worker.
The front watches while it waits: a program that does not end, or that takes more
memory than it may, is ended with its evaluator.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import BinaryIO, TextIO

from rules.common.worker import ProtocolError, messages, reply
from rules.jsonnet.tools import engine, render
from rules.jsonnet.tools.errors import RenderError
from rules.jsonnet.tools.request import DEFAULT_MEMORY_MIB, DEFAULT_TIMEOUT_S, ENGINES, peek

# Above this the evaluator is replaced between two renderings: some 250 small
# programs, or one of 300 services.
MEMORY_LIMIT = 384 * 2**20

Run = Callable[[list[str]], tuple[int, str]]
"""Does one rendering: arguments to exit code and message."""

Discard = Callable[[list[str]], None]
"""Removes what a rendering has left that could not do so itself, by its arguments."""

_PR_SET_PDEATHSIG = 1
# As if the evaluator held 30 % of the memory more.
_OOM_SCORE = 300
# How often a rendering's memory is looked at; the fastest engine allocates some 100 MiB in this time.
_POLL_S = 0.1


def resident_memory(pid: int | str = "self") -> int:
    """Returns a process's resident memory in bytes; 0 where /proc or the process is missing."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")
    except OSError:
        return 0


class _LimitError(Exception):
    """A rendering took more than it may; the text says of what, and which flag allows more."""


class Evaluator:
    """A child process that renders, replaced when it has grown or died."""

    def __init__(self, memory_limit: int = MEMORY_LIMIT, run: Run = render.run, discard: Discard = render.discard) -> None:
        """Prepares an evaluator; the child starts with the first rendering.

        Args:
            memory_limit: Resident bytes after which the child is replaced.
            run: What the child does with the arguments of one rendering.
            discard: What is done after the child has died over a rendering.
        """
        self.memory_limit = memory_limit
        self._run = run
        self._discard = discard
        self.pid = 0
        self._requests: BinaryIO | None = None
        self._responses: BinaryIO | None = None
        self._grown = False
        self._seen = 0  # resident bytes when last looked at in the middle of a rendering

    def run(self, arguments: list[str]) -> tuple[int, str]:
        """Renders in the child.

        Args:
            arguments: Arguments of one rendering.

        Returns:
            Exit code and message.
        """
        self.rest()
        try:
            line = self._ask(arguments)
            if not line:
                ending = self.stop(kill=False)
                if self._seen > self.memory_limit:
                    # A second try would take as much: the kernel may have ended it for lack of memory.
                    return self._gave_up(
                        arguments,
                        f"the Jsonnet engine died ({ending}) with {self._seen >> 20} MiB of memory in use; "
                        "make the program smaller, or free memory",
                    )
                # It may have been the victim of something else: one more try.
                line = self._ask(arguments)
        except _LimitError as error:
            self.stop()
            return self._gave_up(arguments, str(error))
        if not line:
            ending = self.stop(kill=False)
            return self._gave_up(arguments, f"the Jsonnet engine died twice ({ending}); simplify the program or report it")
        code, message, memory = json.loads(line)
        self._grown = memory > self.memory_limit
        return code, message

    def _gave_up(self, arguments: list[str], sentence: str) -> tuple[int, str]:
        """Returns exit code and message of a rendering over which the child has died."""
        self._discard(arguments)
        return _failed(arguments, sentence)

    def rest(self) -> None:
        """Ends a child that has grown past the limit; to be called when the answer is out, for a large one takes 0.1 s to end."""
        if self._grown:
            self.stop()

    def _ask(self, arguments: list[str]) -> bytes:
        """Returns the child's answer line; empty if the child has died."""
        if not self.pid:
            self._start()
        assert self._requests is not None and self._responses is not None
        try:
            self._requests.write(json.dumps(arguments).encode() + b"\n")
            self._requests.flush()
            self._wait(arguments)
            line = self._responses.readline()
        except BrokenPipeError:
            return b""
        return line if line.endswith(b"\n") else b""

    def _wait(self, arguments: list[str]) -> None:
        """Waits for the child's answer or end; raises _LimitError if it takes too long or holds too much."""
        start, self._seen, seconds, mebibytes = time.monotonic(), 0, 0, 0
        while not select.select([self._responses], [], [], _POLL_S)[0]:
            # Read only here: most renderings are done before the first look.
            seconds = seconds or _number(arguments, "timeout", DEFAULT_TIMEOUT_S)
            mebibytes = mebibytes or _number(arguments, "memory", DEFAULT_MEMORY_MIB)
            self._seen = resident_memory(self.pid)
            if self._seen > mebibytes << 20:
                raise _LimitError(
                    f"the program takes more than {mebibytes} MiB of memory; make it smaller, try another engine, "
                    "or allow more with --//rules/jsonnet:memory=MIB"
                )
            if time.monotonic() - start > seconds:
                raise _LimitError(
                    f"the program did not end within {seconds} s; make it smaller, try another engine, "
                    "or allow more with --//rules/jsonnet:timeout=SECONDS"
                )

    def stop(self, kill: bool = True) -> str:
        """Ends the child, if there is one.

        Args:
            kill: False for a child that ended by itself and only waits to be buried.

        Returns:
            How it ended, in words.
        """
        if not self.pid:
            return "not running"
        if kill:
            # It holds nothing: all it had to say came with its last answer.
            os.kill(self.pid, signal.SIGKILL)
        for pipe in (self._requests, self._responses):
            try:
                if pipe:
                    pipe.close()
            except BrokenPipeError:
                pass  # the child is gone; closing had unsent bytes
        _, status = os.waitpid(self.pid, 0)
        self.pid, self._grown = 0, False
        code = os.waitstatus_to_exitcode(status)
        return signal.Signals(-code).name if code < 0 else f"exit code {code}"

    def _start(self) -> None:
        """Forks the child with a pipe in each direction."""
        request_read, request_write = os.pipe()
        response_read, response_write = os.pipe()
        front = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(request_write)
            os.close(response_read)
            _evaluate_for_ever(request_read, response_write, front, self._run)
        os.close(request_read)
        os.close(response_write)
        self._requests = os.fdopen(request_write, "wb")
        self._responses = os.fdopen(response_read, "rb")


def _failed(arguments: list[str], sentence: str) -> tuple[int, str]:
    """Returns exit code and message of a rendering that has no answer of its own."""
    return 1, f"ERROR: {render.main_label(peek(arguments, 'label', 'the program'))}: {sentence}\n"


def _number(arguments: list[str], flag: str, default: int) -> int:
    """Returns a numeric argument; the default for one that is malformed, which the rendering itself says."""
    text = peek(arguments, flag)
    return int(text) if text.isdecimal() else default


def _volunteer() -> None:
    """Has the kernel end this process rather than the front where memory is short: only the front's end fails an action."""
    try:
        with open("/proc/self/oom_score_adj", "r+", encoding="ascii") as file:
            score = min(int(file.read()) + _OOM_SCORE, 1000)
            file.seek(0)
            file.write(str(score))
    except OSError:
        pass  # no Linux, or not allowed


def _evaluate_for_ever(request_fd: int, response_fd: int, front: int, run: Run) -> None:
    """The child: renders each line's arguments until the front closes the pipe."""
    # A program that never ends must not outlive a worker that Bazel has killed.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != front:
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _volunteer()
    # std.trace writes to standard error, which Bazel keeps in a log of its own;
    # caught here, it reaches the user with the response.
    notes = os.memfd_create("notes")
    os.dup2(notes, 2)
    with os.fdopen(request_fd, "rb") as requests, os.fdopen(response_fd, "wb") as responses:
        for line in requests:
            arguments = json.loads(line)
            try:
                code, message = run(arguments)
            except Exception as error:  # a defect of ours, but still a sentence for who reads the log
                code, message = _failed(arguments, f"internal error ({type(error).__name__}: {error}); report it")
            size = os.lseek(notes, 0, os.SEEK_CUR)
            if size:
                message = os.pread(notes, size, 0).decode("utf-8", "replace") + message
                os.ftruncate(notes, 0)
                os.lseek(notes, 0, os.SEEK_SET)
            responses.write(json.dumps([code, message, resident_memory()]).encode() + b"\n")
            responses.flush()
    os._exit(0)


def _preload(arguments: list[str]) -> None:
    """Loads the engine before the fork where that is safe, so that a new evaluator starts with it loaded."""
    name = peek(arguments, "engine", ENGINES[0])
    if name == ENGINES[0]:
        try:
            engine.load(name)
        except RenderError:
            pass  # the rendering itself says it, with its label


def serve(
    requests: BinaryIO | io.RawIOBase,
    responses: BinaryIO,
    stderr: TextIO,
    memory_limit: int = MEMORY_LIMIT,
    first: Sequence[str] = (),
) -> int:
    """Answers requests until the stream ends.

    Args:
        requests: Where Bazel writes JSON work requests.
        responses: Where the JSON work responses go, a line each.
        stderr: Where a broken stream is reported.
        memory_limit: Resident bytes after which the evaluator is replaced.
        first: Arguments that every request starts with: the engine and the limits.

    Returns:
        0 at the end of the stream, 1 if the stream was broken; Bazel starts a
        new worker then.
    """
    evaluator = Evaluator(memory_limit)
    _preload([*first])
    # Without a handler the signal would end this process before its child.
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        for message in messages(requests):
            if message.get("cancel"):
                continue  # not announced as supported; the answer to the request itself follows
            code, output = evaluator.run([*first, *(str(argument) for argument in message.get("arguments", []))])
            responses.write(reply(message, code, output))
            responses.flush()
            evaluator.rest()
    except ProtocolError as error:
        stderr.write(f"ERROR: jsonnet worker: {error}; Bazel will start another one\n")
        return 1
    finally:
        evaluator.stop()
        signal.signal(signal.SIGTERM, previous)
    return 0
