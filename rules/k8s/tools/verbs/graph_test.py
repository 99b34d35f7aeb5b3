"""Tests of .graph: three formats of one closure."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest

from rules.k8s.testing.fixtures import fixture_server, fixture_shell  # noqa: F401 (pytest finds them by name)
from rules.k8s.testing.plans import config_map, deployment, document
from rules.k8s.tools.output.svg import Vertex, layers_of, svg
from rules.k8s.tools.verbs.graph import dot, mermaid


@pytest.fixture(name="stack")
def fixture_stack(shell):
    """A diamond: client depends on server and cache, and both depend on redis."""
    deps = {"//server:dev": ["//redis:dev"], "//cache:dev": ["//redis:dev"], "//client:dev": ["//server:dev", "//cache:dev", "//elsewhere:dev"]}
    shell.make_targets(
        document("//redis:dev", [deployment("redis"), config_map("a"), config_map("b")]),
        document("//server:dev", [deployment("server")]),
        document("//cache:dev", [deployment("cache")]),
        document("//client:dev", [deployment("client")]),
        services={label: label[2:-4] for label in (*deps, "//redis:dev")},
        deps=deps,
    )
    return shell


def test_mermaid_is_the_default(stack, server):
    """The closure is drawn from its plan, without a request."""
    assert stack.run("graph") == 0, stack.err
    assert stack.out.splitlines() == [
        "flowchart TD",
        '  n0["redis<br/>2 ConfigMap, Deployment"]',
        '  n1["server<br/>Deployment"]',
        '  n2["cache<br/>Deployment"]',
        '  n3["client<br/>Deployment"]',
        "  n1 --> n0",
        "  n2 --> n0",
        "  n3 --> n1",
        "  n3 --> n2",
    ]
    assert server.requests == []


def test_dot(stack):
    """DOT has a node per target and an edge per dependency."""
    assert stack.run("graph", "--format=dot") == 0
    assert stack.out.startswith("digraph closure {") and stack.out.endswith("}\n")
    assert '  n0 [label="redis\\n2 ConfigMap, Deployment"];' in stack.out and "  n3 -> n2;" in stack.out


def test_svg(stack):
    """SVG is well-formed, has a box per target and a curve per dependency, and dependencies are below dependents."""
    told = stack.events("graph", "--format=svg")
    assert (told[0]["format"], told[0]["target"]) == ("svg", "//svc:dev-deep")
    root = ElementTree.fromstring(told[0]["text"])
    space = "{http://www.w3.org/2000/svg}"
    boxes = root.findall(f"{space}rect")
    assert len(boxes) == 4 and len(root.findall(f"{space}path")) == 4
    heights = [float(box.get("y")) for box in boxes]
    assert heights[3] < heights[1] == heights[2] < heights[0]
    assert all(float(box.get("x")) >= 0 and float(box.get("x")) + float(box.get("width")) <= float(root.get("width")) for box in boxes)


def test_layers_avoid_crossings():
    """Neighbors are above one another: two chains side by side do not cross."""
    vertices = [Vertex("a", "", ()), Vertex("b", "", ()), Vertex("c", "", (0,)), Vertex("d", "", (1,)), Vertex("top", "", (2, 3))]

    top, middle, bottom = layers_of(vertices)
    assert top == [4] and [{2: 0, 3: 1}[number] for number in middle] == bottom
    assert layers_of([]) == [] and ElementTree.fromstring(svg([])) is not None


def _random_graph(dice: random.Random) -> list[Vertex]:
    """Returns up to 14 vertices with random dependencies, and names of different lengths."""
    vertices: list[Vertex] = []
    for number in range(dice.randint(1, 14)):
        deps = tuple(sorted(dice.sample(range(number), min(number, dice.randint(0, 3)))))
        vertices.append(Vertex("s" * dice.randint(1, 20), "Deployment", deps))
    return vertices


def _points(path: str) -> Iterator[tuple[float, float]]:
    """Yields points along a path of M, C and V commands, close to each other."""
    at = (0.0, 0.0)
    for command, numbers in re.findall(r"([MCV])([^MCV]*)", path):
        values = [float(number) for number in numbers.split()]
        if command == "C":
            x1, y1, x2, y2, x3, y3 = values
            for step in range(101):
                t = step / 100
                a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
                yield a * at[0] + b * x1 + c * x2 + d * x3, a * at[1] + b * y1 + c * y2 + d * y3
            at = (x3, y3)
        elif command == "V":
            yield from ((at[0], at[1] + (values[0] - at[1]) * step / 100) for step in range(101))
            at = (at[0], values[0])
        else:
            at = (values[0], values[1])


@pytest.mark.parametrize("seed", range(60))
def test_edges_pass_between_boxes(seed):
    """No edge crosses a box, also if it spans several layers; it ends at boxes only."""
    vertices = _random_graph(random.Random(seed))
    root = ElementTree.fromstring(svg(vertices))
    space = "{http://www.w3.org/2000/svg}"
    boxes = [[float(box.get(name)) for name in ("x", "y", "width", "height")] for box in root.findall(f"{space}rect")]
    paths = [path.get("d") for path in root.findall(f"{space}path")]

    assert len(paths) == sum(len(vertex.dependencies) for vertex in vertices)
    for path in paths:
        for x, y in _points(path):
            assert not any(left < x < left + width and top + 0.2 < y < top + height - 0.2 for left, top, width, height in boxes), (vertices, path)


def test_names_are_not_markup():
    """The name of a target cannot inject markup into any format."""
    vertices = [Vertex('<b>"x"; & `y`\\', "", ())]

    assert mermaid(vertices).splitlines()[1] == '  n0["#60;b#62;#34;x#34;#59; #38; #96;y#96;\\"]'
    assert json.loads(dot(vertices).partition("label=")[2].partition("];")[0]) == vertices[0].title
    assert '<b>"x"; & `y`\\' in ElementTree.fromstring(svg(vertices)).findtext(".//{http://www.w3.org/2000/svg}text")


def test_unknown_format_is_one_sentence(stack):
    """An unknown format is refused with the existing ones."""
    assert stack.run("graph", "--format=png") == 2
    assert stack.err.startswith("ERROR: Argument --format: invalid choice: 'png' (choose from 'mermaid', 'dot', 'svg')")
