"""A shell for tests that runs verbs as `bazel run` does and keeps what they print."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema

from rules.k8s.testing.plans import document, write_plan
from rules.k8s.tools.verbs.main import main

LABEL = "//svc:dev-deep"
SCHEMA = jsonschema.Draft202012Validator(json.loads((Path(__file__).parent.parent / "events.schema.json").read_text()))


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
            "RUNFILES_DIR": str(folder / "runfiles"),
            "KUBECONFIG": str(folder / "kubeconfig"),
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "TURNUP_STATE_DIR": str(folder / "clusters"),
            "PATH": os.environ.get("PATH", ""),
        }
        self.plan = self.out = self.err = ""
        self.use(kubeconfig)

    def use(self, kubeconfig: dict[str, Any]) -> None:
        """Replaces the kubeconfig."""
        (self.folder / "kubeconfig").write_text(json.dumps(kubeconfig))

    def make(self, *objects: dict[str, Any], **settings: Any) -> None:
        """Writes the plan of one target with the given objects."""
        self.make_targets(document("//svc:dev", objects, **settings))

    def make_targets(self, *documents: dict[str, Any], label: str = LABEL, **relations: Any) -> None:
        """Writes the plan of the target `label` from several; see plans.write_plan for `services` and `deps`."""
        self.plan = write_plan(self.folder / "runfiles", label, documents, **relations)

    def run(self, verb: str, *arguments: str) -> int:
        """Runs a verb; returns its exit code."""
        out, err = io.StringIO(), io.StringIO()
        code = main([self.plan, verb, *arguments], out, err, self.environ)
        self.out, self.err = out.getvalue(), err.getvalue()
        assert "Traceback" not in self.err
        return code

    def start(self, verb: str, *arguments: str, program: str = "", **settings: Any) -> subprocess.Popen[str]:
        """Starts a verb as a separate process, which ends as the program does.

        Args:
            verb: the verb.
            *arguments: the arguments after `--`.
            program: Python code that runs before the verb.
            **settings: arguments of Popen; by default stdin is empty and both output streams are discarded.
        """
        text = f"import sys\nfrom rules.k8s.tools.verbs import start\nimport rules.k8s.tools.verbs.main as run\n{program}\nstart.main(sys.argv[1:])\n"
        settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.STDOUT, **settings}
        return subprocess.Popen(
            [sys.executable, "-c", text, self.plan, verb, *arguments], text=True, env={**self.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, **settings
        )

    def events(self, verb: str, *arguments: str) -> list[dict[str, Any]]:
        """Runs a verb with --output=json; returns its events after validating each against the published schema.

        The last event has the exit code.
        """
        code = self.run(verb, *arguments, "--output=json")
        told = [json.loads(line) for line in self.out.splitlines()]
        for event in told:
            SCHEMA.validate(event)
        assert told[-1]["event"] == "ended" and told[-1]["exit_code"] == code
        return told
