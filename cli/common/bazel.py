"""How turnup calls Bazel: which program, in which environment, with which flags."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cli.common import tools, workspace
from cluster.common.errors import TurnupError
from cluster.common.process import Runner
from rules.common.caches import home_dir
from rules.k8s.tools.build import user_namespace

# For a `bazel run` that shows only what its program prints, and Bazel's own errors.
QUIET = ("--ui_event_filters=-info", "--noshow_progress", "--show_result=0")


class Bazel:
    """Calls a Bazel of the right version in the workspace.

    Args:
        runner: starts it.
        environ: the environment for Bazel, its tests and its tools.
        context: the kubeconfig context to use; None for the cluster of cluster_constants.bzl.
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
        self._environ = {**environ, "USER": user_namespace.user_name(environ), "HOME": str(home_dir(environ))}
        if context:
            self._environ["TURNUP_CONTEXT"] = context

    def program(self) -> str:
        """Returns the path of a Bazel of the right version.

        Raises:
            TurnupError: there is none.
        """
        found = tools.find(tools.BAZEL, self._runner, self._environ)
        if not found.fits:
            have = f"{found.path} is {found.version or 'of an unknown version'}" if found.path else "no bazel is on PATH"
            raise TurnupError(f"turnup needs Bazel {tools.BAZEL.wanted}, and {have}; run apt-get install bazel-bootstrap")
        return found.path

    def run(
        self,
        words: Sequence[str],
        *,
        log: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> int:
        """Runs `bazel WORDS` in the workspace.

        Args:
            words: the command and its arguments.
            log: see `Runner.stream`.
            on_line: see `Runner.stream`.
            env: variables in addition to those of this Bazel; None for no others.

        Returns:
            The exit code, as from `Runner.stream`.
        """
        argv = [self.program(), *words]
        return self._runner.stream(argv, env={**self._environ, **(env or {})}, cwd=self._root, log=log, on_line=on_line)
