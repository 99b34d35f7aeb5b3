"""What every command gets: how to start processes, show steps, call Bazel and keep logs."""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from cli.common import apt, tools, workspace
from cli.common.bazel import Bazel
from cluster.common.errors import StepFailed
from cluster.common.process import Runner
from cluster.common.progress import Progress, Step
from rules.common.control_characters import strip_control_characters

_TAIL_LINES = 20
_LOGS_KEPT = 60


@dataclass
class Session:
    """One call of the command.

    Attributes:
        runner: starts child processes.
        stdout: where data goes.
        stderr: where progress and errors go.
        environ: the environment variables.
        context: the kubeconfig context of --context; None for the cluster of cluster_constants.bzl.
        verbose: whether children print to the terminal, and errors come with a stack trace.
        root: the workspace.
        started: when this call began; part of the names of its log files.
        progress: shows the steps on stderr.
    """

    runner: Runner
    stdout: TextIO
    stderr: TextIO
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    context: str | None = None
    verbose: bool = False
    root: Path = field(default_factory=workspace.root)
    started: str = field(default_factory=lambda: time.strftime("%Y%m%d-%H%M%S"))
    progress: Progress = field(init=False)

    def __post_init__(self) -> None:
        self.progress = Progress(self.stderr)

    @property
    def is_turnup(self) -> bool:
        """Whether the workspace is Turnup's own."""
        return (self.root / "cli" / "__main__.py").exists() and (self.root / "repositories.bzl").exists()

    def bazel(self) -> Bazel:
        """Returns a Bazel for this session's cluster."""
        return Bazel(self.runner, self.environ, self.context, self.root)

    def log(self, name: str) -> Path:
        """Returns the log file for a step of this call, in a folder that only the user can read; deletes the oldest logs."""
        folder = workspace.log_dir(self.environ)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in sorted(folder.glob("*.log"))[:-_LOGS_KEPT]:  # names begin with the time
            old.unlink(missing_ok=True)
        return folder / f"{self.started}-{os.getpid()}-{name}.log"

    def call(self, step: Step, words: list[str], name: str, failure: str) -> None:
        """Runs a child process of a step, and writes its output to a log.

        Args:
            step: shows the child's newest line.
            words: the program and its arguments.
            name: the name of the log file.
            failure: the sentence to print if the child fails without one of its own.

        Raises:
            StepFailed: the child failed; see `failed_child` for the message.
        """
        log = None if self.verbose else self.log(name)
        if self.runner.stream(words, env=dict(self.environ), cwd=self.root, log=log, on_line=step.note):
            raise failed_child(failure, log)


def failed_child(failure: str, log: Path | None) -> StepFailed:
    """Returns the error for a child process that failed.

    Args:
        failure: the sentence to use if the log's last line is not `ERROR: …`; the log's last lines come with it.
        log: the child's output; None if it printed to the terminal.
    """
    text = tail(log)
    last = text.rpartition("\n")[2]
    if last.startswith("ERROR: "):
        return StepFailed(last.removeprefix("ERROR: "), log)
    return StepFailed(failure, log, text)


def tail(log: Path | None, lines: int = _TAIL_LINES) -> str:
    """Returns the last lines of a log; "" if there is no log."""
    if log is None or not log.exists():
        return ""
    return strip_control_characters("\n".join(log.read_text(errors="replace").rstrip().split("\n")[-lines:]))


def ensure_tools(session: Session) -> None:
    """Installs the Debian package of every tool that is missing or has the wrong version; a step of `up` and `test`.

    Raises:
        TurnupError: a tool is missing and can't be installed, or still has the wrong version after the installation.
    """
    with session.progress.step("Tools") as step:
        lacking = [found.tool for found in tools.find_all(session.runner) if not found.fits]
        if not lacking:
            step.summary = "all installed"
            return
        packages = list(dict.fromkeys(tool.package for tool in lacking))
        # A package can be installed while another program hides it on PATH; apt-get then does nothing.
        step.summary = "installed " + apt.install(packages, session.runner, step, session.log("apt"), root=os.geteuid() == 0)
        still = [found for found in tools.find_all(session.runner, lacking) if not found.fits]
        if still:
            first = still[0]
            have = f"{first.path} is {first.version or 'of an unknown version'}" if first.path else "it is not on PATH"
            raise StepFailed(
                f"turnup needs {first.tool.name} {first.tool.wanted}, and {have}; put the one of Debian's package {first.tool.package} first on PATH"
            )
