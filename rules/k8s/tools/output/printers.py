"""Printers: each shows the events of one run, in which secrets are already masked.

- LivePrinter (live_printer.py), for terminals: lines, and a tree that is redrawn while the run waits.
- PlainPrinter, for pipes: lines, with data on stdout and progress on stderr.
- JsonPrinter, for --output=json: one event per line on stdout, and error messages on stderr as well.
"""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Sequence
from typing import Any, Protocol, TextIO

from rules.common.control_characters import escape_control_characters, strip_control_characters
from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.output.events import Event
from rules.k8s.tools.output.lines import blocking_lines, display_name, forward_line, line, log_line, shorten

# Seconds between two reports of what a run without a terminal waits for, and the most characters of a line of them.
_PLAIN_EVERY = 10.0
_PLAIN_LENGTH = 200


class Printer(Protocol):
    """Shows the events of a run."""

    stream: TextIO
    """The stream for progress bars; they are drawn only if it is a terminal."""

    def show(self, event: Event) -> None:
        """Shows one event."""

    def status(self, title: str, states: Sequence[Event]) -> None:
        """Shows the state of every target once, dependencies first."""

    def begin(self, title: str) -> None:
        """Starts to show progress, until `end`."""

    def progress(self, states: Sequence[Event]) -> None:
        """Shows the present state of every target, dependencies first."""

    def end(self) -> None:
        """Stops showing progress."""


class PlainPrinter:
    """Prints lines of text: data on stdout, progress on stderr.

    Args:
        stdout: receives data.
        stderr: receives progress.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self.stdout = stdout
        self.stream = stderr
        self._texts = 0
        self._begun = self._last = 0.0
        self._ready: set[str] = set()
        self._waiting: list[str] = []

    def show(self, event: Event) -> None:
        """Prints an event's line and data, if it has any."""
        text = line(event)
        if text is not None:
            print(strip_control_characters(text, colors=True), file=self.stream, flush=True)
        data = self._data(event)
        if data is not None:
            # Also for a pipe, because its reader may print it. A manifest must not change, and YAML escapes what it has of them.
            self.stdout.write(data if event["event"] == "manifest" else strip_control_characters(data, colors=True))
            self.stdout.flush()

    def status(self, title: str, states: Sequence[Event]) -> None:
        """Prints the tree."""
        from rules.k8s.tools.output.tree import layout, lines

        self.stdout.write(strip_control_characters("".join(f"{before}{text}\n" for before, text, _ in lines(layout(title, states)))))
        self.stdout.flush()

    def begin(self, title: str) -> None:
        """Starts the clock."""
        self._begun = self._last = time.monotonic()
        self._waiting = []

    def progress(self, states: Sequence[Event]) -> None:
        """Prints a line when a target becomes ready, and what the run waits for if that has changed since some seconds."""
        now = time.monotonic()
        for state in states:
            if state["ready"] and state["target"] not in self._ready:
                self._ready.add(state["target"])
                if now - self._begun > 1.0:
                    print(f"  ready       {strip_control_characters(display_name(state))} ({format_duration(now - self._begun)})", file=self.stream, flush=True)
        if now - self._last > _PLAIN_EVERY:
            self._last = now
            told, self._waiting = self._waiting, [shorten(" ".join(strip_control_characters(text).split()), _PLAIN_LENGTH) for text in blocking_lines(states)]
            for text in self._waiting:
                if text not in told:
                    print(f"  waiting     {text}", file=self.stream, flush=True)

    def end(self) -> None:
        """Does nothing: plain lines stay."""

    def _data(self, event: Event) -> str | None:
        """Returns what an event adds to stdout; None for nothing."""
        kind = event["event"]
        if kind == "diff":
            return str(event["diff"])
        if kind == "log":
            return log_line(event, self.stdout.isatty() and not os.environ.get("NO_COLOR"))
        if kind in ("graph", "forward"):
            return str(event["text"]) if kind == "graph" else forward_line(event)
        if kind not in ("manifest", "description", "revision"):
            return None
        self._texts += 1
        if kind == "revision":
            header = "REVISION  APPLIED               OBJECTS  OUTCOME         NOTE\n" if self._texts == 1 else ""
            remark = ", ".join(words for words in ("in use" if event["in_use"] else "", event["note"], event["commit"]) if words)
            return header + f"{event['revision']:<8}  {event['created']:<20}  {event['objects']:<7}  {event['outcome']:<14}  {remark}".rstrip() + "\n"
        if kind == "description":
            return ("\n" if self._texts > 1 else "") + str(event["text"])
        from rules.k8s.tools.objects.yaml_documents import to_yaml

        return ("---\n" if self._texts > 1 else "") + to_yaml(event["manifest"])


class JsonPrinter:
    """Prints one JSON object per line on stdout, and error messages on stderr as well.

    Args:
        stdout: receives events.
        stderr: receives error messages.
    """

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        self._stdout = stdout
        self._stderr = stderr
        # This stream is not a terminal, so nobody draws a progress bar on it.
        self.stream: TextIO = io.StringIO()
        self._states: dict[str, Any] = {}

    def show(self, event: Event) -> None:
        """Prints an event."""
        self._stdout.write(escape_control_characters(json.dumps(event, ensure_ascii=False, separators=(",", ":"))) + "\n")
        self._stdout.flush()
        if event["event"] == "error":
            print(strip_control_characters(line(event) or ""), file=self._stderr, flush=True)

    def status(self, title: str, states: Sequence[Event]) -> None:
        """Prints the state of each target."""
        for state in states:
            self.show(state)

    def begin(self, title: str) -> None:
        """Forgets the states that were printed before."""
        self._states = {}

    def progress(self, states: Sequence[Event]) -> None:
        """Prints the state of each target that has changed."""
        for state in states:
            seen = {key: value for key, value in state.items() if key != "seconds"}
            if self._states.get(state["target"]) != seen:
                self._states[state["target"]] = seen
                self.show(state)

    def end(self) -> None:
        """Does nothing: events stay."""
