"""`turnup up`: brings a machine from nothing to the sample stack that answers RPCs.

Every step checks first what is already done, so a second run is quick, and continues an interrupted one.
"""

import os
import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from cli import kubernetes, preflight
from cli.common import workspace
from cli.common.bazel import QUIET
from cli.common.session import Session, ensure_tools, failed_child
from cluster.common.errors import AlreadyReported
from cluster.model import constants
from cluster.model.state import default_state_dir
from rules.common.caches import cache_dir
from rules.common.control_characters import strip_control_characters

SETUP = "//prod:setup.apply"
# The developer's own environment of the sample stack, and of the service that logs what the stack answers.
STACK = "//svc:{env}-deep.apply"
CLIENT_LOGS = "//python/client:{env}.logs"

# The client logs each answered RPC as `METHOD answered from redis …: answer (N ms)`.
_ANSWERED = re.compile(r"\banswered from redis\b.*\(\d+ ms\)$")
_LOG_LINES = 12
# How long to look for an answered RPC, and how long to wait between two looks, in seconds.
ANSWER_TIMEOUT = 60.0
_PAUSE = 2.0


def check(session: Session, defaults: constants.Constants, *, free: preflight.FreeBytes, euid: int) -> None:
    """Raises an error for everything that can't work, before anything is changed; see preflight for the errors."""
    preflight.check_user(defaults.shared_environments, session.environ)
    if session.context:
        preflight.check_context(session.context, session.environ)
    elif defaults.provider == "embedded":
        preflight.check_root(euid)
    to_build = not session.context and kubernetes.missing()
    places = [cache_dir(session.environ)]
    if not session.context:
        places.append(default_state_dir())
    preflight.check_disk(places, preflight.NEED_TO_BUILD if to_build else preflight.NEED_TO_RUN, free)


def build_kubernetes(session: Session) -> None:
    """Builds the embedded Kubernetes unless the cache has it; a step.

    Raises:
        StepFailed: the build failed.
    """
    with session.progress.step("Kubernetes from Go modules") as step:
        missing = kubernetes.missing()
        step.summary = "built " + " ".join(missing) if missing else "already built"
        session.call(
            step,
            workspace.self_words("build-kubernetes"),
            "kubernetes",
            "the build of the embedded Kubernetes failed; its last lines are above",
        )


def find_stacks(session: Session, environment: str) -> list[str]:
    """Returns the apply targets of the repository's stacks in an environment: of each service that no other depends on.

    Args:
        session: the call.
        environment: an environment of ENVS.

    Raises:
        StepFailed: Bazel cannot load the repository.
    """
    if session.is_turnup:
        return [STACK.format(env=environment)]
    query = f'let deep = filter(":{environment}-deep$", kind("k8s_objects_rule rule", //...)) in $deep except deps(labels(objects, $deep))'
    with session.progress.step("bazel query: the stacks") as step:
        log = session.log("bazel-query")
        labels: list[str] = []

        def collect(line: str) -> None:
            if line.startswith("//"):
                labels.append(line.strip())

        if session.bazel().run(["query", "--noshow_progress", query], log=log, on_line=collect):
            raise failed_child("bazel query failed; its last lines are above", log)
        step.summary = " ".join(labels) or "none"
    return [f"{label}.apply" for label in sorted(labels)]


def build_stacks(session: Session, stacks: Sequence[str]) -> None:
    """Builds what the apply steps run, while the long Go build runs; a step.

    Args:
        session: the call.
        stacks: the stacks' apply targets.

    Raises:
        StepFailed: Bazel failed.
    """
    with session.progress.step("bazel build: images and manifests") as step:
        log = None if session.verbose else session.log("bazel-build")
        words = ["build", "--color=no", "--curses=no", SETUP, *stacks]
        if session.bazel().run(words, log=log, on_line=step.note):
            raise failed_child("bazel build failed; its last lines are above", log)


def start_cluster(session: Session, name: str) -> None:
    """Creates the cluster, or starts an existing one; a step.

    Raises:
        StepFailed: the cluster did not start.
    """
    with session.progress.step(f"Cluster {name}") as step:
        session.call(
            step,
            workspace.self_words("cluster", "create", "--name", name),
            "cluster",
            f"cluster {name} did not start; see ./turnup cluster logs --name {name}",
        )


def apply(session: Session, target: str, *words: str) -> None:
    """Runs an apply target, which prints its own progress; a step.

    Raises:
        AlreadyReported: the target failed and has printed why.
    """
    with session.progress.step(f"bazel run {target}", quiet=True):
        code = session.bazel().run(["run", target, *([] if session.verbose else QUIET), *(["--", *words] if words else [])])
        if code:
            raise AlreadyReported(code)


def show_answers(session: Session, target: str, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep) -> None:
    """Prints the newest lines of the client's log to stdout, which prove that the stack answers RPCs from Redis; a step.

    Args:
        session: the call.
        target: the client's `.logs` target.
        clock: returns the time in seconds.
        sleep: waits for some seconds.

    Raises:
        StepFailed: the client logged no answered RPC in time.
    """
    with session.progress.step(f"bazel run {target}") as step:
        deadline = clock() + ANSWER_TIMEOUT
        while True:
            log = session.log("client")
            lines: list[str] = []
            log.unlink(missing_ok=True)

            def collect(line: str, lines: list[str] = lines) -> None:
                lines.append(line)
                step.note(line)

            code = session.bazel().run(["run", *QUIET, target, "--", f"--tail={_LOG_LINES}"], log=log, on_line=collect)
            if code == 0 and any(_ANSWERED.search(line) for line in lines):
                break
            if clock() >= deadline:
                raise failed_child(f"the client logged no answered RPC within {ANSWER_TIMEOUT:g} s; its last lines are above", log)
            sleep(_PAUSE)
        step.summary = "RPCs answered from Redis"
    # `.logs` has masked the values of Secrets; what else pods print must not command the terminal.
    print(strip_control_characters("\n".join(lines)), file=session.stdout, flush=True)


def _start_after(built: Future[None], session: Session, name: str) -> None:
    """Starts the cluster once its programs are built."""
    built.result()
    start_cluster(session, name)


def run(session: Session, *, free: preflight.FreeBytes = preflight.free_bytes, euid: int | None = None) -> int:
    """Runs all steps.

    Args:
        session: the call.
        free: returns the free bytes at a path.
        euid: this process's effective user ID; None asks the system.

    Returns:
        0; every failure is an exception.

    Raises:
        TurnupError: a step failed.
    """
    defaults = constants.constants(session.root / workspace.CONSTANTS, session.environ)
    check(session, defaults, free=free, euid=os.geteuid() if euid is None else euid)
    name, environment = defaults.cluster, defaults.developer_environment
    with ThreadPoolExecutor(max_workers=2) as pool:
        try:
            if session.context:
                ensure_tools(session)
                stacks = find_stacks(session, environment)
                build_stacks(session, stacks)
            else:
                # The Go build takes longest and needs nothing from the other steps; the cluster needs both it and the tools.
                built = pool.submit(build_kubernetes, session)
                ensure_tools(session)
                started = pool.submit(_start_after, built, session, name)
                stacks = find_stacks(session, environment)
                build_stacks(session, stacks)
                started.result()
        except BaseException:
            session.runner.stop()  # shows the error now instead of when the other steps have ended
            raise
    apply(session, SETUP)
    for stack in stacks:
        apply(session, stack, "--wait")
    if session.is_turnup:
        show_answers(session, CLIENT_LOGS.format(env=environment))
    _say_next(session, name, environment, stacks)
    return 0


def _say_next(session: Session, cluster: str, environment: str, stacks: Sequence[str]) -> None:
    """Prints the commands that a person needs next."""
    if not stacks:
        session.progress.say(f"\nThe cluster is up. No target of this repository is named {environment}-deep, so no service was applied.")
    else:
        session.progress.say("\nThe stack is up. Next:")
    rows = [(f"bazel run {stack}", "build, push and apply your changes") for stack in stacks]
    rows += [(f"bazel run {stack.removesuffix('apply')}delete", "delete your stack") for stack in stacks]
    rows += [("./turnup test", "run all tests"), (f"./turnup cluster stop --name {cluster}", "stop the cluster and keep its data")]
    for command, effect in rows:
        session.progress.say(f"  {command:<42}  {effect}")
