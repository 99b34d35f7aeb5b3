"""Step: add the cluster to the user's kubeconfig."""

from __future__ import annotations

from cluster.embedded.api.access import access
from cluster.embedded.steps.context import Context
from cluster.model import kubeconfig

TITLE = "Writing kubeconfig"


def execute(context: Context) -> None:
    """Adds or replaces the cluster's context, and keeps the current context."""
    kubeconfig.merge(kubeconfig.user_path(), access(context.cluster))
