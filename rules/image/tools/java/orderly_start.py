"""Runs a JVM whose own threads do not race with its main thread, so that the archive it writes depends on its input alone.

Java 17 starts the threads Reference Handler and Finalizer before its main thread has loaded all classes that a start needs.
Finalizer loads jdk.internal.misc.VM. Which thread is first decides where symbols and classes lie in memory, and an archive of
shared classes has them in that order. So both threads are kept from running Java code until the JVM opens the list of classes.
The list is a named pipe: while the JVM waits for its content, the threads run until they wait, too, and then the list is written.

A thread is kept by tracing it, see ptrace(2): the JVM's main thread and everything else run without stops. Where tracing is not
allowed, the JVM runs as it would without this module, and two archives may differ.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

_TRACEME, _CONT, _SYSCALL, _SETOPTIONS = 0, 7, 24, 0x4200
# PTRACE_O_TRACESYSGOOD, so that stops at system calls differ from signals; PTRACE_O_TRACECLONE, so that new threads are traced
# from their start; and PTRACE_O_EXITKILL.
_OPTIONS = 1 | 8 | 0x100000
_AT_SYSCALL = signal.SIGTRAP | 0x80
_ALL_THREADS = 0x40000000  # __WALL of waitpid
_KEPT = ("Reference Handl", "Finalizer")  # as the kernel has their names, of 15 characters at most
_UNNAMED = "java"  # the JVM names each thread before that runs Java code
_PAUSE = 0.002  # seconds between two looks
_PAUSE_AT_START = 0.0001  # a new thread makes some twenty system calls, each with two stops, before it has a name
_IDLE_LOOKS = 5


class OrderlyJvm:
    """One run of a JVM.

    Attributes:
        code: the addresses of the JVM's code in its process; empty if it ended before it opened the list.
    """

    def __init__(self, pipe: Path, content: bytes) -> None:
        """Takes the path of the named pipe, and what the JVM reads from it."""
        self.code = range(0)
        self._pipe = pipe
        self._left = memoryview(content)
        self._writer: int | None = None
        self._released = False
        self._process = 0
        self._requests: dict[int, int] = {}
        self._kept: list[int] = []
        self._idle_looks = 0
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]

    def run(self, command: Sequence[str | Path], environment: Mapping[str, str], folder: Path, output: IO[bytes], timeout: float) -> int:
        """Runs the JVM in a folder and returns its exit code, negative for a signal.

        Raises:
            OSError: it did not start.
            subprocess.TimeoutExpired: it took longer than timeout, in seconds, and was killed.
        """
        os.mkfifo(self._pipe)
        try:
            return self._run(command, environment, folder, output, timeout)
        finally:
            self._close()
            self._pipe.unlink()

    def _run(self, command: Sequence[str | Path], environment: Mapping[str, str], folder: Path, output: IO[bytes], timeout: float) -> int:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=output, stderr=output, preexec_fn=self._be_traced)  # noqa: PLW1509
        self._process = process.pid
        deadline = time.monotonic() + timeout
        try:
            while (status := self._next_stop()) is None:
                if not self._feed():
                    time.sleep(_PAUSE if self._released else _PAUSE_AT_START)
                if time.monotonic() > deadline:
                    raise subprocess.TimeoutExpired(process.args, timeout)
        except BaseException:
            process.kill()
            while (status := self._next_stop()) is None:  # A traced thread must be waited for, too.
                time.sleep(_PAUSE)
            process.returncode = os.waitstatus_to_exitcode(status)
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode

    def _close(self) -> None:
        """Closes the pipe, at which the list ends for the JVM."""
        if self._writer is not None:
            os.close(self._writer)
            self._writer = None

    def _be_traced(self) -> None:
        """Is called in the new process before it becomes the JVM. A refusal changes nothing."""
        self._libc.ptrace(_TRACEME, 0, None, None)

    def _resume(self, thread: int, number: int = 0) -> None:
        self._libc.ptrace(self._requests[thread], thread, None, number)

    def _next_stop(self) -> int | None:
        """Handles stops of threads until there is none; returns the JVM's status as soon as it has ended."""
        while True:
            thread, status = os.waitpid(-1, _ALL_THREADS | os.WNOHANG)
            if not thread:
                return None
            if not os.WIFSTOPPED(status):
                if thread == self._process:
                    return status
                continue
            self._handle(thread, os.WSTOPSIG(status), status >> 16)

    def _handle(self, thread: int, number: int, event: int) -> None:
        """Resumes a stopped thread, or keeps it."""
        if thread not in self._requests:  # A new thread, or the process at its start, with a signal that only tells so.
            # The first thread of java's launcher starts the one that runs the program. Both run without stops.
            self._requests[thread] = _CONT if len(self._requests) < 2 or self._released else _SYSCALL
            if thread == self._process:
                self._libc.ptrace(_SETOPTIONS, thread, None, _OPTIONS)
            self._resume(thread)
        elif number == _AT_SYSCALL:
            name = self._name(thread)
            if name in _KEPT and not self._released:
                self._kept.append(thread)
                return
            if name != _UNNAMED or self._released:
                self._requests[thread] = _CONT
            self._resume(thread)
        else:
            self._resume(thread, 0 if event or number == signal.SIGTRAP else number)

    def _name(self, thread: int) -> str:
        with suppress(OSError):
            return Path(f"/proc/{self._process}/task/{thread}/comm").read_text().strip()
        return ""

    def _feed(self) -> bool:
        """Lets kept threads run as soon as the JVM waits for the list, and writes the list; returns whether it wrote something."""
        if not self._released:
            with suppress(OSError):  # Nobody reads yet.
                self._writer = os.open(self._pipe, os.O_WRONLY | os.O_NONBLOCK)
                self._release()
            return False
        if self._idle_looks < _IDLE_LOOKS:
            self._idle_looks = self._idle_looks + 1 if all(map(self._waits, self._kept)) else 0
            return False
        if self._writer is None:
            return False
        try:
            self._left = self._left[os.write(self._writer, self._left) :]
        except BlockingIOError:
            return False
        except BrokenPipeError:  # The JVM has failed, and says why.
            self._left = memoryview(b"")
        if not self._left:
            self._close()
        return True

    def _release(self) -> None:
        self._released = True
        self.code = self._addresses()
        for thread in self._kept:
            self._requests[thread] = _CONT
            self._resume(thread)

    def _waits(self, thread: int) -> bool:
        """Returns whether a thread waits, or has ended."""
        try:
            return Path(f"/proc/{self._process}/task/{thread}/stat").read_text().rpartition(")")[2].split()[0] == "S"
        except OSError:
            return True

    def _addresses(self) -> range:
        """Returns the addresses of the JVM's code."""
        lines = [line for line in Path(f"/proc/{self._process}/maps").read_text().splitlines() if line.endswith("/libjvm.so")]
        ends = [int(end, 16) for line in lines for end in line.split(" ", 1)[0].split("-")]
        return range(min(ends), max(ends)) if ends else range(0)
