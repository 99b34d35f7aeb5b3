"""Step: give every node the images that cannot be pulled from anywhere.

It only begins the work: the API server starts meanwhile.
"""

from __future__ import annotations

from cluster.embedded.context import Context
from cluster.embedded.machine import ctr
from cluster.loading import import_archive

TITLE = "Importing images"


def execute(context: Context) -> None:
    """Adds one piece of background work per node."""
    archives = context.binaries().images

    def load(pid: int) -> None:
        for archive in archives:
            import_archive(context.runner, ctr(pid, wait=True), archive)

    for pid in context.pids.values():
        context.background.append(context.pool.submit(load, pid))
