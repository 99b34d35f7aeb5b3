"""Step: renew the administrator's certificate, if half of its time is over."""

from __future__ import annotations

from cluster.embedded.nodes.credentials import renew_cluster_credentials
from cluster.embedded.steps.context import Context

TITLE = "Checking certificates"


def execute(context: Context) -> None:
    """Renews what the pki folder has, and adds what an older version of Turnup did not write."""
    renew_cluster_credentials(context.cluster)
