"""What the user sees of long work: one line a step, with elapsed time.

On a terminal a step has a spinner, a running clock and the child's latest line; piped, it is a plain line at the start,
one every HEARTBEAT seconds and one at the end. Everything goes to stderr: stdout is for data.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

# Piped output gets a sign of life this often, in seconds: CI systems end what is silent for long.
HEARTBEAT = 30.0


def seconds(duration: float) -> str:
    """Writes a duration in seconds as a person reads it: `4.2 s`, `2 min 05 s`."""
    if duration < 100:
        return f"{duration:.1f} s"
    return f"{int(duration) // 60} min {int(duration) % 60:02d} s"


class Step:
    """One running step.

    Attributes:
        title: what it does.
        latest: the newest line of its output; "" before the first.
        summary: what the closing line says behind the title; set by the step where it knows more than "done".
    """

    def __init__(self, title: str, now: float, on_note: Callable[["Step"], None]) -> None:
        self.title = title
        self.latest = ""
        self.summary = ""
        self.started = now
        self._on_note = on_note

    def note(self, line: str) -> None:
        """Shows a line as the newest sign of progress; empty lines are passed over."""
        if line.strip():
            self.latest = line.strip()
            self._on_note(self)


class Steps:
    """Prints steps; several may run at once, from several threads.

    Args:
        stream: where to print; usually stderr.
        terminal: whether a person watches; None asks the stream.
        clock: tells the time in seconds.
    """

    def __init__(self, stream: TextIO, *, terminal: bool | None = None, clock: Callable[[], float] = time.monotonic):
        self._terminal = stream.isatty() if terminal is None else terminal
        self._console = Console(file=stream, force_terminal=self._terminal, highlight=False, soft_wrap=True)
        self._clock = clock
        self._running: dict[Step, TaskID | None] = {}
        self._lock = threading.RLock()
        self._progress: Progress | None = None
        self._said: dict[Step, float] = {}
        self._ticker: threading.Thread | None = None

    @contextlib.contextmanager
    def step(self, title: str, *, quiet: bool = False) -> Iterator[Step]:
        """Shows a step while the body runs; leaving by an exception marks it as failed.

        Args:
            title: what it does, in a few words.
            quiet: the child prints to the terminal itself: show only the first and the last line.
        """
        step = Step(title, self._clock(), self._note)
        self._open(step, quiet)
        failed = True
        try:
            yield step
            failed = False
        finally:
            self._close(step, failed)

    def say(self, text: str) -> None:
        """Prints a line between steps."""
        with self._lock:
            self._console.print(escape(text))

    def tick(self) -> None:
        """Prints the heartbeat of every step that has been silent for HEARTBEAT seconds (piped output only)."""
        if self._terminal:
            return
        with self._lock:
            now = self._clock()
            for step in self._running:
                if now - self._said[step] >= HEARTBEAT:
                    self._said[step] = now
                    self.say(f"   {step.title}: {seconds(now - step.started)} {_brief(step.latest)}".rstrip())

    def _open(self, step: Step, quiet: bool) -> None:
        with self._lock:
            task = None
            if not self._terminal or quiet:
                self.say(f"-> {step.title}")
            else:
                if self._progress is None:
                    self._progress = Progress(
                        SpinnerColumn(),
                        TextColumn("{task.description}"),
                        TimeElapsedColumn(),
                        TextColumn("[dim]{task.fields[latest]}"),
                        console=self._console,
                        transient=True,
                    )
                    self._progress.start()
                task = self._progress.add_task(escape(step.title), total=None, latest="")
            self._running[step] = task
            self._said[step] = step.started
            if not self._terminal and self._ticker is None:
                self._ticker = threading.Thread(target=self._tick_while_running, daemon=True)
                self._ticker.start()

    def _tick_while_running(self) -> None:
        while True:
            time.sleep(1)
            with self._lock:
                if not self._running:
                    self._ticker = None
                    return
                self.tick()

    def _note(self, step: Step) -> None:
        task = self._running.get(step)
        if self._progress is not None and task is not None:
            self._progress.update(task, latest=escape(_brief(step.latest)))

    def _close(self, step: Step, failed: bool) -> None:
        with self._lock:
            task = self._running.pop(step)
            del self._said[step]
            if self._progress is not None and task is not None:
                self._progress.remove_task(task)
                if not any(other is not None for other in self._running.values()):
                    self._progress.stop()
                    self._progress = None
            mark = "[red]failed[/]" if failed else "[green]ok[/]"
            tail = f" ({step.summary})" if step.summary and not failed else ""
            self._console.print(f"{mark:>2} {escape(step.title)}{escape(tail)}, {seconds(self._clock() - step.started)}")


def _brief(line: str, width: int = 70) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"
