"""Reporter: takes everything that a verb prints, masks secrets, and passes it to a printer.

Masking is the last step before the printer, so no caller can forget it. Printers get the
events of events.py.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TextIO, cast

from rules.common.control_characters import strip_control_characters
from rules.k8s.tools.masking.mask import Redactor
from rules.k8s.tools.objects.objects import Identity, Object
from rules.k8s.tools.output import events
from rules.k8s.tools.output.events import Event
from rules.k8s.tools.output.printers import JsonPrinter, PlainPrinter, Printer

if TYPE_CHECKING:
    from rules.k8s.tools.api.item import Result

# Fields with names. Names are not secret, and programs compare them. In a `manifest`, any key may have any
# content, so everything in it is masked.
_NAMES = frozenset({"event", "target", "object", "outcome", "service", "after", "pod", "container"})
# How notes begin that say something about an object or the account, and not what the run does.
_REMARK = "note: "
# Fields with lists of objects that have such fields themselves.
_NESTED = frozenset({"waiting", "pods"})


class Reporter:
    """Reports the events of a run; its methods may be called from any thread.

    Args:
        printer: shows the events.
        redact: masks the values of Secrets.

    Attributes:
        started: time.monotonic() at the start of the run.
    """

    def __init__(self, printer: Printer, redact: Redactor) -> None:
        self._printer = printer
        self._redact = redact
        self._lock = threading.Lock()
        self._remarks: set[str] = set()
        self.started = time.monotonic()

    @property
    def stream(self) -> TextIO:
        """The stream for progress bars; they are drawn only if it is a terminal."""
        return self._printer.stream

    def learn(self, objects: Iterable[Object]) -> None:
        """Learns the values of the Secrets among `objects`, which are masked from now on."""
        with self._lock:
            self._redact.learn(objects)

    def emit(self, event: Event) -> None:
        """Reports an event. A remark is reported once, however many checks of a run come to it."""
        with self._lock:
            text = str(event.get("text")) if event["event"] == "note" else ""
            if text.startswith(_REMARK) and text in self._remarks:
                return
            self._remarks.add(text)
            self._printer.show(self._finished(event))

    def note(self, text: str) -> None:
        """Reports a step of the run, in words."""
        self.emit(events.note(text))

    def warning(self, target: str, identity: Identity, text: str) -> None:
        """Reports a warning that the API server sent about an object."""
        self.emit(events.warning(target, identity, text))

    def result(self, result: Result) -> None:
        """Reports the result of writing or deleting an object."""
        self.emit(events.outcome(result))

    def error(self, message: str, exit_code: int) -> None:
        """Reports an error."""
        self.emit(events.error(message, exit_code))

    def progress(self, states: Iterable[Event]) -> None:
        """Reports the present state of every target, dependencies first, inside a `waiting` block."""
        with self._lock:
            self._printer.progress([self._finished(state) for state in states])

    def status(self, title: str, states: Iterable[Event]) -> None:
        """Reports the state of every target once, dependencies first."""
        with self._lock:
            self._printer.status(title, [self._finished(state) for state in states])

    @contextmanager
    def waiting(self, title: str) -> Iterator[None]:
        """Shows progress while the block runs."""
        self._printer.begin(title)
        try:
            yield
        finally:
            self._printer.end()

    def end(self, exit_code: int) -> None:
        """Reports the end of the run. A closed output is not an error."""
        try:
            self.emit(events.ended(exit_code))
        except (OSError, ValueError):
            return

    def _finished(self, event: Event) -> Event:
        """Returns an event with its time, and with secrets masked."""
        seconds = round(time.monotonic() - self.started, 3)
        return {"event": event["event"], "seconds": seconds, **_masked_fields(event, self._redact)}


def _masked_fields(fields: dict[str, Any], redact: Redactor) -> dict[str, Any]:
    """Returns the fields of an event with everything masked but names, and without control characters."""
    masked = {}
    for key, value in fields.items():
        if key in _NESTED:
            masked[key] = [_masked_fields(inner, redact) for inner in value]
        else:
            # A manifest is printed as it is: its formats, YAML and JSON, escape control characters.
            clean = redact if key == "manifest" else partial(clean_text, redact=redact)
            masked[key] = value if key in _NAMES else _masked(value, clean)
    return masked


def _masked(value: Any, clean: Callable[[str], str]) -> Any:
    """Returns a JSON value with all strings cleaned, including keys."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _masked(inner, clean) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_masked(inner, clean) for inner in value]
    return value


def clean_text(text: str, redact: Callable[[str], str]) -> str:
    """Returns a text from elsewhere without values of Secrets and without control characters but line breaks, tabs and colors.

    A value with control characters or colors inside would be whole again on a screen, so it is masked before they are removed and
    after.

    Args:
        text: the text.
        redact: masks the values of Secrets.
    """
    masked = redact(text)
    if masked.isprintable():
        return masked
    kept = strip_control_characters(masked, colors=True)
    plain = strip_control_characters(kept)
    hidden = redact(plain)
    return hidden if hidden != plain else redact(kept)


def choose_printer(arguments: Sequence[str], stdout: TextIO, stderr: TextIO, *, stdout_taken: bool = False) -> Printer:
    """Returns the printer that a command line asks for. The command line may be invalid otherwise.

    Args:
        arguments: the arguments after `--`.
        stdout: receives data.
        stderr: receives progress.
        stdout_taken: stdout belongs to another program, so that JSON goes to stderr.
    """
    wanted = "auto"
    for index, argument in enumerate(arguments):
        if argument.startswith("--output="):
            wanted = argument.partition("=")[2]
        elif argument == "--output" and index + 1 < len(arguments):
            wanted = arguments[index + 1]
    if wanted == "json":
        # An error is an event on stderr then, and needs no second line there.
        return JsonPrinter(stderr, io.StringIO()) if stdout_taken else JsonPrinter(stdout, stderr)
    if wanted == "auto" and stderr.isatty():
        from rules.k8s.tools.output.live_printer import LivePrinter

        return LivePrinter(stdout, stderr)
    return PlainPrinter(stdout, stderr)


class DurableStream(io.TextIOBase):
    """A stream that drops all output after an error, so that the run continues.

    Args:
        stream: the underlying stream.

    Attributes:
        lost: the error that stopped the output, such as a full disk; None if there was none, or if just the reader exited (head, less).
    """

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream: TextIO | None = stream
        self.lost: OSError | None = None

    @classmethod
    def of(cls, stream: TextIO) -> TextIO:
        """Returns a durable stream; a terminal is returned as it is."""
        return stream if stream.isatty() else cast("TextIO", cls(stream))

    def write(self, text: str) -> int:
        """Writes text unless an earlier write has failed."""
        self._do(lambda stream: stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flushes the underlying stream unless an earlier write has failed."""
        self._do(lambda stream: stream.flush())

    def _do(self, work: Callable[[TextIO], object]) -> None:
        try:
            if self._stream:
                work(self._stream)
        except OSError as error:
            self._stream = None
            self.lost = None if isinstance(error, BrokenPipeError) else error
