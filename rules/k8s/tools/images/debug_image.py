"""Delivers the image of debug containers to the workspace's registry, when it is needed."""

from __future__ import annotations

from pathlib import Path

from rules.k8s.tools.errors import TurnupError
from rules.k8s.tools.images.delivery import FindLogin, Push, push_built
from rules.k8s.tools.images.push_report import PushReport
from rules.k8s.tools.objects.plan import PushPlan


def push_debug_image(plan: PushPlan, report: PushReport | None, push: Push | None = None, login: FindLogin | None = None) -> str:
    """Pushes the image of a push plan where its registry lacks it.

    Args:
        plan: the push plan of one image.
        report: gets every step; None to print nothing.
        push: the transport; that of delivery.py when None.
        login: finds the login for a registry; that of docker's config when None.

    Returns:
        The image's reference, with its digest.

    Raises:
        TurnupError: the registry does not answer or refuses the push, or the plan has no image.
    """
    from rules.image.tools.push.plan_reader import read_plan

    references = [f"{group.registry}/{job.repository}@{job.digest}" for group in read_plan(plan.path, plan.root) for job in group.jobs if not job.part]
    if len(references) != 1:
        raise TurnupError(f"{Path(plan.path).name} has {len(references)} images instead of one; build the target again")
    push_built([plan], push, report, login)
    return references[0]
