"""SVG drawing of a closure: targets in layers, each above its dependencies.

A small layered layout: longest paths determine the layers, and medians of neighbors the
order within them. An edge over several layers has a place of its own in each, so that it
passes between boxes. The libraries for this either call the programs of Graphviz or are
unmaintained.
"""

from __future__ import annotations

import itertools
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


@dataclass(frozen=True)
class _Drawing:
    """Where everything stands in layers, the first on top.

    Attributes:
        layers: numbers of the places of each layer, from left to right. The first places are the vertices; each other place is
            free room between boxes, through which an edge passes a layer.
        edges: the places of each edge, from dependent to dependency.
    """

    layers: list[list[int]]
    edges: list[list[int]]


def layers_of(vertices: Sequence[Vertex]) -> list[list[int]]:
    """Returns the numbers of the vertices in layers, ordered so that few edges cross.

    Args:
        vertices: all vertices, dependencies before dependents.

    Returns:
        The layers; the first has the vertices that nothing depends on.
    """
    return [[number for number in layer if number < len(vertices)] for layer in _draw(vertices).layers]


def _draw(vertices: Sequence[Vertex]) -> _Drawing:
    depth = [0] * len(vertices)
    for number in reversed(range(len(vertices))):
        for dep in vertices[number].dependencies:
            depth[dep] = max(depth[dep], depth[number] + 1)
    layers: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for number in reversed(range(len(vertices))):
        layers[depth[number]].append(number)
    edges, count = [], len(vertices)
    for number, vertex in enumerate(vertices):
        for dep in vertex.dependencies:
            passed = list(range(count, count + depth[dep] - depth[number] - 1))
            count += len(passed)
            for place, layer in zip(passed, layers[depth[number] + 1 :], strict=False):
                layer.append(place)
            edges.append([number, *passed, dep])
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for upper, lower in ((upper, lower) for edge in edges for upper, lower in itertools.pairwise(edge)):
        above[lower].append(upper)
        below[upper].append(lower)
    for turn in range(_ROUNDS):
        places = {number: (place + 0.5) / len(layer) for layer in layers for place, number in enumerate(layer)}
        neighbors = above if turn % 2 == 0 else below
        for layer in layers if turn % 2 == 0 else layers[::-1]:
            layer.sort(key=lambda number: _median([places[other] for other in neighbors[number]] or [places[number]]))
            places |= {number: (place + 0.5) / len(layer) for place, number in enumerate(layer)}
    return _Drawing(layers, edges)


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def svg(vertices: Sequence[Vertex]) -> str:
    """Returns a closure as SVG.

    Args:
        vertices: all vertices, dependencies before dependents.
    """
    drawing = _draw(vertices)
    widths = [max(len(vertex.title), len(vertex.kinds)) * _LETTER + 2 * _PAD for vertex in vertices]
    rows = [[widths[number] if number < len(vertices) else 0.0 for number in layer] for layer in drawing.layers]
    lengths = [sum(row) + _GAP_X * (len(row) - 1) for row in rows]
    width = max(lengths, default=0) + 2 * _MARGIN
    height = len(rows) * (_HEIGHT + _GAP_Y) - (_GAP_Y if rows else 0) + 2 * _MARGIN
    middle: dict[int, tuple[float, float]] = {}  # of the upper edge of each place
    for depth, (layer, row, length) in enumerate(zip(drawing.layers, rows, lengths, strict=True)):
        left = (width - length) / 2
        for number, room in zip(layer, row, strict=True):
            middle[number] = (left + room / 2, _MARGIN + depth * (_HEIGHT + _GAP_Y))
            left += room + _GAP_X
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" font-family="monospace" font-size="12">',
        (
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
            '<path d="M0 0L8 4L0 8z" fill="#666"/></marker></defs>'
        ),
    ]
    parts += [_edge([middle[place] for place in edge]) for edge in drawing.edges]
    for number, vertex in enumerate(vertices):
        parts += _box(vertex, *middle[number], widths[number])
    return "\n".join([*parts, "</svg>"]) + "\n"


def _edge(tops: Sequence[tuple[float, float]]) -> str:
    """Draws an edge: curves between layers, and a straight line down through each layer that it passes."""
    x, y = tops[0][0], tops[0][1] + _HEIGHT
    path = f"M{x:.1f} {y:.1f}"
    for number, (to_x, to_y) in enumerate(tops[1:], 2):
        half = (y + to_y) / 2
        path += f"C{x:.1f} {half:.1f} {to_x:.1f} {half:.1f} {to_x:.1f} {to_y:.1f}"
        x, y = to_x, to_y + _HEIGHT
        path += f"V{y:.1f}" if number < len(tops) else ""
    return f'<path d="{path}" fill="none" stroke="#666" marker-end="url(#tip)"/>'


def _box(vertex: Vertex, middle: float, y: float, width: float) -> list[str]:
    return [
        f'<rect x="{middle - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" height="{_HEIGHT}" rx="6" fill="#eef3fb" stroke="#4a6fa5"/>',
        f'<text x="{middle:.1f}" y="{y + _LINE:.1f}" text-anchor="middle" font-weight="bold">{escape(vertex.title)}</text>',
        f'<text x="{middle:.1f}" y="{y + 2 * _LINE:.1f}" text-anchor="middle" fill="#555">{escape(vertex.kinds)}</text>',
    ]
