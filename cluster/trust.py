"""What protects this machine from the pods of its clusters, for `turnup doctor`."""

from __future__ import annotations

from pathlib import Path

from cluster.common.errors import ClusterError
from cluster.common.process import Runner
from cluster.model.state import default_state_dir, known_clusters

__all__ = ["trust_rows"]


def trust_rows(runner: Runner, state_dir: Path | None = None) -> list[dict[str, object]]:
    """Returns rows about every running embedded cluster; see `doctor.rows` for their keys.

    Args:
        runner: runs iptables.
        state_dir: the folder of all clusters; None for the user's.

    Returns:
        The rows; none if this user may not read the clusters' files.
    """
    # Imported here, as in providers.py: no other command need wait for the import of certificates.
    from cluster.embedded.trust import cluster_rows

    try:
        found = known_clusters(state_dir or default_state_dir())
    except ClusterError:
        return []
    return [row for cluster in found if cluster.provider == "embedded" for row in cluster_rows(runner, cluster)]
