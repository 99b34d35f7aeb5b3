"""What a cluster provider does, and the table of providers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cluster.common.errors import ClusterError
from cluster.common.process import Runner
from cluster.common.progress import Progress
from cluster.model.kubeconfig import Access
from cluster.model.state import Cluster

__all__ = ["PROVIDERS", "Provider", "provider_of"]


class Provider(Protocol):
    """Creates and manages clusters of one kind. Every method raises ClusterError when it fails."""

    name: str

    def create(self, cluster: Cluster, registries: Path | None, retain: bool) -> None:
        """Creates the cluster and its kubeconfig entry.

        Args:
            cluster: the cluster.
            registries: the user's own registries.yaml; None for none.
            retain: whether to keep a cluster that could not be created completely.
        """
        ...

    def start(self, cluster: Cluster) -> None:
        """Starts the parts of the cluster that are down, and waits until it is healthy."""
        ...

    def stop(self, cluster: Cluster) -> None:
        """Stops the cluster's processes and keeps its data."""
        ...

    def delete(self, cluster: Cluster) -> None:
        """Removes the cluster, its data and its kubeconfig entry."""
        ...

    def state(self, cluster: Cluster) -> str:
        """Returns the state for `list`, in a few words."""
        ...

    def healthy(self, cluster: Cluster) -> bool:
        """Returns whether the cluster can be used as it is."""
        ...

    def kubeconfig(self, cluster: Cluster) -> Access:
        """Returns the administrator's access."""
        ...

    def load_image(self, cluster: Cluster, archive: Path, reference: str | None) -> bool:
        """Loads an archive's images onto every node that lacks them.

        Args:
            cluster: the cluster.
            archive: an OCI or Docker archive.
            reference: the image to look for on the nodes first; None loads the archive onto every node.

        Returns:
            Whether a node lacked them.
        """
        ...

    def logs(self, cluster: Cluster) -> dict[str, dict[str, Path]]:
        """Returns the log files: node → program → file."""
        ...


def _embedded(runner: Runner, progress: Progress) -> Provider:
    # Imported here: `list` need not wait for the import of certificates and steps.
    from cluster.embedded.provider import EmbeddedProvider

    return EmbeddedProvider(runner, progress)


def _k3d(runner: Runner, progress: Progress) -> Provider:
    from cluster.k3d.provider import K3dProvider

    return K3dProvider(runner, progress)


def _context(runner: Runner, progress: Progress) -> Provider:
    from cluster.context_provider import ContextProvider

    return ContextProvider(progress)


PROVIDERS: dict[str, Callable[[Runner, Progress], Provider]] = {"context": _context, "embedded": _embedded, "k3d": _k3d}


def provider_of(cluster: Cluster, runner: Runner, progress: Progress) -> Provider:
    """Returns the provider that created a cluster.

    Raises:
        ClusterError: the cluster names an unknown provider.
    """
    if cluster.provider not in PROVIDERS:
        raise ClusterError(f"cluster {cluster.name} has the unknown provider {cluster.provider!r}; choose from {', '.join(sorted(PROVIDERS))}")
    return PROVIDERS[cluster.provider](runner, progress)
