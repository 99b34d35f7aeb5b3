"""Where the programs of an embedded cluster are on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["Binaries"]


@dataclass(frozen=True)
class Binaries:
    """Folders of programs.

    kubernetes: kube and a link to it per Kubernetes program. etcd, nodeinit:
    the program of that name. runtime: containerd, its shim, ctr, and runc
    unless that is on the system's PATH. cni: the network plugins. images:
    archives that every node gets, in this order.
    """

    kubernetes: Path
    etcd: Path
    nodeinit: Path
    runtime: Path
    cni: Path
    images: tuple[Path, ...]
