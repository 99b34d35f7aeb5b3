"""`cluster.*`: the embedded Kubernetes itself."""

from tests.bench.harness import Benchmark
from tests.bench.workspace import Workspace


def _create_2(workspace: Workspace, rounds: int | None) -> Benchmark:
    def ours() -> float:
        seconds = workspace.create_cluster()
        workspace.delete_cluster()
        return seconds

    # The peers kind and k3d need a container engine and images from public registries, and nothing can replace them.
    return Benchmark("cluster.create_2", ours, None, None, rounds or 5)


ROWS = {"cluster.create_2": _create_2}
"""Row name to a function of (workspace, rounds or None) that makes its Benchmark."""
