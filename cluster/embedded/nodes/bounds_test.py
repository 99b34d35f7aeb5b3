"""Tests of how much of the machine a node's pods may take."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.embedded.nodes.bounds import MachineSize, kubelet_bounds, machine_size

_GIBI = 1 << 30


@pytest.mark.parametrize("gibibytes", [1, 2, 4, 24, 512])
@pytest.mark.parametrize("nodes", [1, 2, 5])
@pytest.mark.parametrize("share", [10, 75, 100])
def test_all_nodes_together_take_the_share(gibibytes: int, nodes: int, share: int) -> None:
    """What the pods and programs of all nodes may take is the share of the machine, whatever its size, and pods get half or more."""
    size = MachineSize(gibibytes * _GIBI, 32768)
    pods = taken = processes = 0
    for number in range(1, nodes + 1):
        found = kubelet_bounds(size, share, nodes, number)
        system, programs = int(found["systemReserved"]["memory"]), int(found["kubeReserved"]["memory"])
        assert size.memory - system - programs > 0 and 0 < found["podPidsLimit"] <= 2048
        pods += size.memory - system - programs
        taken += size.memory - system
        processes += size.processes - int(found["systemReserved"]["pid"])
        assert found["podPidsLimit"] + int(found["kubeReserved"]["pid"]) < processes

    assert share * size.memory // 100 - nodes <= taken <= share * size.memory // 100
    assert share * size.processes // 100 - nodes <= processes <= share * size.processes // 100
    assert pods >= taken / 2 - nodes


def test_the_control_plane_has_more_reserved() -> None:
    """Node 1 reserves more for its programs than the others do."""
    reserved = [int(kubelet_bounds(MachineSize(16 * _GIBI, 32768), 75, 2, number)["kubeReserved"]["memory"]) for number in (1, 2)]
    assert reserved[0] > 2 * reserved[1]


def test_machine_size(tmp_path: Path) -> None:
    """Memory is MemTotal in bytes, and the number of processes is the smaller one of the kernel's two limits."""
    (tmp_path / "meminfo").write_text("MemTotal:       2048 kB\nMemFree:           1 kB\n")
    (tmp_path / "sys/kernel").mkdir(parents=True)
    (tmp_path / "sys/kernel/pid_max").write_text("4194304\n")
    (tmp_path / "sys/kernel/threads-max").write_text("190000\n")

    assert machine_size(tmp_path) == MachineSize(2048 * 1024, 190000)
    assert machine_size().memory > 1 << 28
