"""Where the programs and images of an embedded cluster are on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

__all__ = ["DNS_IMAGE", "PAUSE_IMAGE", "Binaries"]

# The references of the images that are built here; nodes never pull them.
DNS_IMAGE = "turnup.local/coredns:1"
PAUSE_IMAGE = "turnup.local/pause:1"


@dataclass(frozen=True)
class Binaries:
    """The folders of the programs.

    Attributes:
        kubernetes: has kube, and a link to it for each Kubernetes program.
        etcd: has etcd.
        nodeinit: has nodeinit.
        runtime: has containerd, its shim and ctr, and runc unless the system has it on PATH.
        cni: has the network plugins.
        images: the archives that every node imports, in this order.
    """

    kubernetes: Path
    etcd: Path
    nodeinit: Path
    runtime: Path
    cni: Path
    images: tuple[Path, ...]
