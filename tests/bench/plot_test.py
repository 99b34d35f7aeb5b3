"""Tests of the drawing."""

from xml.etree import ElementTree

import pytest

from tests.bench import plot
from tests.bench.harness import Point, Row

_ALONE = [
    Row("jsonnet.small", 0.0031, "go-jsonnet", 0.035, 0.089, 21, "a machine"),
    Row("cluster.create", 6.06, None, None, None, 5, "a machine"),
]
_SERIES = [Row(f"apply.scale_{n}", n / 1000, "kubectl", n / 100, 0.1, 5, "a machine", Point("apply.scale", n, "objects")) for n in (100, 1000, 5000)]


def _texts(drawing: str) -> str:
    """Returns all text of an SVG."""
    return " ".join(text.strip() for text in ElementTree.fromstring(drawing).itertext() if text.strip())


def test_every_row_is_drawn_with_its_figures():
    """The drawing has each row's name, both figures and the peer's name as text; a row without a peer has one figure."""
    words = _texts(plot.svg(_ALONE))

    for part in ("jsonnet.small", "3.1 ms", "35 ms go-jsonnet", "cluster.create", "6.06 s"):
        assert part in words


def test_series_have_their_sizes_on_the_axis():
    """Rows of one series are one chart over their sizes."""
    words = _texts(plot.svg(_SERIES))

    for part in ("apply.scale", "100", "1,000", "5,000", "objects", "ours", "kubectl"):
        assert part in words


def test_same_rows_same_bytes():
    """Two drawings of the same rows are equal and have no date, so the file in the repository changes only with the figures."""
    first = plot.svg([*_ALONE, *_SERIES])

    assert plot.svg([*_ALONE, *_SERIES]) == first
    assert "<dc:date>" not in first


def test_nothing_to_draw():
    """The error for no rows says what to do."""
    with pytest.raises(ValueError, match="there are no rows to draw; measure some"):
        plot.svg([])
