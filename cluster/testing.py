"""What tests of clusters share: a provider that makes nothing, and a cluster's credentials."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

from cluster.errors import ClusterError
from cluster.kubeconfig import Access
from cluster.names import context_name
from cluster.state import Cluster

__all__ = ["FakeProvider", "with_credentials"]


@dataclass
class FakeProvider:
    """See Provider in providers.py. failing: methods that raise; well: what healthy says."""

    name = "embedded"
    calls: list[str] = field(default_factory=list)
    failing: set[str] = field(default_factory=set)
    well: bool = True

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if name in self.failing:
            raise ClusterError(f"{name} failed")

    def create(self, cluster: Cluster, registries: Path, retain: bool) -> None:
        """Leaves a cluster.json, complete unless creation fails."""
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
        """An access that leads nowhere."""
        return Access(context_name(cluster.name), "https://nowhere", b"CA", b"CERT", b"KEY")

    def load_image(self, cluster: Cluster, archive: Path, reference: str | None) -> bool:
        """See Provider.load_image."""
        self._call(f"load {archive.name} {reference}")
        return True

    def logs(self, cluster: Cluster) -> dict[str, dict[str, Path]]:
        """One log per node, below the cluster's folder."""
        found = {}
        for number in cluster.layout.numbers:
            path = cluster.folder / f"{number}.log"
            path.write_text("".join(f"line {line}\n" for line in range(100)))
            found[cluster.layout.node(number)] = {"kubelet": path}
        return found


def with_credentials(state_dir: Path) -> Cluster:
    """A cluster of two nodes called a, with all of its keys and certificates and nothing that runs."""
    # Imported here: most tests make no certificate.
    from cluster.embedded.credentials import write_cluster_credentials

    made = Cluster("a", "embedded", "172.19.0.0/26", 2, state_dir)
    made.folder.mkdir()
    write_cluster_credentials(made)
    return made
