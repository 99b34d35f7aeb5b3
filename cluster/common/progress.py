"""Progress of long commands: one line per step, with the elapsed time.

On a terminal, a running step has a spinner, a clock and the newest line of its output. Piped, it prints a line at the
start, one every HEARTBEAT_SECONDS and one at the end. Several steps can run at once. stdout stays free for data.
"""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

from cluster.common.errors import Interrupted
from rules.common.control_characters import strip_control_characters

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Display
    from rich.progress import TaskID

__all__ = ["HEARTBEAT_SECONDS", "Progress", "SilentProgress", "Step", "format_seconds"]

# Continuous integration systems end a job that prints nothing for long.
HEARTBEAT_SECONDS = 30.0


def format_seconds(duration: float) -> str:
    """Formats a duration in seconds: `4.2 s`, `2 min 05 s`."""
    if duration < 100:
        return f"{duration:.1f} s"
    return f"{int(duration) // 60} min {int(duration) % 60:02d} s"


class Step:
    """One running step.

    Attributes:
        title: what it does.
        latest: the newest line of its output; "" before the first.
        summary: what the closing line says in parentheses after the title; "" for nothing.
        started: when it started, in seconds of the display's clock.
    """

    def __init__(self, title: str, now: float, on_note: Callable[[Step], None]) -> None:
        self.title = title
        self.latest = ""
        self.summary = ""
        self.started = now
        self._on_note = on_note

    def note(self, line: str) -> None:
        """Shows a line as the newest output; ignores empty lines."""
        if line.strip():
            self.latest = strip_control_characters(line).strip()
            self._on_note(self)


class Progress:
    """Prints steps; several can run at once, in several threads.

    Args:
        stream: where to print.
        terminal: whether the stream is a terminal; None asks the stream.
        clock: returns the time in seconds.
    """

    def __init__(self, stream: TextIO | None = None, *, terminal: bool | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._clock = clock
        self._running: dict[Step, TaskID | None] = {}
        self._printed: dict[Step, float] = {}
        self._lock = threading.RLock()
        self._display: Display | None = None
        self._ticker: threading.Thread | None = None
        self._console: Console | None = None
        if self._stream.isatty() if terminal is None else terminal:
            # Imported here: a piped command need not wait 50 ms for rich.
            from rich.console import Console

            self._console = Console(file=self._stream, force_terminal=True, highlight=False, soft_wrap=True)

    @contextlib.contextmanager
    def step(self, title: str, *, quiet: bool = False) -> Iterator[Step]:
        """Shows a step while the body runs; an exception marks it as failed, a signal as stopped.

        Args:
            title: what it does, in a few words.
            quiet: print the first and the last line only, because a child prints to the terminal itself.
        """
        step = Step(title, self._clock(), self._update)
        self._open(step, quiet)
        mark = "failed"
        try:
            yield step
            mark = "ok"
        except (Interrupted, KeyboardInterrupt):
            mark = "stopped"
            raise
        finally:
            self._close(step, mark)

    def say(self, text: str) -> None:
        """Prints a line between steps."""
        self._print("", text)

    def tick(self) -> None:
        """Prints a line for every step that has printed nothing for HEARTBEAT_SECONDS (piped output only)."""
        if self._console is not None:
            return
        with self._lock:
            now = self._clock()
            for step in self._running:
                if now - self._printed[step] >= HEARTBEAT_SECONDS:
                    self._printed[step] = now
                    self.say(f"   {step.title}: {format_seconds(now - step.started)} {_shorten(step.latest)}".rstrip())

    def _print(self, mark: str, text: str) -> None:
        with self._lock:
            if self._console is None:
                print(f"{mark} {text}" if mark else text, file=self._stream, flush=True)
            elif mark:
                from rich.text import Text

                self._console.print(Text.assemble((mark, "green" if mark == "ok" else "red"), f" {text}"))
            else:
                self._console.print(text, markup=False)

    def _open(self, step: Step, quiet: bool) -> None:
        with self._lock:
            self._printed[step] = step.started
            self._running[step] = None
            if self._console is None or quiet:
                self.say(f"-> {step.title}")
            else:
                from rich.markup import escape

                self._running[step] = self._start_display().add_task(escape(step.title), total=None, latest="")
            if self._console is None and self._ticker is None:
                self._ticker = threading.Thread(target=self._tick_while_running, daemon=True)
                self._ticker.start()

    def _start_display(self) -> Display:
        if self._display is None:
            from rich import progress

            self._display = progress.Progress(
                progress.SpinnerColumn(),
                progress.TextColumn("{task.description}"),
                progress.TimeElapsedColumn(),
                progress.TextColumn("[dim]{task.fields[latest]}"),
                console=self._console,
                transient=True,
            )
            self._display.start()
        return self._display

    def _tick_while_running(self) -> None:
        while True:
            time.sleep(1)
            with self._lock:
                if not self._running:
                    self._ticker = None
                    return
                self.tick()

    def _update(self, step: Step) -> None:
        task = self._running.get(step)
        if self._display is not None and task is not None:
            from rich.markup import escape

            self._display.update(task, latest=escape(_shorten(step.latest)))

    def _close(self, step: Step, mark: str) -> None:
        with self._lock:
            task = self._running.pop(step)
            del self._printed[step]
            if self._display is not None and task is not None:
                self._display.remove_task(task)
                if all(other is None for other in self._running.values()):
                    self._display.stop()
                    self._display = None
            summary = f" ({step.summary})" if step.summary and mark == "ok" else ""
            self._print(mark, f"{step.title}{summary}, {format_seconds(self._clock() - step.started)}")


class SilentProgress(Progress):
    """Prints nothing."""

    def __init__(self) -> None:
        super().__init__(terminal=False)

    @contextlib.contextmanager
    def step(self, title: str, *, quiet: bool = False) -> Iterator[Step]:
        """See `Progress.step`."""
        yield Step(title, 0.0, lambda _: None)

    def say(self, text: str) -> None:
        """See `Progress.say`."""


def _shorten(line: str, width: int = 70) -> str:
    return line if len(line) <= width else line[: width - 1] + "…"
