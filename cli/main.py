"""The command line of `turnup`, and the one place that prints errors."""

import contextlib
import errno
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

import click

from cli import doctor, testing, up
from cli.check import commands as check_commands
from cli.common import workspace
from cli.common.session import Session, ensure_tools
from cli.init.command import init_command
from cluster.common.errors import AlreadyReported, StepFailed, TurnupError, UsageError
from cluster.common.process import ProcessRunner
from cluster.common.progress import Progress
from cluster.programs import build
from rules.common.control_characters import strip_control_characters

# What a write to a full disk, to a terminal that has gone, or to a file that is closed or too large raises.
_UNWRITABLE = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF, errno.EFBIG))
_BROKEN_PIPE = 141
# Commands that have their own module, which defines them under their name.
_LAZY = {"cluster": "cluster.commands", "registry": "cli.registry.commands"}


class _Group(click.Group):
    """The top-level group; imports the module of a command in _LAZY only when that command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), *_LAZY])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _LAZY:
            group: click.Command = getattr(importlib.import_module(_LAZY[cmd_name]), cmd_name)
            return group
        return super().get_command(ctx, cmd_name)


class _SplitAtDashes(click.Command):
    """Separates the words after `--`, which click would mix with the arguments before it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        cut = args.index("--") if "--" in args else len(args)
        ctx.meta["behind_dashes"] = args[cut + 1 :]
        return super().parse_args(ctx, args[:cut])


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(workspace.VERSION, prog_name="turnup", message="%(prog)s %(version)s")
@click.option("--context", metavar="NAME", help="Use this kubeconfig context and create no cluster.")
@click.option("-v", "--verbose", is_flag=True, help="Show the output of the steps, and a stack trace with an error.")
@click.pass_context
def turnup(ctx: click.Context, context: str | None, verbose: bool) -> None:
    """From a bare machine to a running stack of microservices on Kubernetes."""
    if context is not None and not context.strip():
        raise UsageError("--context: the name is empty; run kubectl config get-contexts to list the names")
    session: Session = ctx.obj
    session.context = context or session.environ.get("TURNUP_CONTEXT") or None
    session.verbose = verbose


@turnup.command("up")
@click.pass_obj
def up_command(session: Session) -> int:
    """Start Kubernetes, its setup and the repository's stacks.

    Installs missing tools first. In Turnup's own repository it shows at the end that the sample stack answers.
    """
    return up.run(session)


@turnup.command(
    "test",
    cls=_SplitAtDashes,
    options_metavar="",
    epilog="-//a excludes a target. Flags for bazel test follow --.",
    context_settings={"ignore_unknown_options": True},  # -//a is a target
)
@click.argument("targets", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def test_command(ctx: click.Context, targets: tuple[str, ...]) -> int:
    """Run the tests of TARGETS and count the test cases; without TARGETS, run all tests, and check Turnup's own repository."""
    session: Session = ctx.obj
    for word in targets:
        if word.startswith("-") and not word.startswith("-//"):
            raise UsageError(f"{word} is not a target; put flags for bazel test after --")
    ensure_tools(session)
    checks = None
    if not targets and session.is_turnup:
        up.build_kubernetes(session)  # tests that start clusters must not use up their timeouts for it
        checks = check_commands.check_all(session)  # after the build, which compiles what go vet reads
    return testing.run(session.bazel(), targets, ctx.meta["behind_dashes"], session.stdout, checks)


turnup.add_command(check_commands.check_command)
turnup.add_command(check_commands.fix_command)
turnup.add_command(check_commands.update_command)
turnup.add_command(init_command)


@turnup.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.pass_obj
def doctor_command(session: Session, as_json: bool) -> int:
    """Show the tools that turnup needs, and how to get missing ones."""
    return doctor.run(session.runner, session.stdout, as_json=as_json)


@turnup.command("build-kubernetes", hidden=True)
def build_kubernetes_command() -> int:
    """Build the embedded Kubernetes into the cache; a child process of up and test, which can be stopped."""
    build.ensure(Progress(sys.stdout))
    return 0


def main(argv: Sequence[str], stdout: TextIO = sys.stdout, stderr: TextIO = sys.stderr, runner: ProcessRunner | None = None) -> int:
    """Runs the command.

    Args:
        argv: the words after `turnup`.
        stdout: where data goes.
        stderr: where progress and errors go.
        runner: starts child processes; None for a ProcessRunner.

    Returns:
        The exit code: 0 success, 1 failure, 2 wrong usage, 128 + N stopped by signal N.
    """
    with ProcessRunner() if runner is None else contextlib.nullcontext(runner) as processes:
        session = Session(processes, stdout, stderr)
        try:
            code = _run(argv, session)
            # Here, and not when Python exits: it would print a traceback and exit with 120. What failed to be written once may
            # still be in the buffer, and its error has been printed then.
            with contextlib.suppress(OSError) if code else contextlib.nullcontext():
                stdout.flush()
            return code
        except BrokenPipeError:
            return _BROKEN_PIPE
        except OSError as error:
            return _print_error(*_describe(error), session)


def run_process(argv: Sequence[str]) -> int:
    """Runs the command on the standard streams of the process, which must then exit with the result; see `main`."""
    code = main(argv)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            # Python must not try again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1 if stream is sys.stdout else 2)
            code = code or 1
    return code


def _run(argv: Sequence[str], session: Session) -> int:
    """Runs the command, and prints any error as one sentence; raises BrokenPipeError."""
    streams = sys.stdout, sys.stderr
    try:
        result = turnup.main(list(argv), prog_name="turnup", standalone_mode=False, obj=session)
        return result if isinstance(result, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message(), file=session.stderr)
        return error.exit_code
    except click.ClickException as error:
        return _print_error(error.format_message(), error.exit_code, session)
    except click.Abort:
        return 130
    except AlreadyReported as error:
        return error.exit_code
    except TurnupError as error:
        if isinstance(error, StepFailed) and error.tail:
            print(error.tail, file=session.stderr)
        log = f" (full log: {error.log})" if isinstance(error, StepFailed) and error.log else ""
        return _print_error(f"{error}{log}", error.exit_code, session)
    except SystemExit as error:
        # The reader of a pipe (`turnup --help | head`) has gone. rich exits with 1; click replaces the streams first.
        if sys.stdout is streams[0] and not isinstance(error.__context__, BrokenPipeError):
            raise
        sys.stdout, sys.stderr = streams
        return _BROKEN_PIPE
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  # a defect is one sentence, too; -v shows the stack trace
        return _print_error(*_describe(error), session)


def _describe(error: Exception) -> tuple[str, int]:
    """Returns the sentence and the exit code for an error that is not a TurnupError of cluster/common."""
    code = getattr(error, "exit_code", None)
    if isinstance(code, int):  # the errors of rules/common have the same attribute
        return str(error), code
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", 1
    if isinstance(error, OSError) and error.errno in _UNWRITABLE:
        return f"cannot write the output or a log: {error.strerror}. Free space or redirect the output, then run the same command again.", 1
    return f"unexpected {type(error).__name__}: {error}; run it again with -v and report the stack trace", 1


def _print_error(message: str, code: int, session: Session) -> int:
    # An unwritable stderr must not change the exit code.
    with contextlib.suppress(OSError):
        if session.verbose:
            traceback.print_exc(file=session.stderr)
        print(f"ERROR: {strip_control_characters(message)}", file=session.stderr, flush=True)
    return code
