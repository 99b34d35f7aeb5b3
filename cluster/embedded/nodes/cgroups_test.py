"""Tests of cgroups on fake machines with version 1 and version 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.common.errors import ClusterError
from cluster.embedded.nodes import cgroups
from cluster.embedded.nodes.cgroups import PROGRAMS, find_cgroups

_V1 = ("cpu", "cpuset", "memory", "systemd", "unified")


@pytest.fixture
def v1(tmp_path: Path) -> Path:
    """A version 1 machine: a folder per hierarchy, cpuset with its files, and a link beside them."""
    for name in _V1:
        (tmp_path / name).mkdir()
        (tmp_path / name / "cgroup.procs").touch()
    (tmp_path / "cpu,cpuacct").symlink_to("cpu")
    (tmp_path / "cpuset" / "cpuset.cpus").write_text("0-1\n")
    (tmp_path / "cpuset" / "cpuset.mems").write_text("0\n")
    (tmp_path / "not-a-hierarchy").mkdir()
    return tmp_path


@pytest.fixture
def v2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A version 2 machine; new groups get the control files that the kernel would make."""

    def fill(group: Path, controllers: str) -> None:
        (group / "cgroup.controllers").write_text(controllers)
        (group / "cgroup.subtree_control").write_text("")
        (group / "cgroup.procs").write_text("")

    make = Path.mkdir

    def mkdir(self: Path, *args: object, **options: object) -> None:
        make(self, *args, **options)
        fill(self, (self.parent / "cgroup.subtree_control").read_text().replace("+", ""))

    fill(tmp_path, "cpuset cpu io memory pids")
    monkeypatch.setattr(Path, "mkdir", mkdir)
    return tmp_path


def test_v1_hierarchies(v1: Path) -> None:
    """Every folder with processes is one hierarchy, even if links point to it."""
    found = find_cgroups("turnup-x", v1)

    assert [hierarchy.name for hierarchy in found.hierarchies] == sorted(_V1)
    assert not found.unified
    assert found.links() == {"cpu,cpuacct": "cpu"}


def test_v1_make(v1: Path) -> None:
    """The node's group is in every hierarchy, and its cpuset accepts processes."""
    found = find_cgroups("turnup-x", v1)
    for name in ("turnup-x", "turnup-x/1", "turnup-x/1/node"):
        # The kernel makes a group's files with it.
        folder = v1 / "cpuset" / name
        folder.mkdir(parents=True, exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            (folder / setting).write_text("\n")
    found.make(1)

    assert found.node_folders(1) == [v1 / name / "turnup-x/1" for name in sorted(_V1)]
    assert all((folder / PROGRAMS).is_dir() for folder in found.node_folders(1))
    for name in ("turnup-x", "turnup-x/1", "turnup-x/1/node"):
        assert (v1 / "cpuset" / name / "cpuset.cpus").read_text().strip() == "0-1"
        assert (v1 / "cpuset" / name / "cpuset.mems").read_text().strip() == "0"


def test_v2_make(v2: Path) -> None:
    """Controllers are passed on to the node's group, which passes none on itself before nodeinit has left it."""
    found = find_cgroups("turnup-x", v2)
    found.make(1)

    assert found.unified
    assert found.node_folders(1) == [v2 / "turnup-x" / "1"]
    for group in (v2, v2 / "turnup-x"):
        assert "+memory" in (group / "cgroup.subtree_control").read_text()
    for group in (v2 / "turnup-x" / "1", v2 / "turnup-x" / "1" / PROGRAMS):
        assert (group / "cgroup.subtree_control").read_text() == ""
    assert found.links() == {}


def test_v2_without_a_controller(v2: Path) -> None:
    """The error for a missing controller names it and the group."""
    (v2 / "cgroup.controllers").write_text("cpu memory pids")

    with pytest.raises(ClusterError, match=f"{v2} lacks the cgroup controllers cpuset, which kubelet needs"):
        find_cgroups("turnup-x", v2).make(1)


def test_v2_group_with_processes(v2: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the kernel refuses to pass controllers on, the error has the fix."""
    write = Path.write_text

    def refuse(self: Path, text: str, *args: object, **options: object) -> int:
        if self.name == "cgroup.subtree_control" and text:
            raise OSError(16, "Device or resource busy")
        return write(self, text, *args, **options)

    monkeypatch.setattr(Path, "write_text", refuse)
    with pytest.raises(ClusterError, match=r"subtree_control refused the controllers .*Device or resource busy.*child group"):
        find_cgroups("turnup-x", v2).make(1)


def test_processes(v1: Path) -> None:
    """The processes of all groups are found, each once."""
    found = find_cgroups("turnup-x", v1)
    found.make(1)
    for name, text in (("cpu", "7\n8\n"), ("memory", "8\n9\n")):
        (v1 / name / "turnup-x" / "1" / "node" / "cgroup.procs").write_text(text)

    assert found.processes() == found.processes(1) == [7, 8, 9]
    assert found.processes(2) == []


def test_kill(v1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every process of the group is killed; the error names one that does not end in time."""
    found = find_cgroups("turnup-x", v1)
    found.make(1)
    file = v1 / "cpu" / "turnup-x" / "1" / "node" / "cgroup.procs"
    file.write_text("4000007\n")
    monkeypatch.setattr("os.kill", lambda *_: file.write_text(""))
    found.kill(1)
    assert found.processes() == []

    file.write_text("4000007\n")
    monkeypatch.setattr("os.kill", lambda *_: None)
    monkeypatch.setattr(cgroups, "_REMOVE_TIMEOUT", 0.05)
    with pytest.raises(ClusterError, match="process 4000007 does not end"):
        found.kill()


def test_remove(v1: Path) -> None:
    """A node's groups are removed alone, then the cluster's; other groups stay."""
    found = find_cgroups("turnup-x", v1)
    (v1 / "cpu" / "other").mkdir()
    for number in (1, 2):
        found.make(number)
    (v1 / "cpu" / "turnup-x" / "1" / "kubepods" / "pod").mkdir(parents=True)
    found.remove(1)
    assert not (v1 / "cpu" / "turnup-x" / "1").exists()
    assert (v1 / "cpu" / "turnup-x" / "2").exists()

    found.remove()
    assert not list(v1.rglob("turnup-x"))
    assert (v1 / "cpu" / "other").exists()
    found.remove()


def test_remove_of_a_group_in_use(v1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names a group that can't be removed in time."""
    monkeypatch.setattr(cgroups, "_REMOVE_TIMEOUT", 0.05)
    found = find_cgroups("turnup-x", v1)
    found.make(1)
    (v1 / "cpu" / "turnup-x" / "1" / "node" / "held").touch()

    with pytest.raises(ClusterError, match="cgroup .*/cpu/turnup-x/1/node cannot be removed"):
        found.remove()


def test_no_cgroups(tmp_path: Path) -> None:
    """The error for a machine without cgroups has the command that mounts them."""
    for root in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ClusterError, match="has no cgroups; mount them"):
            find_cgroups("turnup-x", root)
