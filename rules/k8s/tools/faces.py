"""How events look. Each face takes the events of one run, with secrets masked already.

    live    a terminal: lines, and a tree that is drawn anew while the run waits (tree.py)
    plain   a pipe: lines, data on stdout and progress on stderr
    json    --output=json: one event a line on stdout, errors as sentences on stderr too
"""

from __future__ import annotations

import io
import json
import re
import time
from typing import Any, Protocol, Sequence, TextIO

from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.events import Event

# Between two lines that say what a piped run still waits for.
_PLAIN_EVERY = 10.0
# The colours of pods: red is left to errors.
_COLOURS = (32, 33, 34, 35, 36, 92, 93, 94, 95, 96)
# What others' text (logs, events, messages) may not do to a terminal: everything but lines, tabs and colours.
_CONTROL = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


class Face(Protocol):
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


class PlainFace:
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
        from rules.k8s.tools.tree import layout, lines

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
        from rules.k8s.tools.render import to_yaml

        return ("---\n" if self._texts > 1 else "") + to_yaml(event["manifest"])


class JsonFace:
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


def line(event: Event) -> str | None:
    """Returns the line of progress that an event is in plain text, None for an event without one."""
    kind = event["event"]
    if kind == "note":
        return event["text"]
    if kind == "object":
        if event["outcome"] in ("unchanged", "failed"):
            return None  # Counted in the summary; failures are errors of their own.
        return f"  {event['outcome']:<11} {object_name(event['object'])}" + (f": {event['message']}" if event["message"] else "")
    if kind == "summary":
        words = ", ".join(f"{count} {word}" for word, count in event["counts"].items()) or "nothing to do"
        return f"{event['target']}: {words} in {format_duration(event['seconds'])}"
    if kind == "ready":
        return f"{event['target']}: ready after {format_duration(event['seconds'])}"
    if kind == "stuck":
        return stuck_text(event)
    if kind == "error":
        return "ERROR: " + " ".join(event["message"].split())
    return None


def safe(text: str) -> str:
    """Returns text without what could drive a terminal: only lines, tabs and colours are left."""
    return _CONTROL.sub("", text)


def log_line(event: Event, terminal: bool) -> str:
    """Returns a line of a log with its pod in front, on a terminal in the pod's colour."""
    before = f"{event['pod']} {event['container']} | "
    if not terminal:
        return f"{before}{event['line']}\n"
    colour = _COLOURS[sum(event["pod"].encode()) % len(_COLOURS)]
    return f"\x1b[{colour}m{before}\x1b[0m{event['line']}\x1b[0m\n"


def forward_line(event: Event) -> str:
    """Returns a forwarded port as a line: where to connect, and what answers there."""
    return f"{event['address']}  {object_name(event['object'])} port {event['port']}\n"


def object_name(fields: dict[str, str]) -> str:
    """Returns an object's identity as people read it: `Deployment dev/web`."""
    place = f"{fields['namespace']}/" if fields["namespace"] else ""
    return f"{fields['kind']} {place}{fields['name']}"


def title_of(state: Event) -> str:
    """Returns what to call a target: its service's name, or its label."""
    return state["service"] or state["target"]


def blockers(states: Sequence[Event]) -> list[str]:
    """Returns a line for each target that waits for no other one: what everything else waits for."""
    waiting = {state["target"] for state in states if not state["ready"]}
    lines = []
    for state in states:
        if not state["ready"] and not any(label in waiting for label in state["after"]):
            first = state["waiting"][0]
            pods = first["pods"]
            pod = f", pod {pods[0]['pod']}: {pods[0]['reason']}" if pods else ""
            lines.append(f"{title_of(state)}: {object_name(first['object'])} {first['reason']}{pod}")
    return lines


def stuck_text(event: Event) -> str:
    """Returns the explanation of a stuck object: its reason, its last event, the last lines of its log."""
    where = f"pod {event['pod']}" if event["pod"] else object_name(event["object"])
    lines = [f"  stuck       {title_of(event)}: {where}: {event['reason']}"]
    if event["last_event"]:
        lines.append(f"              last event: {event['last_event']}")
    if event["log"]:
        lines += [f"              last lines of container {event['container']}:"] + [f"                {text}" for text in event["log"]]
    return "\n".join(lines)
