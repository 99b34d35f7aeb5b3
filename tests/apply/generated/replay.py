"""Runs a reproduction that the generated tests have written: bazel run //tests/apply/generated:replay -- FILE."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from cluster.programs.build import ensure
from rules.k8s.testing.real_server import RealServer
from rules.k8s.testing.shell import Shell
from rules.k8s.tools.errors import TurnupError, run_main
from tests.apply.generated.cases import Case, Report
from tests.apply.generated.engine import Engine
from tests.apply.generated.stack_model import Step
from tests.apply.generated.stack_trials import Trial
from tests.apply.generated.world import Budget, World
from tests.apply.stacks import admin


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


def main(argv: list[str]) -> int:
    """Runs a reproduction with an API server of its own; returns 0 if what it found does not happen any more, else 1."""
    parser = argparse.ArgumentParser(prog="replay", description=__doc__)
    parser.add_argument("file", help="a file of an earlier run")
    args = parser.parse_args(argv)

    def body() -> int:
        path = Path(os.environ.get("BUILD_WORKING_DIRECTORY", ".")) / args.file
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            raise TurnupError(f"{path} is not a reproduction. Use a file that //tests/apply:generated_test has written.") from None
        binaries = ensure()
        with tempfile.TemporaryDirectory() as name:
            folders = [Path(name) / part for part in ("server", "shell", "build")]
            for folder in folders:
                folder.mkdir()
            with RealServer(binaries.kubernetes / "kube-apiserver", binaries.etcd / "etcd", folders[0]) as server:
                engine = Engine(Shell(folders[1], json.loads(server.kubeconfig.read_text())), admin(server), folders[2])
                found = replay(engine, folders[2], plain)
        print(found or "It does not happen any more.")
        return 1 if found else 0

    return run_main(body)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
