"""How events look. Each face takes the events of one run, with secrets masked already.

    live    a terminal: lines, and a tree that is drawn anew while the run waits (tree.py)
    plain   a pipe: lines, data on stdout and progress on stderr
    json    --output=json: one event a line on stdout, errors as sentences on stderr too
"""

from __future__ import annotations

import io
import json
import time
from typing import Any, Protocol, Sequence, TextIO

from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.output.events import Event
from rules.k8s.tools.output.lines import blockers, forward_line, line, log_line, safe, title_of

# Between two lines that say what a piped run still waits for.
_PLAIN_EVERY = 10.0


class Printer(Protocol):
    """How events look."""

    stream: TextIO
    """Where a step may draw a line that changes, when that is a terminal."""

    def show(self, event: Event) -> None:
        """Shows one event."""

    def status(self, title: str, states: Sequence[Event]) -> None:
        """Shows the state of every target once, dependencies first."""

    def begin(self, title: str) -> None:
        """Gets ready to show progress until `end`."""

    def progress(self, states: Sequence[Event]) -> None:
        """Shows the present state of every target, dependencies first."""

    def end(self) -> None:
        """Ends what `begin` began."""


class PlainPrinter:
    """Lines of text: data on stdout, progress on stderr.

    Args:
        stdout, stderr: where they go.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO):
        self.stdout = stdout
        self.stream = stderr
        self._texts = 0
        self._begun = self._last = 0.0
        self._ready: set[str] = set()

    def show(self, event: Event) -> None:
        """Writes an event's line, where it has one."""
        text = line(event)
        if text is not None:
            print(safe(text) if self.stream.isatty() else text, file=self.stream, flush=True)
        data = self._data(event)
        if data is not None:
            self.stdout.write(safe(data) if self.stdout.isatty() else data)
            self.stdout.flush()

    def status(self, title: str, states: Sequence[Event]) -> None:
        """Writes the tree."""
        from rules.k8s.tools.output.tree import layout, lines

        self.stdout.write("".join(f"{before}{text}\n" for before, text, _ in lines(layout(title, states))))
        self.stdout.flush()

    def begin(self, title: str) -> None:
        """Starts the clock."""
        self._begun = self._last = time.monotonic()

    def progress(self, states: Sequence[Event]) -> None:
        """Writes a line when a target becomes ready, and now and then what is waited for."""
        now = time.monotonic()
        for state in states:
            if state["ready"] and state["target"] not in self._ready:
                self._ready.add(state["target"])
                if now - self._begun > 1.0:
                    print(f"  ready       {title_of(state)} ({format_duration(now - self._begun)})", file=self.stream, flush=True)
        if now - self._last > _PLAIN_EVERY:
            self._last = now
            for text in blockers(states):
                print(f"  waiting     {text}", file=self.stream, flush=True)

    def end(self) -> None:
        """Nothing is left on the screen that would have to go."""

    def _data(self, event: Event) -> str | None:
        """Returns what an event adds to stdout."""
        kind = event["event"]
        if kind == "diff":
            return event["diff"]
        if kind == "log":
            return log_line(event, self.stdout.isatty())
        if kind in ("graph", "forward"):
            return event["text"] if kind == "graph" else forward_line(event)
        if kind not in ("manifest", "description", "revision"):
            return None
        self._texts += 1
        if kind == "revision":
            head = "REVISION  APPLIED               OBJECTS  NOTE\n" if self._texts == 1 else ""
            remark = ", ".join(words for words in ("in use" if event["in_use"] else "", event["note"], event["commit"]) if words)
            return head + f"{event['revision']:<8}  {event['created']:<20}  {event['objects']:<7}  {remark}".rstrip() + "\n"
        if kind == "description":
            return ("\n" if self._texts > 1 else "") + event["text"]
        from rules.k8s.tools.objects.yaml_documents import to_yaml

        return ("---\n" if self._texts > 1 else "") + to_yaml(event["manifest"])


class JsonPrinter:
    """One JSON object a line on stdout; the sentence of an error on stderr, too.

    Args:
        stdout, stderr: where they go.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO):
        self._stdout = stdout
        self._stderr = stderr
        # Nothing is drawn: what counts bytes on a terminal finds none here.
        self.stream: TextIO = io.StringIO()
        self._states: dict[str, Any] = {}

    def show(self, event: Event) -> None:
        """Writes an event."""
        self._stdout.write(json.dumps(event, ensure_ascii=False, separators=(",", ":")) + "\n")
        self._stdout.flush()
        if event["event"] == "error":
            print(line(event), file=self._stderr, flush=True)

    def status(self, title: str, states: Sequence[Event]) -> None:
        """Writes the state of each target."""
        for state in states:
            self.show(state)

    def begin(self, title: str) -> None:
        """Starts from an unknown state."""
        self._states = {}

    def progress(self, states: Sequence[Event]) -> None:
        """Writes the state of each target that is not what it was."""
        for state in states:
            seen = {key: value for key, value in state.items() if key != "seconds"}
            if self._states.get(state["target"]) != seen:
                self._states[state["target"]] = seen
                self.show(state)

    def end(self) -> None:
        """Nothing is left to close."""
















