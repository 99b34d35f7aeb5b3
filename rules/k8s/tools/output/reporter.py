"""The one way out: everything that a verb says goes through a Reporter and shows one of three faces (faces.py).

Secrets are masked here, after everything else has been done to the text, so that no
caller can forget it. What the faces get is what events.py makes.
"""

from __future__ import annotations

import io
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Iterable, Iterator, Sequence, TextIO, cast

from rules.k8s.tools.masking.mask import Redactor
from rules.k8s.tools.objects.objects import Object
from rules.k8s.tools.output import events
from rules.k8s.tools.output.events import Event
from rules.k8s.tools.output.printers import JsonPrinter, PlainPrinter, Printer

if TYPE_CHECKING:
    from rules.k8s.tools.api.item import Result

# Fields that hold names: what people call things is no secret, and programs compare it. In a `manifest`
# any key may hold anything, so it has none.
_NAMES = frozenset({"event", "target", "object", "outcome", "service", "after", "pod", "container"})
_OWN_STRUCTURES = frozenset({"waiting", "pods"})


class Reporter:
    """Everything that a run says; its methods may be called from any thread.

    Args:
        face: how it looks.
        redact: knows the values of Secrets.

    Attributes:
        started: time.monotonic() at the run's beginning.
    """

    def __init__(self, face: Printer, redact: Redactor):
        self._face = face
        self._redact = redact
        self._lock = threading.Lock()
        self.started = time.monotonic()

    @property
    def stream(self) -> TextIO:
        """Where a step may draw a line that changes, when that is a terminal."""
        return self._face.stream

    def learn(self, objects: Iterable[Object]) -> None:
        """Takes note of the values of the Secrets among `objects`: they are masked from now on."""
        with self._lock:
            self._redact.learn(objects)

    def emit(self, event: Event) -> None:
        """Says one event."""
        with self._lock:
            self._face.show(self._finished(event))

    def note(self, text: str) -> None:
        """Says a step of the run, in words."""
        self.emit(events.note(text))

    def result(self, result: Result) -> None:
        """Says what became of one object."""
        self.emit(events.outcome(result))

    def error(self, message: str, exit_code: int) -> None:
        """Says why the run ends without success."""
        self.emit(events.error(message, exit_code))

    def progress(self, states: Iterable[Event]) -> None:
        """Says the present state of every target, dependencies first; between `waiting`'s begin and end."""
        with self._lock:
            self._face.progress([self._finished(state) for state in states])

    def status(self, title: str, states: Iterable[Event]) -> None:
        """Says the state of every target once, dependencies first."""
        with self._lock:
            self._face.status(title, [self._finished(state) for state in states])

    @contextmanager
    def waiting(self, title: str) -> Iterator[None]:
        """Shows progress while the block runs."""
        self._face.begin(title)
        try:
            yield
        finally:
            self._face.end()

    def end(self, exit_code: int) -> None:
        """Says that the run is over. Whoever read the output may have gone: that is no error."""
        try:
            self.emit(events.ended(exit_code))
        except (OSError, ValueError):
            return

    def _finished(self, event: Event) -> Event:
        seconds = round(time.monotonic() - self.started, 3)
        return {"event": event["event"], "seconds": seconds, **_masked_fields(event, self._redact)}


def _masked_fields(fields: dict[str, Any], redact: Redactor) -> dict[str, Any]:
    """Masks a structure of events.py: everything but its names."""
    masked = {}
    for key, value in fields.items():
        if key in _OWN_STRUCTURES:
            masked[key] = [_masked_fields(inner, redact) for inner in value]
        else:
            masked[key] = value if key in _NAMES else _masked(value, redact)
    return masked


def _masked(value: Any, redact: Redactor) -> Any:
    """Masks any JSON value, keys included."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(key): _masked(inner, redact) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(inner, redact) for inner in value]
    return value


def choose_printer(arguments: Sequence[str], stdout: TextIO, stderr: TextIO) -> Printer:
    """Returns the face that a command line asks for; it need not be valid otherwise.

    Args:
        arguments: what follows `--`.
        stdout, stderr: where the face writes.
    """
    wanted = "auto"
    for index, argument in enumerate(arguments):
        if argument.startswith("--output="):
            wanted = argument.partition("=")[2]
        elif argument == "--output" and index + 1 < len(arguments):
            wanted = arguments[index + 1]
    if wanted == "json":
        return JsonPrinter(stdout, stderr)
    if wanted == "auto" and stderr.isatty():
        from rules.k8s.tools.output.live_printer import LivePrinter

        return LivePrinter(stdout, stderr)
    return PlainPrinter(stdout, stderr)


class DurableStream(io.TextIOBase):
    """A stream that falls silent when it can take no more, for what goes on all the same.

    Args:
        stream: what is written to.

    Attributes:
        lost: why it fell silent, as when its disk is full; None when its reader has gone (head, less) or all was written.
    """

    def __init__(self, stream: TextIO):
        super().__init__()
        self._stream: TextIO | None = stream
        self.lost: OSError | None = None

    @classmethod
    def of(cls, stream: TextIO) -> TextIO:
        """Returns a stream that lasts; a terminal is what it is."""
        return stream if stream.isatty() else cast(TextIO, cls(stream))

    def write(self, text: str) -> int:
        """Writes text, if there is still anybody to take it."""
        self._do(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Hands on what was written."""
        self._do(lambda stream: stream.flush())

    def _do(self, work: Callable[[TextIO], object]) -> None:
        try:
            if self._stream:
                work(self._stream)
        except OSError as error:
            self._stream = None
            self.lost = None if isinstance(error, BrokenPipeError) else error
