"""Tests of the benchmark harness."""

import json

import pytest

from tests.bench import harness


def test_medians_and_ratio():
    """A row has the medians of both sides and their ratio."""
    peer = iter([10.0, 30.0, 20.0])
    row = harness.run(harness.Benchmark("a.b", iter([1.0, 9.0, 5.0]).__next__, "p", peer.__next__, 3))

    assert (row.ours_s, row.peer_s, row.ratio, row.n) == (5.0, 20.0, 0.25, 3)


def test_sides_alternate():
    """Runs of both sides alternate, and Turnup runs first."""
    order = []

    def side(name):
        order.append(name)
        return 1.0

    harness.run(harness.Benchmark("a.b", lambda: side("ours"), "p", lambda: side("peer"), 2))

    assert order == ["ours", "peer", "ours", "peer"]


def test_a_row_without_peer_has_no_ratio():
    """A row without a peer has no ratio."""
    row = harness.run(harness.Benchmark("a.b", iter([2.0]).__next__, None, None, 1))

    assert (row.peer, row.peer_s, row.ratio) == (None, None, None)


def test_json_has_the_documented_fields(tmp_path):
    """The JSON file is a list of rows with the documented fields."""
    row = harness.run(harness.Benchmark("a.b", iter([2.0]).__next__, None, None, 1))
    harness.write_json([row], tmp_path / "out.json")

    (read,) = json.loads((tmp_path / "out.json").read_text())
    assert sorted(read) == ["machine", "n", "name", "ours_s", "peer", "peer_s", "ratio"]


def test_an_error_of_a_side_is_not_swallowed():
    """A failed run ends the benchmark, without a figure."""

    def broken():
        raise RuntimeError("no cluster")

    with pytest.raises(RuntimeError, match="no cluster"):
        harness.run(harness.Benchmark("a.b", broken, None, None, 1))


def test_points_and_facts_are_written_where_there_are_any(tmp_path):
    """A row's point and facts are written to the file and read from it."""
    point = harness.Point("a.scale", 100, "objects")
    row = harness.run(harness.Benchmark("a.b", iter([2.0]).__next__, None, None, 1, point, lambda: {"peak_mib": 5}))
    harness.write_json([row], tmp_path / "out.json")

    assert harness.read_json(tmp_path / "out.json") == [row]
    assert (row.point, row.facts) == (point, {"peak_mib": 5})


@pytest.mark.parametrize("text", ["", "{}x", "[1]", '[{"name": "a"}]', '{"a": 1}'])
def test_a_file_without_rows(tmp_path, text):
    """The error for a file without rows is one sentence with the file's name."""
    (tmp_path / "rows.json").write_text(text)

    with pytest.raises(ValueError, match=r"rows\.json contains no rows .*; use a file that --json has written"):
        harness.read_json(tmp_path / "rows.json")
