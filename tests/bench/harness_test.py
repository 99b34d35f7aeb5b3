"""Tests of the benchmark harness: what is measured is what is reported."""

import json

import pytest

from tests.bench import harness


def test_medians_and_ratio():
    """A row holds the medians of both sides and their quotient."""
    peer = iter([10.0, 30.0, 20.0])
    row = harness.run(harness.Benchmark("a.b", iter([1.0, 9.0, 5.0]).__next__, "p", peer.__next__, 3))

    assert (row.ours_s, row.peer_s, row.ratio, row.n) == (5.0, 20.0, 0.25, 3)


def test_sides_alternate():
    """Ours and the peer's take turns, ours first."""
    order = []

    def side(name):
        order.append(name)
        return 1.0

    harness.run(harness.Benchmark("a.b", lambda: side("ours"), "p", lambda: side("peer"), 2))

    assert order == ["ours", "peer", "ours", "peer"]


def test_a_row_without_peer_has_no_ratio():
    """Where there is no peer, nothing is made up for it."""
    row = harness.run(harness.Benchmark("a.b", iter([2.0]).__next__, None, None, 1))

    assert (row.peer, row.peer_s, row.ratio) == (None, None, None)


def test_json_has_the_documented_fields(tmp_path):
    """The JSON file is a list of rows with the fields that readers rely on."""
    row = harness.run(harness.Benchmark("a.b", iter([2.0]).__next__, None, None, 1))
    harness.write_json([row], tmp_path / "out.json")

    (read,) = json.loads((tmp_path / "out.json").read_text())
    assert sorted(read) == ["machine", "n", "name", "ours_s", "peer", "peer_s", "ratio"]


def test_an_error_of_a_side_is_not_swallowed():
    """A run that fails ends the benchmark: no figure is reported for it."""

    def broken():
        raise RuntimeError("no cluster")

    with pytest.raises(RuntimeError, match="no cluster"):
        harness.run(harness.Benchmark("a.b", broken, None, None, 1))


def test_points_and_facts_are_written_where_there_are_any(tmp_path):
    """A row's place in a series and its further figures survive the file; the plot is drawn from it later."""
    point = harness.Point("a.scale", 100, "objects")
    row = harness.run(harness.Benchmark("a.b", iter([2.0]).__next__, None, None, 1, point, lambda: {"peak_mib": 5}))
    harness.write_json([row], tmp_path / "out.json")

    assert harness.read_json(tmp_path / "out.json") == [row]
    assert (row.point, row.facts) == (point, {"peak_mib": 5})


@pytest.mark.parametrize("text", ["", "{}x", "[1]", '[{"name": "a"}]', '{"a": 1}'])
def test_a_file_that_holds_no_rows(tmp_path, text):
    """Anything but rows is refused in one sentence with the file's name."""
    (tmp_path / "rows.json").write_text(text)

    with pytest.raises(ValueError, match=r"rows\.json holds no rows .*; give a file that --json has written"):
        harness.read_json(tmp_path / "rows.json")
