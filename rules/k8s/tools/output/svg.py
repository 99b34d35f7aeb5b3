"""SVG drawing of a closure: targets in layers, each above its dependencies.

A small layered layout: longest paths determine the layers, and medians of neighbors the
order within them. The libraries for this either call the programs of Graphviz or are
unmaintained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

# Sizes in pixels.
_LETTER, _LINE, _PAD = 7.2, 18, 12
_GAP_X, _GAP_Y, _MARGIN = 28, 56, 16
_HEIGHT = 2 * _LINE + _PAD
_ROUNDS = 8


@dataclass(frozen=True)
class Vertex:
    """A target of the closure.

    Attributes:
        title: its service's name, or its label.
        kinds: the kinds of its objects, such as `2 ConfigMap, Deployment`.
        dependencies: numbers of the vertices that it depends on.
    """

    title: str
    kinds: str
    dependencies: tuple[int, ...]


def layers_of(vertices: Sequence[Vertex]) -> list[list[int]]:
    """Returns the numbers of the vertices in layers, ordered so that few edges cross.

    Args:
        vertices: all vertices, dependencies before dependents.

    Returns:
        The layers; the first has the vertices that nothing depends on.
    """
    above: list[list[int]] = [[] for _ in vertices]
    for number, vertex in enumerate(vertices):
        for dep in vertex.dependencies:
            above[dep].append(number)
    depth = [0] * len(vertices)
    for number in reversed(range(len(vertices))):
        for dep in vertices[number].dependencies:
            depth[dep] = max(depth[dep], depth[number] + 1)
    layers: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for number in reversed(range(len(vertices))):
        layers[depth[number]].append(number)
    for turn in range(_ROUNDS):
        places = {number: (place + 0.5) / len(layer) for layer in layers for place, number in enumerate(layer)}
        neighbors = above if turn % 2 == 0 else [list(vertex.dependencies) for vertex in vertices]
        for layer in layers if turn % 2 == 0 else layers[::-1]:
            layer.sort(key=lambda number: _median([places[other] for other in neighbors[number]] or [places[number]]))
            places |= {number: (place + 0.5) / len(layer) for place, number in enumerate(layer)}
    return layers


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def svg(vertices: Sequence[Vertex]) -> str:
    """Returns a closure as SVG.

    Args:
        vertices: all vertices, dependencies before dependents.
    """
    layers = layers_of(vertices)
    widths = [max(len(vertex.title), len(vertex.kinds)) * _LETTER + 2 * _PAD for vertex in vertices]
    rows = [sum(widths[number] for number in layer) + _GAP_X * (len(layer) - 1) for layer in layers]
    width = max(rows, default=0) + 2 * _MARGIN
    height = len(layers) * (_HEIGHT + _GAP_Y) - (_GAP_Y if layers else 0) + 2 * _MARGIN
    place: dict[int, tuple[float, float]] = {}
    for depth, (layer, row) in enumerate(zip(layers, rows, strict=True)):
        left = (width - row) / 2
        for number in layer:
            place[number] = (left, _MARGIN + depth * (_HEIGHT + _GAP_Y))
            left += widths[number] + _GAP_X
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" font-family="monospace" font-size="12">',
        (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#666"/></marker></defs>'
        ),
    ]
    parts += [_edge(place[number], widths[number], place[dep], widths[dep]) for number, vertex in enumerate(vertices) for dep in vertex.dependencies]
    for number, vertex in enumerate(vertices):
        parts += _box(vertex, *place[number], widths[number])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _edge(start: tuple[float, float], start_width: float, end: tuple[float, float], end_width: float) -> str:
    x, y = start[0] + start_width / 2, start[1] + _HEIGHT
    to_x, to_y = end[0] + end_width / 2, end[1]
    middle = (y + to_y) / 2
    return f'<path d="M{x:.1f} {y:.1f}C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}" fill="none" stroke="#666" marker-end="url(#tip)"/>'


def _box(vertex: Vertex, x: float, y: float, width: float) -> list[str]:
    middle = x + width / 2
    return [
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT}" rx="6" fill="#eef3fb" stroke="#4a6fa5"/>',
        f'<text x="{middle:.1f}" y="{y + _LINE:.1f}" text-anchor="middle" font-weight="bold">{escape(vertex.title)}</text>',
        f'<text x="{middle:.1f}" y="{y + 2 * _LINE:.1f}" text-anchor="middle" fill="#555">{escape(vertex.kinds)}</text>',
    ]
