"""Tests of clusters' files."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.common.errors import ClusterError
from cluster.model.state import Cluster, default_state_dir, known_clusters, load_cluster


def _cluster(state_dir: Path, name: str = "local") -> Cluster:
    cluster = Cluster(name, "embedded", "172.19.0.0/26", 2, state_dir)
    cluster.folder.mkdir(parents=True)
    return cluster


def test_round_trip(tmp_path: Path) -> None:
    """A saved cluster can be loaded, and only its owner can read the file."""
    cluster = _cluster(tmp_path)
    cluster.save()

    assert load_cluster("local", tmp_path) == cluster
    assert (cluster.folder / "cluster.json").stat().st_mode & 0o777 == 0o600


def test_known_clusters_are_sorted_and_whole(tmp_path: Path) -> None:
    """Folders without cluster.json are not clusters; a missing state folder has none."""
    for name in ("b", "a"):
        _cluster(tmp_path, name).save()
    (tmp_path / "rest").mkdir()

    assert [cluster.name for cluster in known_clusters(tmp_path)] == ["a", "b"]
    assert known_clusters(tmp_path / "absent") == []
    assert load_cluster("rest", tmp_path) is None


@pytest.mark.parametrize("text", ["{", '{"name": "local"}', '{"colour": 1}'])
def test_broken_file(tmp_path: Path, text: str) -> None:
    """The error for an invalid file names it."""
    (tmp_path / "local").mkdir()
    (tmp_path / "local" / "cluster.json").write_text(text)

    with pytest.raises(ClusterError, match="cluster.json"):
        load_cluster("local", tmp_path)


def test_state_dir_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """TURNUP_STATE_DIR overrides the default, unless it is empty."""
    monkeypatch.setenv("TURNUP_STATE_DIR", str(tmp_path))
    assert default_state_dir() == tmp_path

    monkeypatch.setenv("TURNUP_STATE_DIR", "")
    assert default_state_dir() == Path("/var/lib/turnup/clusters")
