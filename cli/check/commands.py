"""The commands `turnup check`, `turnup fix` and `turnup update`."""

from collections.abc import Sequence

import click

from cli.check import files, running, update
from cli.check.toolbox import Toolbox
from cli.common.counting import Cases
from cli.common.session import Session
from cluster.common.errors import TurnupError, UsageError

_ALL = click.option("--all", "everything", is_flag=True, help="Take every file of the repository.")
_PATHS = click.argument("paths", nargs=-1, metavar="[PATHS]...")


@click.command("check", epilog="Continuous integration runs the same checks. ./turnup fix corrects what a tool can correct.")
@_ALL
@_PATHS
@click.pass_obj
def check_command(session: Session, paths: tuple[str, ...], everything: bool) -> int:
    """Lint, check formatting and check types.

    Takes the files below PATHS. Without PATHS, takes the files that differ from the main branch, or every file if a tool's setting
    differs.
    """
    chosen = _choose(session, paths, everything=everything)
    outcomes = running.check(session, chosen, Toolbox(session))
    _say_if_nothing(session, outcomes, chosen, paths, "checks")
    found = [outcome.tool for outcome in outcomes if outcome.text]
    if found:
        raise TurnupError(f"{_join(found)} reported problems; they are above. Run ./turnup fix, then correct the rest by hand.")
    return 0 if all(outcome.passed for outcome in outcomes) else 1


@click.command("fix", epilog="./turnup check prints what is left to correct by hand.")
@_ALL
@_PATHS
@click.pass_obj
def fix_command(session: Session, paths: tuple[str, ...], everything: bool) -> int:
    """Format the code and correct what the linters can correct.

    Takes the files below PATHS. Without PATHS, takes the files that differ from the main branch, or every file if a tool's setting
    differs.
    """
    chosen = _choose(session, paths, everything=everything)
    outcomes = running.fix(session, chosen, Toolbox(session))
    _say_if_nothing(session, outcomes, chosen, paths, "corrects")
    return 0 if all(outcome.passed for outcome in outcomes) else 1


@click.command("update")
@click.option("--list", "list_", is_flag=True, help="List the names and what each rewrites.")
@click.argument("names", nargs=-1, metavar="[NAMES]...")
@click.pass_obj
def update_command(session: Session, names: tuple[str, ...], list_: bool) -> int:
    """Rewrite generated files: goldens, the reference, locks.

    Without NAMES, rewrites every file that needs no package registry.
    """
    if list_ and names:
        raise UsageError("--list and NAMES cannot be combined. Use one of them.")
    if list_:
        session.stdout.write(update.table())
        return 0
    return update.run(session, names)


def check_all(session: Session) -> Cases:
    """Checks the whole repository, as `turnup test` does first; each tool is a test case."""
    return running.count(running.check(session, files.everything(session.runner, session.root), Toolbox(session)))


def _choose(session: Session, paths: Sequence[str], *, everything: bool) -> files.FileSet:
    if paths and everything:
        raise UsageError("--all and PATHS cannot be combined. Use one of them.")
    if paths:
        return files.below(paths, session.runner, session.root)
    choose = files.everything if everything else files.changed
    return choose(session.runner, session.root)


def _say_if_nothing(session: Session, outcomes: Sequence[running.Outcome], chosen: files.FileSet, paths: Sequence[str], verb: str) -> None:
    """Says why no tool ran. That is no failure: pre-commit and scripts pass every name that they have."""
    different = [*chosen.names, *chosen.deleted]
    if outcomes:
        return
    if paths:
        session.progress.say(f"No tool {verb} {_name_some(paths)}.")
    elif different:
        session.progress.say(f"No tool {verb} what has changed: {_name_some(different)}. Use --all to take every file, or name PATHS.")
    else:
        session.progress.say("No file has changed. Use --all to take every file, or name PATHS.")


def _name_some(names: Sequence[str]) -> str:
    """Returns up to three names, and the number of the others."""
    shown = [files.printable(name) for name in names[:3]]
    return " or ".join([*shown, f"{len(names) - 3} others"] if len(names) > 3 else shown)


def _join(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
