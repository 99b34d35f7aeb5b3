"""Tests of the tree on terminals of different sizes."""

from __future__ import annotations

import io
import itertools
import re
from typing import Any

import pytest

from rules.k8s.tools.output.events import Event
from rules.k8s.tools.output.live_printer import LivePrinter
from rules.k8s.tools.output.tree import fitted, layout, lines, wrapped

REASON = "0 of 2 replicas are ready, because " + "the scheduler found no node with enough memory for the pod " * 3


def _state(number: int, ready: bool, after: list[int]) -> Event:
    waiting: list[dict[str, Any]] = []
    if not ready:
        thing = {"group": "apps", "kind": "StatefulSet", "namespace": "dev", "name": f"shop-{number}"}
        waiting = [{"object": thing, "reason": REASON, "failed": False, "pods": [{"pod": f"shop-{number}-0", "reason": REASON}]}]
    return {
        "event": "state",
        "target": f"//s{number}",
        "service": f"s{number}",
        "ready": ready,
        "after": [f"//s{other}" for other in after],
        "waiting": waiting,
    }


def _chain(count: int, ready: int) -> list[Event]:
    """Returns services that depend on each other in a row; the first ones are ready."""
    return [_state(number, number < ready, [number - 1] if number else []) for number in range(count)]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [40, 80, 120])
def test_long_reasons_wrap_beside_their_branches(width):
    """Each line fits into the terminal, no word is lost, and branches continue beside wrapped text."""
    tree = layout("//shop:dev-deep", _chain(4, 1))
    rows = list(wrapped(tree, width))

    assert all(len(before) + len(text) <= width for before, text, _ in rows)
    said = " ".join(text for _, text, _ in rows).split()
    assert said == " ".join(text for _, text, _ in lines(tree)).split()
    for (before, _, _), (after, _, _) in itertools.pairwise(rows):
        for column, letter in enumerate(before):
            # A branch that goes on below a line is drawn through each line up to its next child.
            if letter in "├│" and len(after) > column:
                assert after[column] in "├│└", (before, after)


def test_a_tree_that_fits_is_unchanged():
    """Wrapping changes nothing if every line fits."""
    tree = layout("//shop:dev-deep", _chain(3, 3))

    assert list(wrapped(tree, 80)) == list(lines(tree))


def test_a_tree_that_is_too_high_says_how_much_is_missing():
    """A tree is cut to the height of the terminal, and its first lines stay."""
    tree = layout("//shop:dev-deep", _chain(30, 0))
    rows = fitted(tree, 20)

    assert len(rows) == 20
    assert rows[0][1].startswith("//shop:dev-deep: 0 of 30 ready")
    assert rows[-1][1] == f"… {len(list(lines(tree))) - 19} more lines"
    assert fitted(layout("//shop:dev-deep", _chain(2, 2)), 20) == list(lines(layout("//shop:dev-deep", _chain(2, 2))))


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (40, 12), (200, 60)])
def test_the_live_tree_fits_the_terminal(monkeypatch, columns, rows):
    """A redrawn tree has no line that is wider than the terminal, and not more lines than the terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(rows))
    monkeypatch.setenv("TERM", "xterm")
    stream = _Terminal()
    printer = LivePrinter(io.StringIO(), stream)
    printer.begin("//shop:dev-deep")
    printer.progress(_chain(20, 3))
    printer._live.refresh()  # draws at once
    printer.end()

    drawn = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "\x00", stream.getvalue()).split("//shop:dev-deep: 3 of 20 ready")[-1].rstrip("\x00\n").split("\n")
    assert 5 < len(drawn) <= rows
    assert all(len(line.replace("\x00", "")) <= columns for line in drawn)
    assert any("└── " in line for line in drawn)


def test_the_live_tree_shows_whole_reasons_where_there_is_room(monkeypatch):
    """On a terminal of 80 columns that is high enough, a reason that is too long for its line continues on the next one."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("LINES", "60")
    monkeypatch.setenv("TERM", "xterm")
    stream = _Terminal()
    printer = LivePrinter(io.StringIO(), stream)
    printer.begin("//shop:dev-deep")
    printer.progress(_chain(2, 0))
    printer._live.refresh()
    printer.end()

    words = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[│├└─]", " ", stream.getvalue()).split()
    assert " ".join(REASON.split()) in " ".join(words) and "…" not in stream.getvalue().replace("… ", "")


def test_status_wraps_on_a_terminal_only(monkeypatch):
    """A status on a terminal of 80 columns wraps; in a pipe each line stays whole, so that a search finds it."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    terminal, pipe = _Terminal(), io.StringIO()
    LivePrinter(terminal, io.StringIO()).status("//shop:dev-deep", _chain(2, 0))
    LivePrinter(pipe, io.StringIO()).status("//shop:dev-deep", _chain(2, 0))

    assert max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in terminal.getvalue().splitlines()) <= 80
    assert any(REASON.strip() in line for line in pipe.getvalue().splitlines())
