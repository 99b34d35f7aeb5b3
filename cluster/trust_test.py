"""Tests of which clusters doctor says something about."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster import trust
from cluster.common.fake_process import FakeRunner
from cluster.model.state import Cluster


def test_embedded_clusters_have_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every embedded cluster is asked, and no other; a folder that can't be read has no rows."""
    monkeypatch.setattr("cluster.embedded.trust.cluster_rows", lambda _, cluster: [{"tool": cluster.name}])
    for name, provider in (("a", "embedded"), ("b", "k3d"), ("c", "embedded")):
        made = Cluster(name, provider, "172.19.0.0/26", 1, tmp_path)
        made.folder.mkdir()
        made.save()
    assert [row["tool"] for row in trust.trust_rows(FakeRunner(), tmp_path)] == ["a", "c"]

    (tmp_path / "a" / "cluster.json").write_text("{")
    assert trust.trust_rows(FakeRunner(), tmp_path) == []
    assert trust.trust_rows(FakeRunner(), tmp_path / "absent") == []
