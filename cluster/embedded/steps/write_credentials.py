"""Step: make the cluster's certificate authorities, keys and certificates."""

from __future__ import annotations

from cluster.embedded.context import Context
from cluster.embedded.credentials import write_cluster_credentials

TITLE = "Writing certificates"


def execute(context: Context) -> None:
    """Fills the pki folder and every node's own."""
    write_cluster_credentials(context.cluster)
