"""`turnup up`: from whatever the machine has to the sample stack answering RPCs.

Every step looks at what is there first, so running it again is quick, and an interrupted run is continued.
"""

import os
from concurrent.futures import ThreadPoolExecutor

from cli import client_log, kubernetes, preflight, workspace
from cli.bazel import QUIET
from cli.errors import SaidAlready
from cli.session import Session, ensure_tools, failed_child
from cluster import constants
from cluster.names import context_name
from cluster.state import default_state_dir

SETUP = "//prod:setup.apply"
STACK = "//svc:myns-deep.apply"


def check(session: Session, provider: str, *, free: preflight.FreeBytes, euid: int) -> None:
    """Refuses what cannot work before anything is changed; see preflight for the sentences."""
    preflight.check_user(workspace.shared_environments(session.root / "cluster_constants.bzl"), session.environ)
    if session.context:
        preflight.check_context(session.context, session.environ)
    elif provider == "embedded":
        preflight.check_root(euid)
    to_build = not session.context and kubernetes.missing()
    places = [workspace.cache_dir(session.environ)]
    if not session.context:
        places.append(default_state_dir())
    preflight.check_disk(places, preflight.NEED_TO_BUILD if to_build else preflight.NEED_TO_RUN, free)


def build_kubernetes(session: Session) -> None:
    """Builds the embedded Kubernetes where the cache does not have it; a step.

    Raises:
        StepFailed: the build failed.
    """
    with session.steps.step("Kubernetes from Go modules") as step:
        missing = kubernetes.missing()
        step.summary = "built " + " ".join(missing) if missing else "already built"
        session.call(
            step,
            workspace.self_words("build-kubernetes"),
            "kubernetes",
            "the embedded Kubernetes could not be built; its last lines are above",
        )


def build_stack(session: Session) -> None:
    """Builds what the two apply steps run, so that they overlap with the long Go build; a step.

    Raises:
        StepFailed: Bazel failed.
    """
    with session.steps.step("bazel build: images and manifests") as step:
        log = None if session.verbose else session.log("bazel-build")
        words = ["build", "--color=no", "--curses=no", SETUP, STACK]
        if session.bazel().run(words, log=log, on_line=step.note):
            raise failed_child("bazel build failed; its last lines are above", log)


def start_cluster(session: Session, name: str) -> None:
    """Creates the cluster, or starts the one that exists; a step.

    Raises:
        StepFailed: the cluster did not come up.
    """
    with session.steps.step(f"Cluster {name}") as step:
        session.call(
            step,
            workspace.self_words("cluster", "create", "--name", name),
            "cluster",
            f"cluster {name} did not come up; ./turnup cluster logs --name {name} says more",
        )


def apply(session: Session, target: str, *words: str) -> None:
    """Runs an apply target, which prints its own progress; a step.

    Raises:
        SaidAlready: it failed; it has said why.
    """
    with session.steps.step(f"bazel run {target}", quiet=True):
        code = session.bazel().run(["run", target, *([] if session.verbose else QUIET), *(["--", *words] if words else [])])
        if code:
            raise SaidAlready(code)


def run(session: Session, *, free: preflight.FreeBytes = preflight.free_bytes, euid: int | None = None) -> int:
    """Turns everything up.

    Args:
        session: the call.
        free: tells the bytes free at a path.
        euid: this process's effective user id; None asks the system.

    Returns:
        0; everything else is an exception.

    Raises:
        TurnupError: a step failed, in a sentence.
    """
    defaults = constants.constants(session.root / "cluster_constants.bzl", session.environ)
    check(session, defaults.provider, free=free, euid=os.geteuid() if euid is None else euid)
    name = defaults.cluster
    context = session.context or context_name(name)
    with ThreadPoolExecutor(max_workers=2) as pool:
        try:
            if session.context:
                ensure_tools(session)
                build_stack(session)
            else:
                # The Go build is the longest step and needs nothing of the others; the cluster needs both it and the tools.
                built = pool.submit(build_kubernetes, session)
                ensure_tools(session)
                started = pool.submit(lambda: (built.result(), start_cluster(session, name)))
                build_stack(session)
                started.result()
        except BaseException:
            session.runner.stop()  # the error is shown now, not when the other steps have ended
            raise
    apply(session, SETUP)
    apply(session, STACK, "--wait")
    client_log.show(session, context)
    session.steps.say("\nThe stack is up. Next:")
    for command, effect in (
        (f"bazel run {STACK}", "build, push and apply what you changed"),
        (f"bazel run {STACK.replace('.apply', '.delete')}", "take your stack down"),
        ("./turnup test", "run all tests"),
        (f"./turnup cluster stop --name {name}", "stop the cluster; its data stays"),
    ):
        session.steps.say(f"  {command:<42}  {effect}")
    return 0
