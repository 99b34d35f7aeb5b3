"""Where clusters come from: what a provider does, and the table of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cluster.errors import ClusterError
from cluster.kubeconfig import Access
from cluster.progress import Progress
from cluster.runner import Runner
from cluster.state import Cluster

__all__ = ["PROVIDERS", "Provider", "provider_of"]


class Provider(Protocol):
    """Makes and keeps clusters of one kind. Every method raises ClusterError."""

    name: str

    def create(self, cluster: Cluster, registries: Path, retain: bool) -> None:
        """Creates the cluster and its kubeconfig entry; retain keeps a failed one."""
        ...

    def start(self, cluster: Cluster) -> None:
        """Starts what does not run of the cluster, and waits until it is healthy."""
        ...

    def stop(self, cluster: Cluster) -> None:
        """Ends the cluster's processes; all data stays."""
        ...

    def delete(self, cluster: Cluster) -> None:
        """Removes the cluster, its data and its kubeconfig entry."""
        ...

    def state(self, cluster: Cluster) -> str:
        """One or few words for `list`."""
        ...

    def healthy(self, cluster: Cluster) -> bool:
        """Whether the cluster can be used as it is."""
        ...

    def kubeconfig(self, cluster: Cluster) -> Access:
        """The administrator's access."""
        ...

    def load_image(self, cluster: Cluster, archive: Path, reference: str | None) -> bool:
        """Puts an archive's images on all nodes that lack them; whether any did."""
        ...

    def logs(self, cluster: Cluster) -> dict[str, dict[str, Path]]:
        """Log files: node → program → file."""
        ...


def _embedded(runner: Runner, progress: Progress) -> Provider:
    # Imported on use: certificates and steps take time that `list` need not pay.
    from cluster.embedded.provider import EmbeddedProvider

    return EmbeddedProvider(runner, progress)


def _k3d(runner: Runner, progress: Progress) -> Provider:
    from cluster.k3d.provider import K3dProvider

    return K3dProvider(runner, progress)


def _context(runner: Runner, progress: Progress) -> Provider:
    from cluster.existing import ContextProvider

    return ContextProvider(progress)


PROVIDERS: dict[str, Callable[[Runner, Progress], Provider]] = {"context": _context, "embedded": _embedded, "k3d": _k3d}


def provider_of(cluster: Cluster, runner: Runner, progress: Progress) -> Provider:
    """The provider that a cluster was made by."""
    if cluster.provider not in PROVIDERS:
        raise ClusterError(f"cluster {cluster.name} has the provider {cluster.provider!r}: choose from {', '.join(sorted(PROVIDERS))}")
    return PROVIDERS[cluster.provider](runner, progress)
