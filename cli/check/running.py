"""Runs the tools in parallel, shows a line for each, and collects their findings."""

import re
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from cli.check.files import FileSet, printable
from cli.check.toolbox import Toolbox
from cli.check.tools import TOOLS, Call, Calls, Tool
from cli.common.counting import Cases
from cli.common.session import Session
from cluster.common.errors import Interrupted, TurnupError
from cluster.common.process import NOT_FOUND

# Tools do not get variables with these prefixes: the settings of one user must not change the findings.
_IGNORED = ("BUILDIFIER_", "CLICOLOR", "FORCE_COLOR", "MYPY", "RUFF_", "SHELLCHECK_")


@dataclass(frozen=True)
class Outcome:
    """The result of one tool.

    Attributes:
        tool: its name.
        passed: whether it ran and reported nothing.
        text: what it printed; "" if it passed.
        missing: why the tool could not be installed; "" if it ran.
    """

    tool: str
    passed: bool
    text: str = ""
    missing: str = ""


class _Findings(Exception):
    """Marks a step as failed; nobody prints it."""


def check(session: Session, chosen: FileSet, box: Toolbox, tools: Sequence[Tool] = TOOLS) -> list[Outcome]:
    """Runs every tool that has a file to check.

    Args:
        session: the call; its stdout gets the findings of each tool, as the tool prints them.
        chosen: the files.
        box: finds the tools.
        tools: the table.

    Returns:
        The outcome of each tool, in the table's order.

    Raises:
        TurnupError: the name of a file is not UTF-8; nothing ran.
        Interrupted: a signal arrived; every tool has ended.
    """
    outcomes = _run_all(session, chosen, box, [(tool, tool.check) for tool in tools])
    for outcome in outcomes:
        if outcome.text:
            print(f"{outcome.tool}:\n{outcome.text}", file=session.stdout, flush=True)
        if outcome.missing:
            print(f"ERROR: {outcome.missing}", file=session.stderr, flush=True)
    return outcomes


def fix(session: Session, chosen: FileSet, box: Toolbox, tools: Sequence[Tool] = TOOLS) -> list[Outcome]:
    """Lets every tool correct what it can. Arguments, result and errors are the same as for `check`."""
    outcomes = _run_all(session, chosen, box, [(tool, tool.fix) for tool in tools if tool.fix], writes=True)
    for outcome in outcomes:
        if not outcome.passed:
            text = outcome.text.removeprefix("ERROR: ").removeprefix("error: ")
            print(f"ERROR: {outcome.missing or f'{outcome.tool}: {text}'}", file=session.stderr, flush=True)
    return outcomes


def count(outcomes: Sequence[Outcome]) -> Cases:
    """Returns each tool as a test case."""
    cases = Cases()
    for outcome in outcomes:
        if outcome.passed:
            cases.passed += 1
        else:
            cases.fail(f"./turnup check --all: {outcome.tool} {'is missing' if outcome.missing else 'has findings'}")
    return cases


def _run_all(session: Session, chosen: FileSet, box: Toolbox, wanted: Sequence[tuple[Tool, Calls]], *, writes: bool = False) -> list[Outcome]:
    jobs: list[tuple[Tool, list[str], list[Call] | TurnupError]] = []
    for tool, calls in wanted:
        names = [name for kind in tool.kinds for name in chosen.of(kind)]
        # ruff and mypy crash on such a name, and don't say on which.
        wrong = next((name for name in names if name != name.encode(errors="replace").decode()), "")
        if wrong:
            raise TurnupError(f"{printable(wrong)}: the name is not UTF-8, so {tool.name} can't read the file. Rename it.")
        if tool.whole:
            names += [name for kind in tool.kinds for name in chosen.deleted_of(kind)]
        if not names:
            continue
        # Installs the tools one after another, because two threads would install the same one.
        try:
            made = calls(box, chosen)
            if made:
                jobs.append((tool, names, made))
        except Interrupted:
            raise
        except TurnupError as error:
            jobs.append((tool, names, error))
    if not jobs:
        return []
    with tempfile.TemporaryDirectory(prefix="turnup-check-") as folder, ThreadPoolExecutor(len(jobs)) as pool:

        def start(index: int) -> Callable[[], Outcome]:
            tool, names, calls = jobs[index]
            log = Path(folder, f"{index}.log")
            return lambda: _run_one(session, chosen, tool, names, calls, log, writes=writes)

        futures = [pool.submit(start(index)) for index in range(len(jobs))]
        try:
            return [future.result() for future in futures]
        except BaseException:
            session.runner.stop()  # the error is shown now, not when the other tools have ended
            raise


def _run_one(
    session: Session,
    chosen: FileSet,
    tool: Tool,
    names: Sequence[str],
    calls: Sequence[Call] | TurnupError,
    log: Path,
    *,
    writes: bool,
) -> Outcome:
    """Runs a tool's calls one after another, as a step."""
    try:
        with session.progress.step(tool.name) as step:
            if isinstance(calls, TurnupError):
                raise _Findings
            log.touch()
            before = _contents(chosen.root, names) if writes else []
            failed = False
            for call in calls:
                failed |= not _succeeds(session, call, chosen.root, log)
            if failed:
                raise _Findings
            step.summary = _files(len(names))
            if writes:
                different = sum(one != two for one, two in zip(before, _contents(chosen.root, names), strict=True))
                step.summary = f"{different} of {_files(len(names))} changed"
    except _Findings:
        if isinstance(calls, TurnupError):
            return Outcome(tool.name, passed=False, missing=f"{tool.name} is missing: {calls}")
        return Outcome(tool.name, passed=False, text=_read_findings(log, calls))
    return Outcome(tool.name, passed=True)


def _read_findings(log: Path, calls: Sequence[Call]) -> str:
    """Returns what the calls of a failed tool printed, without noise unless there is nothing else."""
    lines = log.read_text(errors="replace").rstrip().splitlines()
    noise = [re.compile(call.noise) for call in calls if call.noise]
    found = [line for line in lines if not any(pattern.fullmatch(line) for pattern in noise)]
    return "\n".join(found or lines) or "failed and printed nothing"


def _succeeds(session: Session, call: Call, root: Path, log: Path) -> bool:
    if call.stamp and call.stamp.exists():
        return True
    size = log.stat().st_size
    env = {name: value for name, value in session.environ.items() if not name.startswith(_IGNORED)} | dict(call.env)
    code = session.runner.stream(call.argv, env=env, cwd=root / call.folder, log=log)
    if code == NOT_FOUND and not Path(call.argv[0]).exists():
        with log.open("a") as sink:
            print(f"{call.argv[0]} does not exist. Remove its folder and run the same command again.", file=sink)
    succeeded = code == 0 and not (call.silent and log.stat().st_size > size)
    if succeeded and call.stamp:
        call.stamp.parent.mkdir(parents=True, exist_ok=True)
        call.stamp.touch()
    return succeeded


def _contents(root: Path, names: Sequence[str]) -> list[bytes]:
    return [(root / name).read_bytes() for name in names]


def _files(number: int) -> str:
    return f"{number} file" + ("" if number == 1 else "s")
