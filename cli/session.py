"""What every command gets: how to start processes, show steps, call Bazel, keep logs."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from cli import apt, tools, workspace
from cli.bazel import Bazel
from cli.errors import StepFailed
from cli.process import Runner
from cli.steps import Step, Steps

_TAIL_LINES = 20
_LOGS_KEPT = 60


@dataclass
class Session:
    """One call of the command.

    Attributes:
        runner: starts child processes.
        stdout: where data goes.
        stderr: where progress and errors go.
        environ: the environment.
        context: the kubeconfig context of --context; None for the cluster in cluster_constants.bzl.
        verbose: whether children print straight to the terminal, and errors come with a trace.
        steps: shows what is going on.
        root: the workspace.
        started: when this call began; names its log files.
    """

    runner: Runner
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    context: str | None = None
    verbose: bool = False
    steps: Steps = None
    root: Path = workspace.ROOT
    started: str = field(default_factory=lambda: time.strftime("%Y%m%d-%H%M%S"))

    def __post_init__(self) -> None:
        self.steps = self.steps or Steps(self.stderr)

    def bazel(self) -> Bazel:
        """Returns the way to call Bazel for this session's cluster."""
        return Bazel(self.runner, self.environ, self.context, self.root)

    def log(self, name: str) -> Path:
        """Returns the log file of a step of this call; its folder exists, only the user may read it, old logs are gone."""
        folder = workspace.log_dir(self.environ)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in sorted(folder.glob("*.log"))[:-_LOGS_KEPT]:  # names begin with the time
            old.unlink(missing_ok=True)
        return folder / f"{self.started}-{os.getpid()}-{name}.log"

    def call(self, step: Step, words: list[str], name: str, failure: str) -> None:
        """Runs a child of a step into its log.

        Args:
            step: shows the child's newest line.
            words: program and arguments.
            name: the log file's name.
            failure: the sentence for when it fails.

        Raises:
            StepFailed: it failed; a last line `ERROR: …` of its own is the sentence, otherwise the last lines of its
                output come with the given one.
        """
        log = None if self.verbose else self.log(name)
        if self.runner.run(words, env=dict(self.environ), cwd=self.root, log=log, on_line=step.note):
            raise failed_child(failure, log)


def failed_child(failure: str, log: Path | None) -> StepFailed:
    """Returns the error for a child that failed: in its own words where they are one sentence, else in the given one."""
    text = tail(log)
    last = text.rpartition("\n")[2]
    if last.startswith("ERROR: "):
        return StepFailed(last.removeprefix("ERROR: "), log)
    return StepFailed(failure, log, text)


def tail(log: Path | None, lines: int = _TAIL_LINES) -> str:
    """Returns a log's last lines; "" where there is no log."""
    if log is None or not log.exists():
        return ""
    return "\n".join(log.read_text(errors="replace").rstrip().splitlines()[-lines:])


def ensure_tools(session: Session) -> None:
    """Installs the Debian packages of every tool that is missing or does not fit; a step of `up` and `test`.

    Raises:
        TurnupError: something is missing and cannot be installed, or still does not fit afterwards.
    """
    with session.steps.step("Tools") as step:
        lacking = [found.tool for found in tools.find_all(session.runner) if not found.fits]
        if not lacking:
            step.summary = "all there"
            return
        packages = list(dict.fromkeys(tool.package for tool in lacking))
        # A package may be installed and hidden, or its tool be too old: apt-get then has nothing to do, and says so.
        step.summary = "installed " + " ".join(packages)
        apt.install(packages, session.runner, step, session.log("apt"), root=os.geteuid() == 0)
        still = [found for found in tools.find_all(session.runner, lacking) if not found.fits]
        if still:
            first = still[0]
            have = f"{first.path} is {first.version or 'of an unknown version'}" if first.path else "it is not on PATH"
            raise StepFailed(
                f"{first.tool.name} {first.tool.wanted} is needed, and {have}: "
                f"put the one from Debian's {first.tool.package} first on PATH"
            )
