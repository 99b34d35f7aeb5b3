"""The command `turnup` of the wheel: `init` works anywhere; the other commands belong to a repository, whose launcher runs them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

import click

from cli.common import workspace
from cli.common.session import Session
from cli.init.command import init_command
from cluster.common.errors import TurnupError, UsageError
from cluster.common.process import ProcessRunner
from rules.common.control_characters import strip_control_characters

ELSEWHERE = ("check", "cluster", "doctor", "fix", "registry", "test", "up", "update")
"""The commands that a repository's launcher has, besides init."""
_ROOT_FILES = ("MODULE.bazel", "WORKSPACE", "WORKSPACE.bazel")


def _launcher(folder: Path) -> Path | None:
    """Returns the launcher of the repository that a folder is in; None if it is in none."""
    roots = (parent for parent in (folder, *folder.parents) if any((parent / name).exists() for name in _ROOT_FILES))
    return next((path for root in roots if os.access(path := root / "turnup", os.X_OK) and path.is_file()), None)


class _Group(click.Group):
    """The top-level group; says of every command but `init` where it runs."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        launcher = _launcher(Path.cwd())
        if launcher:
            raise UsageError(f"{cmd_name} runs the Turnup that this repository pins, and not the installed one; run {launcher} {cmd_name}")
        raise UsageError(f"{cmd_name} needs a repository that uses Turnup, and {Path.cwd()} is not in one; run turnup init, then ./turnup {cmd_name}")


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]}, epilog=f"In a repository: ./turnup {' | '.join(ELSEWHERE)}")
@click.version_option(workspace.VERSION, prog_name="turnup", message="%(prog)s %(version)s")
def turnup() -> None:
    """Write a Bazel monorepo of microservices, or add Turnup to one that exists."""


turnup.add_command(init_command)


def main(argv: Sequence[str], stdout: TextIO = sys.stdout, stderr: TextIO = sys.stderr) -> int:
    """Runs the command; arguments and result are those of cli.main.main."""
    try:
        with ProcessRunner() as runner:
            result = turnup.main(list(argv), prog_name="turnup", standalone_mode=False, obj=Session(runner, stdout, stderr))
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=stderr)
        return error.exit_code
    except click.ClickException as error:
        message, code = error.format_message(), error.exit_code
    except click.Abort:
        return 130
    except TurnupError as error:
        message, code = str(error), error.exit_code
    except OSError as error:
        message, code = f"{error.filename or 'output'}: {error.strerror}", 1
    print(f"ERROR: {strip_control_characters(message)}", file=stderr)
    return code
