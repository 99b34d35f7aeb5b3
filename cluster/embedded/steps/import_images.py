"""Step: import the images that nodes can't pull.

The step only starts the import, so that the API server starts meanwhile.
"""

from __future__ import annotations

from cluster.embedded.nodes.machine import ctr, wait_for_containerd
from cluster.embedded.steps.context import Context
from cluster.images.loading import import_archive

TITLE = "Importing images"


def execute(context: Context) -> None:
    """Starts the import on every node, as background work."""
    archives = context.binaries().images

    def load(pid: int) -> None:
        wait_for_containerd(pid)
        for archive in archives:
            import_archive(context.runner, ctr(pid), archive)

    for pid in context.pids.values():
        context.background.append(context.pool.submit(load, pid))
