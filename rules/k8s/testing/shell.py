"""Runs verbs in tests as `bazel run` would, and keeps what they print."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

from rules.k8s.testing.plans import document, write_plan
from rules.k8s.tools import run

LABEL = "//svc:dev-deep"


class Shell:
    """A user with a kubeconfig, a home and a plan.

    Args:
        folder: empty folder for all of it.
        kubeconfig: the user's kubeconfig.

    Attributes:
        out, err: what the last verb printed.
        plan: the present plan's path, relative to the runfiles.
        environ: the environment that verbs run in.
    """

    def __init__(self, folder: Path, kubeconfig: dict[str, Any]):
        self.folder = folder
        self.environ = {
            "RUNFILES_DIR": str(folder / "runfiles"), "KUBECONFIG": str(folder / "kubeconfig"), "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"), "TURNUP_STATE_DIR": str(folder / "clusters"), "PATH": os.environ.get("PATH", ""),
        }
        self.plan = self.out = self.err = ""
        self.use(kubeconfig)

    def use(self, kubeconfig: dict[str, Any]) -> None:
        """Replaces the kubeconfig."""
        (self.folder / "kubeconfig").write_text(json.dumps(kubeconfig))

    def make(self, *objects: dict[str, Any], **settings: Any) -> None:
        """Makes the plan of one target with these objects."""
        self.make_targets(document("//svc:dev", objects, **settings))

    def make_targets(self, *documents: dict[str, Any], **relations: Any) -> None:
        """Makes a plan of several targets; see plans.write_plan for `services` and `deps`."""
        self.plan = write_plan(self.folder / "runfiles", LABEL, documents, **relations)

    def run(self, verb: str, *arguments: str) -> int:
        """Runs a verb; returns its exit code."""
        out, err = io.StringIO(), io.StringIO()
        code = run.main([self.plan, verb, *arguments], out, err, self.environ)
        self.out, self.err = out.getvalue(), err.getvalue()
        assert "Traceback" not in self.err
        return code
