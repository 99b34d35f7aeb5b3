"""A provider for tests, which creates nothing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from cluster.common.errors import ClusterError
from cluster.model.kubeconfig import Access
from cluster.model.names import context_name
from cluster.model.state import Cluster

__all__ = ["FakeProvider"]


@dataclass
class FakeProvider:
    """Records the calls; see Provider in providers.py.

    Attributes:
        name: the provider's name.
        calls: the calls that change something, in order.
        failing: the calls that raise ClusterError.
        well: what `healthy` returns.
    """

    name = "embedded"
    calls: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    well: bool = True

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.failing:
            raise ClusterError(f"{name} failed")

    def create(self, cluster: Cluster, registries: Path | None, retain: bool) -> None:
        """Writes a cluster.json, which is complete unless the creation fails."""
        cluster.save()
        self._call("create")
        dataclasses.replace(cluster, complete=True).save()

    def start(self, cluster: Cluster) -> None:
        """See Provider.start."""
        self._call("start")

    def stop(self, cluster: Cluster) -> None:
        """See Provider.stop."""
        self._call("stop")

    def delete(self, cluster: Cluster) -> None:
        """Removes the files."""
        self._call("delete")
        for path in sorted(cluster.folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        cluster.folder.rmdir()

    def state(self, cluster: Cluster) -> str:
        """See Provider.state."""
        return "running" if self.well else "stopped"

    def healthy(self, cluster: Cluster) -> bool:
        """See Provider.healthy."""
        return self.well

    def kubeconfig(self, cluster: Cluster) -> Access:
        """Returns an access to a server that does not exist."""
        return Access(context_name(cluster.name), "https://nowhere", b"CA", b"CERT", b"KEY")

    def load_image(self, cluster: Cluster, archive: Path, reference: str | None) -> bool:
        """See Provider.load_image."""
        self._call(f"load {archive.name} {reference}")
        return True

    def logs(self, cluster: Cluster) -> dict[str, dict[str, Path]]:
        """Writes one log of 100 lines per node into the cluster's folder."""
        found = {}
        for number in cluster.layout.numbers:
            path = cluster.folder / f"{number}.log"
            path.write_text("".join(f"line {line}\n" for line in range(100)))
            found[cluster.layout.node(number)] = {"kubelet": path}
        return found
