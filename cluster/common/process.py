"""Child processes: the one place that starts programs, reads their output and passes signals on to them.

`Runner` is the seam: commands take one, and tests give them `FakeRunner` from fake_process.py, which starts nothing.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any, Protocol, Self

from cluster.common.errors import ClusterError, Interrupted

__all__ = ["GRACE_SECONDS", "NOT_FOUND", "TIMED_OUT", "ProcessRunner", "Result", "Runner", "describe_failure"]

# What signal.signal returns and takes.
_Handler = Callable[[int, FrameType | None], Any] | int | signal.Handlers | None
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A child that was asked to stop has this long, in seconds, before it gets SIGKILL.
GRACE_SECONDS = 15.0

# The exit codes that shells and timeout(1) use for these cases.
NOT_FOUND = 127
TIMED_OUT = 124


@dataclass(frozen=True)
class Result:
    """What a finished program left behind.

    Attributes:
        code: its exit code.
        stdout: what it wrote to stdout.
        stderr: what it wrote to stderr.
    """

    code: int
    stdout: str = ""
    stderr: str = ""

    @property
    def output(self) -> str:
        """Both streams, stdout first, without surrounding white space."""
        return f"{self.stdout}{self.stderr}".strip()


class Runner(Protocol):
    """Runs programs."""

    def run(
        self,
        args: Sequence[str],
        *,
        check: bool = True,
        stdin: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        errors: str = "replace",
    ) -> Result:
        """Runs a short program and captures its output.

        Args:
            args: the program and its arguments.
            check: whether a failure is an error.
            stdin: text, or the path of a file to read; None for no input.
            env: the whole environment; None for this process's own.
            cwd: the working directory; None for this process's own.
            timeout: seconds until the program is killed; None for no limit.
            errors: how to decode output that is not UTF-8, as in bytes.decode; "surrogateescape" keeps file names usable.

        Returns:
            The result. Without check, NOT_FOUND stands for a program that does not exist and TIMED_OUT for one that took
            too long.

        Raises:
            ClusterError: check is set, and the program does not exist, took too long or failed.
        """
        ...

    def stream(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> int:
        """Runs a long program, and shows its output while it runs.

        Args:
            argv: the program and its arguments.
            env: the whole environment; None for this process's own.
            cwd: the working directory; None for this process's own.
            log: the file to append its output to; None lets it write to the terminal.
            on_line: called with each line of output as it arrives, without the line end; used only with log.

        Returns:
            The exit code; 128 + N if signal N ended it; NOT_FOUND if there is no such program.

        Raises:
            Interrupted: a signal arrived meanwhile; the child has ended.
        """
        ...

    def stop(self) -> None:
        """Stops every child that another thread streams, and lets no other start."""
        ...


class ProcessRunner:
    """Runs programs on this machine.

    As a context manager it passes SIGINT, SIGTERM and SIGHUP on to every child that it streams. Such a child has a session
    of its own, so a signal reaches it once, from here.
    """

    def __init__(self) -> None:
        self._children: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self._signum: int | None = None
        self._since = 0.0
        self._signaled: set[subprocess.Popen[bytes]] = set()
        self._stopped = False
        self._starting = 0
        self._previous: dict[int, _Handler] = {}

    def __enter__(self) -> Self:
        for signum in _SIGNALS:
            self._previous[signum] = signal.signal(signum, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()  # a child of another thread must not outlive the command
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    def stop(self) -> None:
        """See `Runner.stop`."""
        self._stopped = True
        self._since = time.monotonic()
        # A child that was signaled before is cleaning up; a second signal would cut that short.
        self._signal_children(signal.SIGTERM, self._children - self._signaled)

    def _on_signal(self, signum: int, _frame: object) -> None:
        again = self._signum is not None
        self._signum = self._signum or signum
        self._since = time.monotonic()
        if not self._children and not self._starting:
            raise Interrupted(signum)
        # A second signal means that the user does not want to wait.
        self._signal_children(signal.SIGKILL if again else signum)

    def _signal_children(self, signum: int, children: Collection[subprocess.Popen[bytes]] | None = None) -> None:
        for child in tuple(self._children if children is None else children):
            self._signaled.add(child)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signum)

    def _kill_after_grace(self) -> None:
        if (self._stopped or self._signum is not None) and time.monotonic() - self._since > GRACE_SECONDS:
            self._since = time.monotonic()
            self._signal_children(signal.SIGKILL)

    def run(
        self,
        args: Sequence[str],
        *,
        check: bool = True,
        stdin: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float | None = None,
        errors: str = "replace",
    ) -> Result:
        """See `Runner.run`."""
        text = stdin if isinstance(stdin, str) else None
        source = stdin.open("rb") if isinstance(stdin, Path) else None
        try:
            done = subprocess.run(
                list(args),
                input=text.encode() if text is not None else None,
                stdin=source if text is None and source else (subprocess.DEVNULL if text is None else None),
                capture_output=True,
                env=dict(env) if env is not None else None,
                cwd=cwd,
                timeout=timeout,
                check=False,
            )
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            if check:
                raise ClusterError(f"{args[0]} is not installed; run `./turnup doctor` to see how to get it") from None
            return Result(NOT_FOUND)
        except subprocess.TimeoutExpired:
            if check:
                raise ClusterError(f"`{' '.join(args)}` did not finish within {timeout:g} s; run it yourself to see whether it hangs") from None
            return Result(TIMED_OUT)
        finally:
            if source:
                source.close()
        result = Result(done.returncode, done.stdout.decode(errors=errors), done.stderr.decode(errors="replace"))
        if check and result.code != 0:
            raise ClusterError(describe_failure(args, result))
        return result

    def stream(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> int:
        """See `Runner.stream`."""
        self._raise_if_interrupted()
        if self._stopped:
            raise Interrupted(signal.SIGTERM)
        child = self._start(argv, env, cwd, log)
        if child is None:
            self._raise_if_interrupted()
            return NOT_FOUND
        try:
            if log:
                with log.open("ab") as sink:
                    self._pump(child, sink, on_line)
            code = self._wait(child)
        finally:
            with self._lock:
                self._children.discard(child)
        self._raise_if_interrupted()
        return code if code >= 0 else 128 - code

    def _raise_if_interrupted(self) -> None:
        if self._signum is not None:
            raise Interrupted(self._signum)

    def _start(self, argv: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None, log: Path | None) -> subprocess.Popen[bytes] | None:
        """Starts a child and records it.

        A signal that arrives before the child is recorded cannot be passed on by the handler, so it is passed on here.

        Returns:
            The child; None if there is no such program.
        """
        with self._lock:
            self._starting += 1
        try:
            child = subprocess.Popen(
                argv,
                env=env,
                cwd=cwd,
                stdin=subprocess.DEVNULL if log else None,
                stdout=subprocess.PIPE if log else None,
                stderr=subprocess.STDOUT if log else None,
                start_new_session=True,
            )
            with self._lock:
                self._children.add(child)
        except FileNotFoundError:
            child = None
        finally:
            with self._lock:
                self._starting -= 1
        if child and self._signum is not None and child not in self._signaled:
            self._signal_children(self._signum)
        return child

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        while True:
            try:
                return child.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                self._kill_after_grace()

    def _pump(self, child: subprocess.Popen[bytes], sink: IO[bytes], on_line: Callable[[str], None] | None) -> None:
        """Copies the child's output to sink until the child ends.

        A thread reads, because a grandchild that keeps the pipe open must not block this method.
        """
        lines: queue.Queue[bytes | None] = queue.Queue()

        def read() -> None:
            for line in child.stdout or ():
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=0.2)
            except queue.Empty:
                self._kill_after_grace()
                if child.poll() is not None:
                    return
                continue
            if line is None:
                return
            sink.write(line)
            sink.flush()
            if on_line:
                on_line(line.decode(errors="replace").rstrip())


def describe_failure(args: Sequence[str], result: Result) -> str:
    """Returns the sentence for a program that failed: its command, its exit code and its last three lines."""
    lines = [line.strip() for line in (result.stderr or result.stdout).strip().splitlines() if line.strip()]
    return f"`{' '.join(args)}` failed with exit code {result.code}: {'; '.join(lines[-3:]) or 'it printed nothing'}"
