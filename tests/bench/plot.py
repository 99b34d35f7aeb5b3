"""Draws rows as one SVG: a bar chart of Turnup and its peers, and a line chart for each series of rows.

The same rows give the same bytes on every machine: the font is matplotlib's own, the file has no date, and its IDs depend
only on the drawing.
"""

import io
import os
import tempfile
from collections.abc import Sequence

# matplotlib needs a folder for its list of the machine's fonts, which we don't use.
os.environ.setdefault("MPLCONFIGDIR", tempfile.mkdtemp(prefix="turnup-plot-"))

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.bench.harness import Row

_OURS, _PEER = "#1f6feb", "#8c959f"
_STYLE = {
    "axes.axisbelow": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": "#d0d7de",
    "svg.fonttype": "none",  # text stays text: it is smaller, and it can be searched
    "svg.hashsalt": "turnup",
}
_WIDTH_IN, _ROW_IN, _SERIES_IN, _FRAME_IN = 9.0, 0.55, 3.2, 1.0


def svg(rows: Sequence[Row]) -> str:
    """Draws the rows.

    Args:
        rows: the rows, in the order of the drawing.

    Returns:
        The text of an SVG file; each chart has a logarithmic axis of seconds.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ValueError("there are no rows to draw; measure some, or read them from a file with --read")
    single = [row for row in rows if row.point is None]
    series = list(dict.fromkeys(row.point.series for row in rows if row.point))
    heights = [_FRAME_IN + _ROW_IN * len(single)] * bool(single) + [_SERIES_IN] * len(series)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH_IN, sum(heights)), layout="constrained")
        charts = list(figure.subplots(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
        if single:
            _bars(charts.pop(0), single)
        for chart, name in zip(charts, series, strict=True):
            _lines(chart, name, [row for row in rows if row.point and row.point.series == name])
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def _seconds(value: float) -> str:
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"


def _bars(chart: Axes, rows: list[Row]) -> None:
    """Draws two bars per row, the first row on top, with figures and the peer's name as labels."""
    values = [value for row in rows for value in (row.ours_s, row.peer_s) if value]
    # Bars on a logarithmic axis need a start value above 0.
    foot = min(values, default=0.01) / 4
    for index, row in enumerate(rows):
        for offset, value, colour, words in (
            (-0.2, row.ours_s, _OURS, ""),
            (0.2, row.peer_s, _PEER, f" {row.peer}"),
        ):
            if value is not None:
                chart.barh(index + offset, max(value, foot) - foot, height=0.36, left=foot, color=colour)
                chart.text(max(value, foot), index + offset, f" {_seconds(value)}{words}", va="center", fontsize=8)
    chart.set_xscale("log")
    # Space on the right for the label of the longest bar.
    chart.set_xlim(foot, max(values, default=1) * 60)
    chart.set_yticks(range(len(rows)), [row.name for row in rows])
    chart.invert_yaxis()
    chart.grid(axis="x")
    chart.set_xlabel("seconds (logarithmic; shorter is better)")
    chart.set_title("ours (blue) beside the peer (grey): medians", loc="left", fontsize=10)


def _lines(chart: Axes, name: str, rows: list[Row]) -> None:
    """Draws seconds over size, for Turnup and every peer of one series."""
    rows = sorted(rows, key=lambda row: row.point.x)
    sizes = [row.point.x for row in rows]
    chart.plot(sizes, [row.ours_s for row in rows], marker="o", color=_OURS, label="ours")
    for number, peer in enumerate(dict.fromkeys(row.peer for row in rows if row.peer_s is not None)):
        measured = [row for row in rows if row.peer == peer and row.peer_s is not None]
        style = ("-", "--", ":", "-.")[number % 4]
        chart.plot([row.point.x for row in measured], [row.peer_s for row in measured], style, marker="s", color=_PEER, label=peer)
    chart.set_xscale("log")
    chart.set_yscale("log")
    chart.set_xticks(sizes, [f"{size:,g}" for size in sizes])
    chart.minorticks_off()
    chart.grid()
    chart.set_xlabel(rows[0].point.unit)
    chart.set_ylabel("seconds")
    chart.set_title(name, loc="left", fontsize=10)
    chart.legend(frameon=False, fontsize=8)
