"""What every step of a cluster command works on."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from cluster.binaries import Binaries
from cluster.embedded.api import ApiClient
from cluster.embedded.cgroups import Cgroups
from cluster.progress import Progress
from cluster.registries import Registries
from cluster.runner import Runner
from cluster.state import Cluster

__all__ = ["Context"]


@dataclass
class Context:
    """One run of create or start.

    cluster: its facts. registries: how its nodes reach registries. programs:
    set by the step that builds them. cgroups: the cluster's. background: work
    that runs beside the steps; its errors surface where it is awaited.
    """

    cluster: Cluster
    registries: Registries
    cgroups: Cgroups
    runner: Runner
    progress: Progress
    free_space: int = 0  # bytes that must be free below the state folder
    programs: Binaries | None = None
    pids: dict[int, int] = field(default_factory=dict)  # node number → first process
    launched: dict[int, float] = field(default_factory=dict)  # nodes started by this run → when (seconds since the epoch)
    background: list[Future[None]] = field(default_factory=list)
    pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(max_workers=8))
    _api: ApiClient | None = None

    @property
    def api(self) -> ApiClient:
        """The client of the cluster's API server; for the thread that runs the steps."""
        if self._api is None:
            self._api = ApiClient(self.cluster)
        return self._api

    def binaries(self) -> Binaries:
        """The programs; only after the step that builds them."""
        assert self.programs is not None
        return self.programs

    def check_background(self) -> None:
        """Raises the error of background work that failed already."""
        for work in self.background:
            if work.done():
                work.result()

    def close(self, wait: bool) -> None:
        """Ends the connection and, if asked to, waits for background work.

        Work that is not waited for runs inside the nodes and ends with them.
        """
        if self._api is not None:
            self._api.close()
        self.pool.shutdown(wait=wait, cancel_futures=True)
