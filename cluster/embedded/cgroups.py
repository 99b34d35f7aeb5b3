"""The cgroups of a cluster's nodes, on version 1 and version 2 machines.

Below the root of every hierarchy:

    turnup-ID/N/node        node N's own programs
    turnup-ID/N/kubepods    its pods (kubelet makes and keeps it)

Version 1 mounts one hierarchy per controller; kubelet wants its folder in each
of them, and a cpuset without CPUs takes no process. Version 2 has a single
one, in which a group either holds processes or passes controllers on: hence
the leaf `node`. https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import ClusterError

__all__ = ["Cgroups", "find_cgroups"]

_PROGRAMS = "node"
_REMOVE_TIMEOUT = 5.0  # seconds; the kernel empties a killed group a moment late
_CPUSET = ("cpuset.cpus", "cpuset.mems")
# Version 2 controllers that kubelet requires.
_REQUIRED_V2 = ("cpu", "cpuset", "memory", "pids")


@dataclass(frozen=True)
class Cgroups:
    """The cgroups of one cluster.

    root: where cgroups are mounted. hierarchies: the mounted ones, as folders.
    unified: whether this is a version 2 machine. name: the cluster's group.
    """

    root: Path
    hierarchies: tuple[Path, ...]
    unified: bool
    name: str

    def kubelet_root(self, number: int) -> str:
        """kubelet's cgroupRoot on node number."""
        return f"/{self.name}/{number}"

    def process_folders(self, number: int) -> list[Path]:
        """The folders whose cgroup.procs node number's programs join, one per hierarchy."""
        return [hierarchy / self.name / str(number) / _PROGRAMS for hierarchy in self.hierarchies]

    def make(self, number: int) -> None:
        """Makes node number's groups; those that exist are left as they are."""
        for hierarchy in self.hierarchies:
            group = hierarchy
            for part in (self.name, str(number)):
                if self.unified:
                    self._pass_on(group)
                group /= part
                group.mkdir(exist_ok=True)
                self._fill_cpuset(group)
            if self.unified:
                self._pass_on(group)
            leaf = group / _PROGRAMS
            leaf.mkdir(exist_ok=True)
            self._fill_cpuset(leaf)

    def _pass_on(self, group: Path) -> None:
        """Lets a version 2 group's children use the controllers it has."""
        available = (group / "cgroup.controllers").read_text().split()
        missing = [controller for controller in _REQUIRED_V2 if controller not in available]
        if missing:
            raise ClusterError(
                f"{group} offers no cgroup controller {', '.join(missing)}, which kubelet needs: "
                "enable it on the machine (or in the outer container) that runs this"
            )
        control = group / "cgroup.subtree_control"
        wanted = [controller for controller in available if controller not in control.read_text().split()]
        if not wanted:
            return
        try:
            control.write_text(" ".join(f"+{controller}" for controller in wanted))
        except OSError as error:
            raise ClusterError(
                f"{control} does not take the controllers {', '.join(wanted)} ({error.strerror}): "
                "move the processes of that group into a child group, then try again"
            ) from None

    @staticmethod
    def _fill_cpuset(group: Path) -> None:
        """Gives a version 1 cpuset its parent's CPUs and memory nodes."""
        for name in _CPUSET:
            setting = group / name
            parent = group.parent / name
            if setting.exists() and parent.exists() and not setting.read_text().strip():
                # Version 2 needs nothing here: an empty set means the parent's.
                value = parent.read_text().strip()
                if value:
                    setting.write_text(value)

    def processes(self, number: int | None = None) -> list[int]:
        """The ids of all processes in node number's groups, or in the whole cluster's."""
        found: set[int] = set()
        for group in self._groups(number):
            try:
                found.update(int(line) for line in (group / "cgroup.procs").read_text().split())
            except OSError:
                continue  # went away meanwhile
        return sorted(found - {0})  # 0 stands for one that this process cannot see

    def kill(self, number: int | None = None) -> None:
        """Ends whatever is in the groups.

        A node's processes end with its first one; this finds those whose first
        process nobody wrote down, because its start was interrupted.
        """
        deadline = time.monotonic() + _REMOVE_TIMEOUT
        while left := self.processes(number):
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            if time.monotonic() > deadline:
                raise ClusterError(f"process {left[0]} does not end: see what it waits for in /proc/{left[0]}/stack, then try again")
            time.sleep(0.02)

    def remove(self, number: int | None = None) -> None:
        """Removes node number's groups, or the whole cluster's; no process may be left in them."""
        deadline = time.monotonic() + _REMOVE_TIMEOUT
        while True:
            left = [group for group in self._groups(number) if not _removed(group)]
            if not left:
                return
            if time.monotonic() > deadline:
                raise ClusterError(f"cgroup {left[0]} cannot be removed: a process outside of the cluster joined it; end it and delete again")
            time.sleep(0.02)

    def _groups(self, number: int | None = None) -> Iterator[Path]:
        """The existing groups, children before their parents."""
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
    """The cgroups of the cluster group called name on this machine.

    root: where cgroups are mounted; tests pass a folder of their own.
    """
    if (root / "cgroup.controllers").exists():
        return Cgroups(root, (root,), True, name)
    # A hierarchy is a folder with cgroup.procs; cpu may be a link to cpu,cpuacct.
    hierarchies = tuple(sorted({entry.resolve() for entry in root.iterdir() if (entry / "cgroup.procs").exists()})) if root.is_dir() else ()
    if not hierarchies:
        raise ClusterError(f"{root} holds no cgroups: mount them (`mount -t cgroup2 none {root}`) or run on a kernel that has them")
    return Cgroups(root, hierarchies, False, name)
