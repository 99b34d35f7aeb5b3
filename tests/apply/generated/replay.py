"""Runs a reproduction that an earlier run has written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.apply.generated.cases import Case, Report
from tests.apply.generated.engine import Engine
from tests.apply.generated.stack_model import Step
from tests.apply.generated.stack_trials import Trial
from tests.apply.generated.world import Budget, World


def replay(engine: Engine, folder: Path, plain: dict[str, Any]) -> str:
    """Returns what still fails, "" if nothing does.

    Args:
        engine: the user.
        folder: folder for outputs.
        plain: the content of the reproduction.
    """
    report = Report(folder, plain["seed"])
    if "steps" in plain:
        failure = Trial(engine, report, "replayed").run([Step.of(each) for each in plain["steps"]])
        return f"{failure.check}: {failure.detail}" if failure else ""
    world = World(engine, report, 0, Budget(), definitions=[plain["definition"]] if plain["definition"] else [])
    kind = next(kind for kind, _ in world.kinds if kind.title == plain["kind"])
    cases = [Case(kind, plain["versions"])]
    found = world.try_pairs(cases, "replayed") if len(plain["versions"]) > 1 else world.try_objects(cases, "replayed")
    return "\n".join(f"{each.check}: {each.detail}" for each in found)
