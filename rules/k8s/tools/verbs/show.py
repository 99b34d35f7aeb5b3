"""`.show`: prints the objects of a closure as they would be applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rules.k8s.tools.output import events

if TYPE_CHECKING:
    from rules.k8s.tools.run.run import Run


def execute(run: Run) -> int:
    """Prints every object as it would be applied; returns the exit code."""
    for entry in run.plan.entries:
        for obj in entry.objects:
            run.report.emit(events.manifest(entry.label, obj))
    return 0
