"""The command line: what can be typed after `turnup`, and the one place where errors are printed."""

import contextlib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TextIO

import click

from cli import doctor, testing, up
from cli.check import commands as check_commands
from cli.errors import SaidAlready, StepFailed, TurnupError, UsageError
from cli.process import ProcessRunner
from cli.session import Session, ensure_tools
from cluster import build, progress

VERSION = "0.1.0"


class _Group(click.Group):
    """The top group; `cluster` comes from cluster/commands.py, which is imported only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted([*super().list_commands(ctx), "cluster"])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name == "cluster":
            return importlib.import_module("cluster.commands").cluster
        return super().get_command(ctx, cmd_name)


class _SplitAtDashes(click.Command):
    """Keeps what stands behind `--` apart, which click would mix with the arguments before it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        cut = args.index("--") if "--" in args else len(args)
        ctx.meta["behind_dashes"] = args[cut + 1 :]
        return super().parse_args(ctx, args[:cut])


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="turnup", message="%(prog)s %(version)s")
@click.option("--context", metavar="NAME", help="Work with this kubeconfig context; no cluster is made.")
@click.option("-v", "--verbose", is_flag=True, help="Show what the steps print, and a trace with an error.")
@click.pass_context
def turnup(ctx: click.Context, context: str | None, verbose: bool) -> None:
    """From a bare machine to a running stack of microservices on Kubernetes."""
    if context is not None and not context.strip():
        raise UsageError("--context: the name is empty; kubectl config get-contexts lists the names")
    session: Session = ctx.obj
    session.context = context or session.environ.get("TURNUP_CONTEXT") or None
    session.verbose = verbose


@turnup.command("up")
@click.pass_obj
def up_command(session: Session) -> int:
    """Install what is missing, start Kubernetes, turn up the sample stack and show that it works."""
    return up.run(session)


@turnup.command(
    "test",
    cls=_SplitAtDashes,
    options_metavar="",
    epilog="-//a leaves a target out. Behind -- come flags for bazel test.",
    context_settings={"ignore_unknown_options": True},  # so that -//a is a target
)
@click.argument("targets", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def test_command(ctx: click.Context, targets: tuple[str, ...]) -> int:
    """Run the tests of TARGETS and count the test cases; without TARGETS, check the repository and run all tests."""
    session: Session = ctx.obj
    for word in targets:
        if word.startswith("-") and not word.startswith("-//"):
            raise UsageError(f"{word} is no target; flags for bazel test go behind --")
    ensure_tools(session)
    checks = None
    if not targets:
        up.build_kubernetes(session)  # the tests that start clusters must not spend their time limits on it
        checks = check_commands.check_all(session)  # after the build, which compiles what go vet reads
    return testing.run(session.bazel(), targets, ctx.meta["behind_dashes"], session.stdout, checks)


turnup.add_command(check_commands.check_command)
turnup.add_command(check_commands.fix_command)
turnup.add_command(check_commands.update_command)


@turnup.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
@click.pass_obj
def doctor_command(session: Session, as_json: bool) -> int:
    """Show each tool that turnup needs: what is there, what is wanted, how to get it."""
    return doctor.run(session.runner, session.stdout, as_json=as_json)


@turnup.command("build-kubernetes", hidden=True)
def build_kubernetes_command() -> int:
    """Build the embedded Kubernetes into the cache; a step of up and test, run as a child so that it can be ended."""
    build.ensure(progress.for_stream(sys.stdout))
    return 0


def main(
    argv: Sequence[str], stdout: TextIO = sys.stdout, stderr: TextIO = sys.stderr, runner: ProcessRunner | None = None
) -> int:
    """Runs the command.

    Args:
        argv: the words behind `turnup`.
        stdout: where data goes.
        stderr: where progress and errors go.
        runner: starts child processes; None for real ones.

    Returns:
        the exit code: 0 done, 1 failed, 2 wrong usage, 128 + N ended by signal N.
    """
    with ProcessRunner() if runner is None else contextlib.nullcontext(runner) as runner:
        session = Session(runner, stdout, stderr)
        try:
            result = turnup.main(list(argv), prog_name="turnup", standalone_mode=False, obj=session)
            return result if isinstance(result, int) else 0
        except click.exceptions.NoArgsIsHelpError as error:
            print(error.format_message(), file=stderr)
            return error.exit_code
        except click.ClickException as error:
            return _print_error(error.format_message(), error.exit_code, session)
        except click.Abort:
            return 130
        except SaidAlready as error:
            return error.exit_code
        except TurnupError as error:
            if isinstance(error, StepFailed) and error.tail:
                print(error.tail, file=stderr)
            log = f" (full log: {error.log})" if isinstance(error, StepFailed) and error.log else ""
            return _print_error(f"{error}{log}", error.exit_code, session)
        except BrokenPipeError:
            # Whoever read us (`turnup doctor | head`) has gone; nothing is left to say, and Python must not try at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        except Exception as error:
            return _print_error(*_foreign(error), session)


def _foreign(error: Exception) -> tuple[str, int]:
    """Turns an error from outside cli/ into a sentence and an exit code; what nobody foresaw keeps its type's name."""
    code = getattr(error, "exit_code", None)
    if isinstance(code, int):  # cluster/errors.py has the same form as ours
        return str(error), code
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}", 1
    return f"unforeseen {type(error).__name__}: {error}; run it with -v for the trace and report it", 1


def _print_error(message: str, code: int, session: Session) -> int:
    if session.verbose:
        traceback.print_exc(file=session.stderr)
    print(f"ERROR: {message}", file=session.stderr)
    return code
