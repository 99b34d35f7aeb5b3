"""The context provider: clusters that somebody else made and keeps."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from cluster.errors import ClusterError
from cluster.kubeconfig import Access
from cluster.progress import Progress
from cluster.state import Cluster

__all__ = ["ContextProvider"]


class ContextProvider:
    """Any context of the user's kubeconfig; see Provider in providers.py.

    There is nothing to create, and what cannot be done from here is an error
    that says who can.
    """

    name = "context"

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def create(self, cluster: Cluster, registries: Path, retain: bool) -> None:
        """Says how to name the cluster; changes nothing."""
        self._progress.note("provider context creates nothing: set TURNUP_CONTEXT to a context of your kubeconfig, and Turnup uses the cluster behind it")

    def start(self, cluster: Cluster) -> None:
        """Not from here."""
        self._refuse("start")

    def stop(self, cluster: Cluster) -> None:
        """Not from here."""
        self._refuse("stop")

    def delete(self, cluster: Cluster) -> None:
        """Not from here."""
        self._refuse("delete")

    def state(self, cluster: Cluster) -> str:
        """Not known here."""
        return "kept elsewhere"

    def healthy(self, cluster: Cluster) -> bool:
        """Not known here, so never taken for granted."""
        return False

    def kubeconfig(self, cluster: Cluster) -> Access:
        """The user's kubeconfig has it already."""
        self._refuse("write a kubeconfig for")

    def load_image(self, cluster: Cluster, archive: Path, reference: str | None) -> bool:
        """Its nodes pull images by themselves."""
        self._refuse("load images on the nodes of")

    def logs(self, cluster: Cluster) -> dict[str, dict[str, Path]]:
        """Kept where the cluster is."""
        self._refuse("read the logs of")

    def _refuse(self, what: str) -> NoReturn:
        raise ClusterError(f"Turnup cannot {what} a cluster that it did not make: use the tools of whoever keeps it")
