"""The context provider: a cluster that something other than Turnup created and manages."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from cluster.common.errors import ClusterError
from cluster.common.progress import Progress
from cluster.model.kubeconfig import Access
from cluster.model.state import Cluster

__all__ = ["ContextProvider"]


class ContextProvider:
    """Any context of the user's kubeconfig; see Provider in providers.py.

    Nothing is created, and every other method is an error that says what to use instead.
    """

    name = "context"

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def create(self, cluster: Cluster, registries: Path | None, retain: bool) -> None:
        """Prints how to choose the cluster; changes nothing."""
        self._progress.say("provider context creates nothing; set TURNUP_CONTEXT to a context of your kubeconfig, and Turnup uses that cluster")

    def start(self, cluster: Cluster) -> None:
        """Raises ClusterError."""
        self._refuse("start")

    def stop(self, cluster: Cluster) -> None:
        """Raises ClusterError."""
        self._refuse("stop")

    def delete(self, cluster: Cluster) -> None:
        """Raises ClusterError."""
        self._refuse("delete")

    def state(self, cluster: Cluster) -> str:
        """Returns that the state is not known."""
        return "managed elsewhere"

    def healthy(self, cluster: Cluster) -> bool:
        """Returns False, because the state is not known."""
        return False

    def kubeconfig(self, cluster: Cluster) -> Access:
        """Raises ClusterError: the user's kubeconfig has the cluster already."""
        self._refuse("write a kubeconfig for")

    def load_image(self, cluster: Cluster, archive: Path, reference: str | None) -> bool:
        """Raises ClusterError: the nodes pull images themselves."""
        self._refuse("load images onto the nodes of")

    def logs(self, cluster: Cluster) -> dict[str, dict[str, Path]]:
        """Raises ClusterError: the logs are where the cluster is."""
        self._refuse("read the logs of")

    def _refuse(self, what: str) -> NoReturn:
        raise ClusterError(f"Turnup can't {what} a cluster that it did not create; use the tool that created it")
