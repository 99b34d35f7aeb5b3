"""The data that the steps of a cluster command share."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from cluster.common.process import Runner
from cluster.common.progress import Progress
from cluster.embedded.api.client import ApiClient
from cluster.embedded.nodes.cgroups import Cgroups
from cluster.images.registries import Registries
from cluster.model.state import Cluster
from cluster.programs.binaries import Binaries

__all__ = ["Context"]


@dataclass
class Context:
    """One run of create or start.

    Attributes:
        cluster: the cluster.
        registries: the registries that nodes know.
        cgroups: the cluster's cgroups.
        runner: runs programs.
        progress: shows the steps.
        free_space: the bytes that must be free in the state folder.
        programs: where the programs are; None until the step that builds them has run.
        pids: node number → the ID of its first process.
        launched: node number → when this run started it, in seconds since the epoch.
        background: work that runs beside the steps; a step that waits for it gets its errors.
        pool: runs the background work.
    """

    cluster: Cluster
    registries: Registries
    cgroups: Cgroups
    runner: Runner
    progress: Progress
    free_space: int = 0
    programs: Binaries | None = None
    pids: dict[int, int] = field(default_factory=dict)
    launched: dict[int, float] = field(default_factory=dict)
    background: list[Future[None]] = field(default_factory=list)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=8))
    _api: ApiClient | None = None

    @property
    def api(self) -> ApiClient:
        """The client of the cluster's API server; only for the thread that runs the steps."""
        if self._api is None:
            self._api = ApiClient(self.cluster)
        return self._api

    def binaries(self) -> Binaries:
        """Returns where the programs are; only after the step that builds them."""
        if self.programs is None:
            raise RuntimeError("the step that builds the programs has not run")
        return self.programs

    def check_background(self) -> None:
        """Raises the error of background work that has failed."""
        for work in self.background:
            if work.done():
                work.result()

    def close(self, wait: bool) -> None:
        """Closes the connection.

        Args:
            wait: whether to wait for the background work, which otherwise ends with the nodes that it runs on.
        """
        if self._api is not None:
            self._api.close()
        self.pool.shutdown(wait=wait, cancel_futures=True)
