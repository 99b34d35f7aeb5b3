"""Step: have every program that nodes run, building what is absent."""

from __future__ import annotations

from cluster import build
from cluster.embedded.context import Context

TITLE = "Providing Kubernetes"


def execute(context: Context) -> None:
    """Sets context.programs."""
    context.programs = build.ensure(context.progress, context.runner)
