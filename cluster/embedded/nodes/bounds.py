"""How much of the machine the pods of a cluster may take.

Each node sees the whole machine. Its kubelet therefore reserves what belongs to the machine and to the other nodes, offers the
rest to pods, and gives the cgroup of all pods that much memory and that many processes: the kernel ends a pod that wants more, and
nothing outside feels it. https://kubernetes.io/docs/tasks/administer-cluster/reserve-compute-resources/

Processors aren't divided: a group of pods and the machine's own processes get equal parts when both want all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["MachineSize", "kubelet_bounds", "machine_size"]

_MEBI = 1 << 20
# Memory of a node's programs in bytes: half as much again as they had at most with the sample's stack, 370 and 120 MiB.
_CONTROL_PLANE_BYTES = 560 * _MEBI
_WORKER_BYTES = 180 * _MEBI
_PROGRAM_PROCESSES = 1024
# Of one pod. The largest that is known to be needed, a JVM with a thread per request, has some hundreds.
_POD_PROCESSES = 2048


@dataclass(frozen=True)
class MachineSize:
    """What the machine has.

    Attributes:
        memory: bytes.
        processes: how many processes and threads there can be at once.
    """

    memory: int
    processes: int


def machine_size(proc: Path = Path("/proc")) -> MachineSize:
    """Returns the machine's size, as kubelet reads it.

    Args:
        proc: where the process file system is mounted.
    """
    fields = dict(line.split(":", 1) for line in (proc / "meminfo").read_text().splitlines() if ":" in line)
    limits = (int((proc / "sys/kernel" / name).read_text()) for name in ("pid_max", "threads-max"))
    return MachineSize(int(fields["MemTotal"].split()[0]) * 1024, min(limits))


def kubelet_bounds(size: MachineSize, share: int, nodes: int, number: int) -> dict[str, Any]:
    """Returns the fields of kubelet's configuration that bound a node's pods.

    Args:
        size: the machine's size.
        share: the percentage of the machine's memory and processes that all nodes may take together.
        nodes: how many nodes there are.
        number: the node's number; node 1 has the control plane.
    """
    memory, processes = size.memory * share // 100 // nodes, size.processes * share // 100 // nodes
    # On a small machine the pods get half of the node's part, although its programs may need more than the other half.
    programs = min(_CONTROL_PLANE_BYTES if number == 1 else _WORKER_BYTES, memory // 2)
    return {
        "podPidsLimit": min(_POD_PROCESSES, processes // 4),
        "systemReserved": {"memory": str(size.memory - memory), "pid": str(size.processes - processes)},
        "kubeReserved": {"cpu": "100m", "memory": str(programs), "pid": str(min(_PROGRAM_PROCESSES, processes // 4))},
        "enforceNodeAllocatable": ["pods"],
    }
