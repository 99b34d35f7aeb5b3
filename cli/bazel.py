"""How turnup calls Bazel: the program, its environment, its words."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli import tools, workspace
from cli.errors import TurnupError
from cli.process import Runner
from rules.k8s.tools.build import user_namespace

# Only what goes wrong: for a `bazel run` whose program has the say.
QUIET = ("--ui_event_filters=-info", "--noshow_progress", "--show_result=0")


class Bazel:
    """Calls the Bazel that fits, in the workspace.

    Args:
        runner: starts it.
        environ: the environment that its tests and tools see.
        context: the kubeconfig context to work with; None for the cluster in cluster_constants.bzl.
        root: the workspace.
    """

    def __init__(
        self,
        runner: Runner,
        environ: Mapping[str, str] = os.environ,
        context: str | None = None,
        root: Path = workspace.ROOT,
    ) -> None:
        self._runner = runner
        self._root = root
        self._environ = {**environ, "USER": user_namespace.user_name(environ), "HOME": str(workspace.home(environ))}
        if context:
            self._environ["TURNUP_CONTEXT"] = context

    def program(self) -> str:
        """Returns the path of a Bazel whose version fits.

        Raises:
            TurnupError: there is none.
        """
        found = tools.find(tools.BAZEL, self._runner, self._environ)
        if not found.fits:
            have = f"{found.path} is {found.version or 'of an unknown version'}" if found.path else "no bazel is on PATH"
            raise TurnupError(f"turnup needs Bazel {tools.BAZEL.wanted}, and {have}: apt-get install bazel-bootstrap")
        return found.path

    def run(self, words: Sequence[str], *, log: Path | None = None, on_line=None) -> int:
        """Runs `bazel WORDS` in the workspace; see `process.Runner.run` for log, on_line and the result."""
        argv = [self.program(), *words]
        return self._runner.run(argv, env=self._environ, cwd=self._root, log=log, on_line=on_line)
