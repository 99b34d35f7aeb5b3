"""Step: add the cluster to the user's kubeconfig."""

from __future__ import annotations

from cluster import kubeconfig
from cluster.embedded.access import access
from cluster.embedded.context import Context

TITLE = "Writing kubeconfig"


def execute(context: Context) -> None:
    """Adds or replaces the cluster's own context; the current one stays."""
    kubeconfig.merge(kubeconfig.user_path(), access(context.cluster))
