"""Text of events: one or more lines per event."""

from __future__ import annotations

from collections.abc import Sequence

from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.output.events import Event

# The ANSI colors for pods. Red is reserved for errors.
_COLORS = (32, 33, 34, 35, 36, 92, 93, 94, 95, 96)


def line(event: Event) -> str | None:
    """Returns an event's line of progress in plain text; None if it has none."""
    kind = event["event"]
    if kind == "note":
        return str(event["text"])
    if kind == "warning":
        return f"warning: {event['target']}: {object_name(event['object'])}: {' '.join(event['text'].split())}"
    if kind == "object":
        if event["outcome"] in ("unchanged", "failed"):
            return None  # The summary counts these, and each failure is an error event, too.
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


def shorten(text: str, length: int) -> str:
    """Returns the first characters of a text, with an ellipsis if it has more than `length`."""
    return text if len(text) <= length else text[: length - 1] + "…"


def log_line(event: Event, terminal: bool) -> str:
    """Returns a log line with its pod as a prefix, which has the pod's color on a terminal."""
    prefix = f"{event['pod']} {event['container']} | "
    if not terminal:
        return f"{prefix}{event['line']}\n"
    color = _COLORS[sum(event["pod"].encode()) % len(_COLORS)]
    return f"\x1b[{color}m{prefix}\x1b[0m{event['line']}\x1b[0m\n"


def forward_line(event: Event) -> str:
    """Returns a forwarded port as a line: the local address, and the Service and port behind it."""
    return f"{event['address']}  {object_name(event['object'])} port {event['port']}\n"


def object_name(fields: dict[str, str]) -> str:
    """Returns an object's identity for display, such as `Deployment dev/web`."""
    place = f"{fields['namespace']}/" if fields["namespace"] else ""
    return f"{fields['kind']} {place}{fields['name']}"


def display_name(state: Event) -> str:
    """Returns a target's display name: its service's name, or its label."""
    return str(state["service"] or state["target"])


def blocking_lines(states: Sequence[Event]) -> list[str]:
    """Returns a line for each target that is not ready although its dependencies are: everything else waits for these."""
    waiting = {state["target"] for state in states if not state["ready"]}
    lines = []
    for state in states:
        if not state["ready"] and not any(label in waiting for label in state["after"]):
            first = state["waiting"][0]
            pods = first["pods"]
            pod = f", pod {pods[0]['pod']}: {pods[0]['reason']}" if pods else ""
            lines.append(f"{display_name(state)}: {object_name(first['object'])} {first['reason']}{pod}")
    return lines


def stuck_text(event: Event) -> str:
    """Returns the explanation of a stuck object as lines: its reason, its last event, the last lines of its log."""
    where = f"pod {event['pod']}" if event["pod"] else object_name(event["object"])
    lines = [f"  stuck       {display_name(event)}: {where}: {event['reason']}"]
    if event["last_event"]:
        lines.append(f"              last event: {event['last_event']}")
    if event["log"]:
        lines += [f"              last lines of container {event['container']}:"] + [f"                {text}" for text in event["log"]]
    return "\n".join(lines)
