"""A cluster for tests that has its credentials and runs nothing."""

from __future__ import annotations

from pathlib import Path

from cluster.embedded.nodes.credentials import write_cluster_credentials
from cluster.model.state import Cluster

__all__ = ["cluster_with_credentials"]


def cluster_with_credentials(state_dir: Path) -> Cluster:
    """Creates the keys and certificates of a cluster called a with two nodes.

    Args:
        state_dir: the folder for the cluster's folder.

    Returns:
        The cluster.
    """
    cluster = Cluster("a", "embedded", "172.19.0.0/26", 2, state_dir)
    cluster.folder.mkdir()
    write_cluster_credentials(cluster)
    return cluster
