"""Step: create the cluster's certificate authorities, keys and certificates."""

from __future__ import annotations

from cluster.embedded.nodes.credentials import write_cluster_credentials
from cluster.embedded.steps.context import Context

TITLE = "Writing certificates"


def execute(context: Context) -> None:
    """Writes the pki folder and the credentials of every node."""
    write_cluster_credentials(context.cluster)
