"""Draws what a terminal shows while `.apply -- --wait` runs, as SVG, from the events of a real run.

    bazel run //svc:myns-deep.apply -- --wait --output=json > docs/pictures/wait.jsonl
    bazel run //docs:update

The lines and the tree are drawn by the code that draws them on a terminal.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from rules.k8s.tools.output.lines import line
from rules.k8s.tools.output.tree import layout, wrapped

RECORD = "docs/pictures/wait.jsonl"
PICTURE = "docs/pictures/wait.svg"
COMMAND = "bazel run //svc:myns-deep.apply -- --wait"

_WIDTH = 96
# Drawn by any monospace font that the reader has: a page must not load one from elsewhere.
_FORMAT = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" role="img">
<title>A stack on its way: the tree that a run with --wait draws</title>
<style>
.{unique_id}-matrix {{ font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: {char_height}px; line-height: {line_height}px; }}
.{unique_id}-title {{ font-size: 16px; font-family: sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal"><rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def events_of(record: str) -> list[dict[str, Any]]:
    """Returns the events of a record, one JSON object a line."""
    return [json.loads(text) for text in record.splitlines()]


def moment_of(events: Iterable[dict[str, Any]]) -> float:
    """Returns when a run shows most: the last moment at which something still waits for its own objects and pods.

    Args:
        events: the events of the run.

    Returns:
        Seconds since the run began.

    Raises:
        ValueError: nothing waited, so there is nothing to draw.
    """
    waits: list[tuple[float, int]] = [
        (event["seconds"], sum(len(waiting["pods"]) for waiting in event["waiting"])) for event in events if event["event"] == "state"
    ]
    most = max((pods for _, pods in waits), default=0)
    if not most:
        raise ValueError("in no event of the record does an object wait for pods; record a run on a cluster where the stack is not ready yet")
    return max(seconds for seconds, pods in waits if pods >= most // 2)


def draw(record: str) -> str:
    """Returns the picture.

    Args:
        record: the events of a run, as `--output=json` prints them.

    Returns:
        The SVG; the same for the same record.

    Raises:
        ValueError: the record has no moment worth a picture.
    """
    events = events_of(record)
    moment = moment_of(events)
    states: dict[str, dict[str, Any]] = {}
    console = Console(record=True, width=_WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor", highlight=False)
    console.print(f"$ {COMMAND}", style="bold", markup=False)
    for event in events:
        if event["seconds"] > moment:
            break
        if event["event"] == "state":
            states[event["target"]] = event
        elif (text := line(event)) is not None:
            console.print(text, markup=False)
    title = next(event["target"] for event in events if event["event"] == "ready")
    tree = wrapped(layout(title, list(states.values()), moment), _WIDTH)
    console.print(Text("\n", no_wrap=True, overflow="ellipsis").join(Text.assemble((before, "dim"), (text, style)) for before, text, style in tree))
    return console.export_svg(title="turnup", theme=MONOKAI, code_format=_FORMAT, unique_id="turnup")
