"""Child processes: the one place that starts them, reads them and passes signals on to them.

`Runner` is the seam: the commands take one, and tests give them `FakeRunner` from fake_process.py.
"""

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import IO, Protocol

from cli.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# A child that was asked to stop gets this long, in seconds, before the next harder signal.
PATIENCE = 15.0


class Runner(Protocol):
    """Runs commands."""

    def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> int:
        """Runs a command to its end.

        Args:
            argv: the program and its arguments.
            env: its whole environment; None for this process's own.
            cwd: its working folder; None for this process's own.
            log: where its output is written (appended); None lets it write straight to the user's terminal.
            on_line: called with each line of output as it comes, without line end; used only with log.

        Returns:
            The exit code; 128 + N where signal N ended it; 127 where there is no such program.

        Raises:
            Interrupted: a signal arrived meanwhile; the child has ended.
        """

    def stop(self) -> None:
        """Ends every child that still runs in another thread, and lets no further one start."""

    def output(self, argv: Sequence[str], *, timeout: float = 10.0, cwd: Path | None = None) -> tuple[int, str]:
        """Runs a short command that asks something.

        Args:
            argv: the program and its arguments.
            timeout: seconds until it is killed.
            cwd: its working folder.

        Returns:
            Its exit code (127: no such program, 124: too slow) and what it printed on both streams.
        """


class ProcessRunner:
    """The real `Runner`: each child gets a session of its own, so that a signal reaches it once, from here.

    Use it as a context manager: inside, SIGINT, SIGTERM and SIGHUP are passed on to every running child.
    """

    def __init__(self) -> None:
        self._children: set[subprocess.Popen] = set()
        self._lock = threading.Lock()
        self._signum: int | None = None
        self._since = 0.0
        self._told: set[subprocess.Popen] = set()
        self._stopped = False
        self._starting = 0
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "ProcessRunner":
        for signum in SIGNALS:
            self._previous[signum] = signal.signal(signum, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()  # a thread's child must not outlive the command
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    def stop(self) -> None:
        """See `Runner.stop`."""
        self._stopped = True
        self._since = time.monotonic()
        # Whoever was told already is cleaning up: another signal would cut that short.
        self._signal_children(signal.SIGTERM, self._children - self._told)

    def _on_signal(self, signum: int, _frame: object) -> None:
        again = self._signum is not None
        self._signum = self._signum or signum
        self._since = time.monotonic()
        if not self._children and not self._starting:
            raise Interrupted(signum)
        # Whoever asks twice means it.
        self._signal_children(signal.SIGKILL if again else signum)

    def _signal_children(self, signum: int, children: Collection[subprocess.Popen] | None = None) -> None:
        for child in tuple(self._children if children is None else children):
            self._told.add(child)
            try:
                os.killpg(child.pid, signum)
            except ProcessLookupError:
                pass

    def _check_patience(self) -> None:
        if (self._stopped or self._signum is not None) and time.monotonic() - self._since > PATIENCE:
            self._since = time.monotonic()
            self._signal_children(signal.SIGKILL)

    def run(self, argv, *, env=None, cwd=None, log=None, on_line=None) -> int:
        """See `Runner.run`."""
        self._raise_if_interrupted()
        if self._stopped:
            raise Interrupted(signal.SIGTERM)
        child = self._start(argv, env, cwd, log)
        if child is None:
            self._raise_if_interrupted()
            return 127
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

    def _start(self, argv, env, cwd, log) -> subprocess.Popen | None:
        """Starts a child and remembers it; None where there is no such program.

        A signal that arrives in between finds no child to pass it on to: it is passed on here.
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
        if child and self._signum is not None and child not in self._told:
            self._signal_children(self._signum)
        return child

    def _wait(self, child: subprocess.Popen) -> int:
        while True:
            try:
                return child.wait(timeout=0.2)
            except subprocess.TimeoutExpired:
                self._check_patience()

    def _pump(self, child: subprocess.Popen, sink: IO[bytes], on_line: Callable[[str], None] | None) -> None:
        """Copies the child's output to sink until the child ends.

        A thread reads, because a grandchild that keeps the pipe open must not keep us here.
        """
        lines: queue.Queue[bytes | None] = queue.Queue()

        def read() -> None:
            for line in child.stdout:
                lines.put(line)
            lines.put(None)

        threading.Thread(target=read, daemon=True).start()
        while True:
            try:
                line = lines.get(timeout=0.2)
            except queue.Empty:
                self._check_patience()
                if child.poll() is not None:
                    return
                continue
            if line is None:
                return
            sink.write(line)
            sink.flush()
            if on_line:
                on_line(line.decode(errors="replace").rstrip())

    def output(self, argv, *, timeout=10.0, cwd=None) -> tuple[int, str]:
        """See `Runner.output`."""
        try:
            done = subprocess.run(
                argv, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout
            )
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return 127, ""
        except subprocess.TimeoutExpired:
            return 124, ""
        return done.returncode, done.stdout.decode(errors="replace").strip()
