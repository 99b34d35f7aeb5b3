"""`.graph`: draws which target of a closure depends on which. Needs no cluster.

GitHub and GitLab draw Mermaid in Markdown, Graphviz draws DOT, and every browser shows SVG (see svg.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from rules.k8s.tools.objects.plan import Plan
from rules.k8s.tools.output.svg import Vertex

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


def execute(run: Run) -> int:
    """Prints the closure in the requested format; returns the exit code."""
    draw = FORMATS[run.options.format]
    run.report.emit({"event": "graph", "target": run.plan.label, "format": run.options.format, "text": draw(vertices_of(run.plan))})
    return 0


def vertices_of(plan: Plan) -> list[Vertex]:
    """Returns the targets of a closure, dependencies first."""
    numbers = {entry.label: number for number, entry in enumerate(plan.entries)}
    vertices = []
    for entry in plan.entries:
        counts: dict[str, int] = {}
        for obj in entry.objects:
            counts[obj["kind"]] = counts.get(obj["kind"], 0) + 1
        kinds = ", ".join(f"{count} {kind}" if count > 1 else kind for kind, count in sorted(counts.items()))
        vertices.append(Vertex(entry.service or entry.label, kinds, tuple(numbers[dep] for dep in entry.deps if dep in numbers)))
    return vertices


def mermaid(vertices: Iterable[Vertex]) -> str:
    """Returns a Mermaid flowchart."""
    lines = ["flowchart TD"]
    edges = []
    for number, vertex in enumerate(vertices):
        words = "<br/>".join(_entities(text) for text in (vertex.title, vertex.kinds) if text)
        lines.append(f'  n{number}["{words}"]')
        edges += [f"  n{number} --> n{dep}" for dep in vertex.dependencies]
    return "\n".join(lines + edges) + "\n"


def dot(vertices: Iterable[Vertex]) -> str:
    """Returns a Graphviz digraph."""
    lines = ["digraph closure {", "  node [shape=box, fontname=sans];"]
    for number, vertex in enumerate(vertices):
        # DOT escapes quotes, backslashes and line ends as JSON does.
        words = json.dumps("\n".join(text for text in (vertex.title, vertex.kinds) if text), ensure_ascii=False)
        lines.append(f"  n{number} [label={words}];")
        lines += [f"  n{number} -> n{dep};" for dep in vertex.dependencies]
    return "\n".join([*lines, "}"]) + "\n"


def _svg(vertices: list[Vertex]) -> str:
    from rules.k8s.tools.output.svg import svg

    return svg(vertices)


def _entities(text: str) -> str:
    """Returns text in which Mermaid finds no markup."""
    return "".join(f"#{ord(letter)};" if letter in '"#<>&;`' else letter for letter in text)


FORMATS: dict[str, Callable[[list[Vertex]], str]] = {"mermaid": mermaid, "dot": dot, "svg": _svg}
