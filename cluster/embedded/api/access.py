"""The administrator's access to an embedded cluster."""

from __future__ import annotations

from cluster.model.kubeconfig import Access
from cluster.model.names import context_name
from cluster.model.state import Cluster

__all__ = ["access"]


def access(cluster: Cluster) -> Access:
    """Returns the API server's URL and authority, and the administrator's certificate and key."""
    return Access(
        context=context_name(cluster.name),
        server=cluster.layout.api_url,
        authority=(cluster.pki / "ca.crt").read_bytes(),
        certificate=(cluster.pki / "admin.crt").read_bytes(),
        key=(cluster.pki / "admin.key").read_bytes(),
    )
