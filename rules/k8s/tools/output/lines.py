"""Events as lines of text."""

from __future__ import annotations

import re
from typing import Sequence

from rules.k8s.tools.durations import format_duration
from rules.k8s.tools.output.events import Event

# The colours of pods: red is left to errors.
_COLOURS = (32, 33, 34, 35, 36, 92, 93, 94, 95, 96)


# What others' text (logs, events, messages) may not do to a terminal: everything but lines, tabs and colours.
_CONTROL = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


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
