"""The table of generated files: goldens, the reference, locks.

To add one, add a row to `UPDATES`.
"""

import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cli.check import files
from cli.check.toolbox import Toolbox
from cli.common import build_events
from cli.common.session import Session, failed_child
from cluster.common.errors import UsageError
from cluster.common.progress import Step

# The tests with a golden file that is a source of this repository and not a pattern: `--update` can rewrite these.
_GOLDEN_TESTS = """\
let tests = attr(regex, 0, attr(golden, "..*", kind("jsonnet_to_json_test rule", //...))) in
$tests intersect rdeps($tests, kind("source file", filter("^//", labels(golden, $tests))), 1)"""


@dataclass(frozen=True)
class Update:
    """Files that one command generates.

    Attributes:
        name: the name on the command line.
        text: which files are rewritten from what, in a phrase.
        run: rewrites the files.
        registry: whether it asks a package registry, which can change a result without a change here. It runs only by name.
    """

    name: str
    text: str
    run: Callable[[Session, Step], None]
    registry: bool = False


def run(session: Session, names: Sequence[str]) -> int:
    """Rewrites files.

    Args:
        session: the call.
        names: rows of `UPDATES`; empty for all rows without a registry.

    Returns:
        0; every failure is an exception.

    Raises:
        UsageError: a name is not in the table.
        StepFailed: a command failed.
    """
    rows = {row.name: row for row in UPDATES}
    for name in names:
        if name not in rows:
            raise UsageError(f"{name} is not something to update. Use one of {', '.join(rows)}.")
    for row in [rows[name] for name in dict.fromkeys(names)] or [row for row in UPDATES if not row.registry]:
        with session.progress.step(f"Updating {row.name}") as step:
            row.run(session, step)
    return 0


def table() -> str:
    """Returns a line for each row: its name, what it rewrites, and when it runs."""
    lines = (f"{row.name:<10} {row.text}{' (only when named)' if row.registry else ''}" for row in UPDATES)
    return "\n".join(lines) + "\n"


def _bazel(
    session: Session,
    step: Step,
    command: str,
    *words: str,
    on_line: Callable[[str], None] | None = None,
    fine: Collection[int] = (0,),
    env: Mapping[str, str] | None = None,
) -> None:
    """Runs a Bazel command and writes its output to the step's log; an exit code that is not in `fine` raises StepFailed."""
    log = session.log("update")
    argv = [command, "--color=no", "--curses=no", *words]
    if session.bazel().run(argv, log=log, on_line=on_line or step.note, env=env) not in fine:
        raise failed_child(f"bazel {command} failed; its last lines are above", log)


def _bazel_run(label: str, env: Mapping[str, str] | None = None) -> Callable[[Session, Step], None]:
    return lambda session, step: _bazel(session, step, "run", label, env=env)


def _goldens(session: Session, step: Step) -> None:
    """Rewrites the golden files of failing tests only: a golden may be formatted differently and still pass."""
    labels: list[str] = []

    def read(line: str) -> None:
        if line.startswith("//"):
            labels.append(line)

    _bazel(session, step, "query", "--noshow_progress", _GOLDEN_TESTS, on_line=read)
    failing = _failing(session, step, labels) if labels else []
    for label in failing:
        step.note(label)
        _bazel(session, step, "run", label, "--", "--update")
    step.summary = f"{len(failing)} of {len(labels)} golden files written"


def _failing(session: Session, step: Step, labels: Sequence[str]) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="turnup-update-") as folder:
        events = Path(folder, "events.json")
        # Exit code 3: everything was built, and a test failed.
        _bazel(session, step, "test", "--keep_going", f"--build_event_json_file={events}", "--", *labels, fine=(0, 3))
        targets = build_events.read(events.read_text(errors="replace").splitlines()).targets.values()
    return [target.label for target in targets if target.is_test and target.status == "FAILED"]


def _python(session: Session, step: Step) -> None:
    script = session.root / "third_party/python/update.sh"
    session.call(step, [str(script)], "update", "third_party/python/update.sh failed; its last lines are above")


def _go(session: Session, step: Step) -> None:
    go = Toolbox(session).go()
    modules = [Path(name).parent for name in files.everything(session.runner, session.root).tracked if name.endswith("go.mod")]
    for module in modules:
        step.note(str(module))
        words = [go, "-C", str(session.root / module), "mod", "tidy"]
        session.call(step, words, "update", f"go mod tidy failed in {module}; its last lines are above")
    step.summary = f"{len(modules)} modules"


def _java(session: Session, step: Step) -> None:
    """Resolves both lists; each of them asks Maven, and the second must not hide what the first one said."""
    for repository in ("turnup_maven", "maven"):
        step.note(f"@{repository}")
        _bazel(session, step, "run", f"@{repository}//update")


UPDATES = (
    Update("goldens", "the golden files of failing Jsonnet tests, from the programs' current output", _goldens),
    Update("manifests", "svc/goldens/*.yaml, from the sample's current manifests", _bazel_run("//svc:goldens_test", {"UPDATE": "1"})),
    Update("reference", "the reference of the rules, from the documentation in their .bzl files", _bazel_run("//docs:update")),
    Update("crds", "prod/crds/*.yaml, from the Go module of the Prometheus Operator", _bazel_run("//prod/crds:update"), registry=True),
    Update("debian", "third_party/debian/*.lock, for the newest packages", _bazel_run("//rules/image:update_debian_lock"), registry=True),
    Update("go", "go.mod and go.sum of every Go module, for what its code imports", _go, registry=True),
    Update("java", "the Java locks, for the lists beside them in third_party/java", _java, registry=True),
    Update("python", "the Python locks, for the newest versions that fit the .in files", _python, registry=True),
)
