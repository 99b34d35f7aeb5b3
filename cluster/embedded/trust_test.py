"""Tests of what doctor says about clusters, with a fake machine."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from cluster.common.fake_process import FakeRunner
from cluster.common.process import Result
from cluster.embedded import trust
from cluster.embedded.nodes import firewall
from cluster.model.state import Cluster

_PIDS = {1: 41, 2: 42}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """A running cluster of two nodes with all protections, whose processes are in a fake /proc."""
    made = Cluster("a", "embedded", "172.19.0.0/26", 2, tmp_path / "state", complete=True)
    made.logs(1).mkdir(parents=True)
    (made.logs(1) / "audit.log").touch()
    made.save()
    for pid in ("self", "41", "42"):
        (tmp_path / "proc" / pid / "ns").mkdir(parents=True)
        os.symlink(f"cgroup:[{pid}]", tmp_path / "proc" / pid / "ns" / "cgroup")
    files = tmp_path / "proc/41/root/etc/turnup"
    files.mkdir(parents=True)
    (files / "kubelet.json").write_text(json.dumps({"podPidsLimit": 2048}))
    (files / "admission.json").write_text(json.dumps({"plugins": [{"name": "PodSecurity", "configuration": {"defaults": {"enforce": "baseline"}}}]}))
    monkeypatch.setattr(trust, "node_pid", lambda _, number: _PIDS.get(number))
    return made


def _machine(cluster: Cluster) -> FakeRunner:
    rules = "".join(f"-A {jump}\n" for jump in firewall._jumps(cluster.layout))
    return FakeRunner({"iptables-save": Result(0, rules)})


def _rows(cluster: Cluster, runner: FakeRunner) -> dict[str, dict[str, object]]:
    rows = trust.cluster_rows(runner, cluster, cluster.state_dir.parent / "proc")
    return {str(row["tool"]).partition(": ")[2]: row for row in rows}


def test_a_protected_cluster(cluster: Cluster) -> None:
    """Each protection is a row that says what holds, and needs nothing."""
    rows = _rows(cluster, _machine(cluster))

    assert set(rows) == {"pod security", "bounds", "network", "cgroups", "audit"}
    assert all(row["ok"] and not row["get"] and not row["needed"] for row in rows.values())
    assert "baseline" in str(rows["pod security"]["found"])
    assert "2048 processes" in str(rows["bounds"]["found"])
    assert rows["network"]["found"] == "pods reach the cluster, and nothing else"


def test_open_ports_are_named(cluster: Cluster) -> None:
    """The ports of the machine that pods may connect to are part of what they reach."""
    opened = dataclasses.replace(cluster, host_ports=(80, 5000))

    assert "and its ports 80, 5000" in str(_rows(opened, _machine(cluster))["network"]["found"])


def test_missing_protections(cluster: Cluster) -> None:
    """What a cluster of an older version, or one whose rules somebody removed, lacks is not ok, and a new start adds it."""
    proc = cluster.state_dir.parent / "proc"
    for path in (proc / "41/root/etc/turnup/kubelet.json", proc / "41/root/etc/turnup/admission.json", cluster.logs(1) / "audit.log"):
        path.unlink()
    for pid in ("41", "42"):
        (proc / pid / "ns/cgroup").unlink()
        os.symlink("cgroup:[self]", proc / pid / "ns/cgroup")
    rows = _rows(cluster, FakeRunner())

    assert [row["ok"] for row in rows.values()] == [False] * 5
    assert all("cluster start --name a" in str(row["get"]) for row in rows.values())


def test_a_stopped_cluster(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stopped cluster has no rows."""
    monkeypatch.setattr(trust, "node_pid", lambda *_: None)
    assert _rows(cluster, FakeRunner()) == {}
