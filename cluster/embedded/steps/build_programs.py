"""Step: build the programs that nodes run, unless the cache has them."""

from __future__ import annotations

from cluster.embedded.steps.context import Context
from cluster.programs import build

TITLE = "Preparing Kubernetes"


def execute(context: Context) -> None:
    """Sets context.programs."""
    context.programs = build.ensure(context.progress, context.runner)
