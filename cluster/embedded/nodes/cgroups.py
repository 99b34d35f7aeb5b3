"""The cgroups of a cluster's nodes, for cgroup version 1 and version 2.

Below the root of every hierarchy:

    turnup-ID/N/node        the programs of node N
    turnup-ID/N/kubepods    the pods of node N (kubelet creates and manages it)

`turnup-ID/N` is the root of the node's own cgroup namespace, and all that is mounted in the node, so nothing there can name another
group. Version 1 mounts one hierarchy per controller. kubelet needs its folder in each of them, and a cpuset without CPUs accepts no
process. Version 2 has one hierarchy, in which a group either has processes or passes controllers on to its children. The
programs are therefore in the leaf `node`, and nodeinit passes the controllers of `turnup-ID/N` on when it has left that group.
https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster.common.errors import ClusterError

__all__ = ["PROGRAMS", "Cgroups", "find_cgroups"]

PROGRAMS = "node"
"""The group of a node's programs, below the node's own."""
_REMOVE_TIMEOUT = 5.0  # seconds; the kernel empties a killed group with a delay
_CPUSET = ("cpuset.cpus", "cpuset.mems")
# Version 2 controllers that kubelet requires.
_REQUIRED_V2 = ("cpu", "cpuset", "memory", "pids")


@dataclass(frozen=True)
class Cgroups:
    """The cgroups of one cluster.

    Attributes:
        root: where cgroups are mounted.
        hierarchies: the folders of the mounted hierarchies.
        unified: whether the machine has version 2.
        name: the name of the cluster's group.
    """

    root: Path
    hierarchies: tuple[Path, ...]
    unified: bool
    name: str

    def node_folders(self, number: int) -> list[Path]:
        """Returns a node's groups, one folder per hierarchy."""
        return [hierarchy / self.name / str(number) for hierarchy in self.hierarchies]

    def links(self) -> dict[str, str]:
        """Returns more names of version 1 hierarchies, such as cpu for cpu,cpuacct: name → the hierarchy's name."""
        found = {} if self.unified else {entry.name: entry.resolve() for entry in sorted(self.root.iterdir()) if entry.is_symlink()}
        return {name: hierarchy.name for name, hierarchy in found.items() if hierarchy in self.hierarchies}

    def make(self, number: int) -> None:
        """Creates a node's groups; does not change existing ones.

        Raises:
            ClusterError: kubelet needs a controller that the machine does not offer.
        """
        for hierarchy in self.hierarchies:
            group = hierarchy
            for part in (self.name, str(number)):
                if self.unified:
                    self._pass_on(group)
                group /= part
                group.mkdir(exist_ok=True)
                self._fill_cpuset(group)
            if self.unified:
                self._controllers(group)
            leaf = group / PROGRAMS
            leaf.mkdir(exist_ok=True)
            self._fill_cpuset(leaf)

    def _pass_on(self, group: Path) -> None:
        """Passes the controllers of a version 2 group on to its children."""
        available = self._controllers(group)
        control = group / "cgroup.subtree_control"
        wanted = [controller for controller in available if controller not in control.read_text().split()]
        if not wanted:
            return
        try:
            control.write_text(" ".join(f"+{controller}" for controller in wanted))
        except OSError as error:
            raise ClusterError(
                f"{control} refused the controllers {', '.join(wanted)} ({error.strerror}); move the processes of that group into a child group, then try again"
            ) from None

    @staticmethod
    def _controllers(group: Path) -> list[str]:
        """Returns the controllers of a version 2 group.

        Raises:
            ClusterError: one that kubelet needs is missing.
        """
        available = (group / "cgroup.controllers").read_text().split()
        missing = [controller for controller in _REQUIRED_V2 if controller not in available]
        if missing:
            raise ClusterError(
                f"{group} lacks the cgroup controllers {', '.join(missing)}, which kubelet needs; enable them on this machine, or in the container around it"
            )
        return available

    @staticmethod
    def _fill_cpuset(group: Path) -> None:
        """Copies the CPUs and memory nodes of its parent to a version 1 cpuset."""
        for name in _CPUSET:
            setting = group / name
            parent = group.parent / name
            if setting.exists() and parent.exists() and not setting.read_text().strip():
                # In version 2 an empty set means the parent's, so nothing is copied.
                value = parent.read_text().strip()
                if value:
                    setting.write_text(value)

    def processes(self, number: int | None = None) -> list[int]:
        """Returns the IDs of all processes in a node's groups, or in those of the whole cluster."""
        found: set[int] = set()
        for group in self._groups(number):
            try:
                found.update(int(line) for line in (group / "cgroup.procs").read_text().split())
            except OSError:
                continue  # the group is gone
        return sorted(found - {0})  # 0 stands for a process of another PID namespace

    def kill(self, number: int | None = None) -> None:
        """Kills all processes in a node's groups, or in those of the whole cluster.

        A node's processes end with its first process. This also finds the processes of an interrupted start, which did not
        record the first process.

        Raises:
            ClusterError: a process does not end.
        """
        deadline = time.monotonic() + _REMOVE_TIMEOUT
        while left := self.processes(number):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise ClusterError(f"process {left[0]} does not end after SIGKILL; see /proc/{left[0]}/stack for what it waits for, then try again")
            time.sleep(0.02)

    def remove(self, number: int | None = None) -> None:
        """Removes a node's groups, or those of the whole cluster.

        Raises:
            ClusterError: a group still has a process.
        """
        deadline = time.monotonic() + _REMOVE_TIMEOUT
        while True:
            left = [group for group in self._groups(number) if not _removed(group)]
            if not left:
                return
            if time.monotonic() > deadline:
                raise ClusterError(
                    f"cgroup {left[0]} cannot be removed, because a process from outside the cluster is in it; end that process and delete the cluster again"
                )
            time.sleep(0.02)

    def _groups(self, number: int | None = None) -> Iterator[Path]:
        """Yields the existing groups, children before their parents."""
        for hierarchy in self.hierarchies:
            top = hierarchy / self.name if number is None else hierarchy / self.name / str(number)
            for folder, _, _ in os.walk(top, topdown=False):
                yield Path(folder)


def _removed(group: Path) -> bool:
    try:
        group.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def find_cgroups(name: str, root: Path = Path("/sys/fs/cgroup")) -> Cgroups:
    """Finds the cgroup hierarchies of this machine.

    Args:
        name: the name of the cluster's group.
        root: where cgroups are mounted.

    Raises:
        ClusterError: no cgroups are mounted there.
    """
    if (root / "cgroup.controllers").exists():
        return Cgroups(root, (root,), True, name)
    # A hierarchy is a folder with cgroup.procs. `cpu` can be a link to `cpu,cpuacct`.
    hierarchies = tuple(sorted({entry.resolve() for entry in root.iterdir() if (entry / "cgroup.procs").exists()})) if root.is_dir() else ()
    if not hierarchies:
        raise ClusterError(f"{root} has no cgroups; mount them (`mount -t cgroup2 none {root}`), or use a kernel that has them")
    return Cgroups(root, hierarchies, False, name)
