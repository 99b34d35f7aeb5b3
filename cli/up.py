"""`turnup up`: from whatever the machine has to the sample stack answering RPCs.

Every step looks at what is there first, so running it again is quick, and an interrupted run is continued.
"""

import os
from concurrent.futures import ThreadPoolExecutor

from cli import client_log, kubernetes, preflight, workspace
from cli.errors import StepFailed
from cli.session import Session, ensure_tools, tail

SETUP = "//prod:setup.apply"
STACK = "//svc:myns-deep.apply"


def check(session: Session, constants: dict[str, object], *, free: preflight.FreeBytes, euid: int) -> None:
    """Refuses what cannot work before anything is changed; see preflight for the sentences."""
    preflight.check_user([name for name in constants["ENVS"] if name != "myns"], session.environ)
    if not session.context and constants["PROVIDER"] == "embedded":
        preflight.check_root(euid)
    need = preflight.NEED_TO_RUN if session.context or kubernetes.built() else preflight.NEED_TO_BUILD
    places = [workspace.cache_dir(session.environ)]
    if not session.context:
        places.append(workspace.state_dir(session.environ))
    preflight.check_disk(places, need, free)


def build_kubernetes(session: Session) -> None:
    """Builds the embedded Kubernetes where the cache does not have it; a step.

    Raises:
        StepFailed: the build failed.
    """
    with session.steps.step("Kubernetes from Go modules") as step:
        if kubernetes.built():
            step.summary = "already built"
            return
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
            raise StepFailed("bazel build failed; its last lines are above", log, tail(log))


def start_cluster(session: Session, name: str) -> None:
    """Creates the cluster, or starts the one that exists; a step.

    Raises:
        StepFailed: the cluster did not come up.
    """
    with session.steps.step(f"Cluster {name}") as step:
        session.call(
            step,
            workspace.self_words("cluster", "create", "--name", name, "--if-missing"),
            "cluster",
            f"cluster {name} did not come up; ./turnup cluster logs --name {name} says more",
        )


def apply(session: Session, target: str, *words: str) -> None:
    """Runs an apply target, which prints its own progress; a step.

    Raises:
        StepFailed: it failed; it has said why.
    """
    with session.steps.step(f"bazel run {target}", quiet=True):
        if session.bazel().run(["run", target, *(["--", *words] if words else [])]):
            raise StepFailed(f"bazel run {target} failed; what it said is above")


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
    constants = workspace.constants(session.root / "cluster_constants.bzl")
    check(session, constants, free=free, euid=os.geteuid() if euid is None else euid)
    name = session.environ.get("TURNUP_CLUSTER") or str(constants["CLUSTER_NAME"])
    context = session.context or f"turnup-{name}"
    with ThreadPoolExecutor(max_workers=1) as pool:
        # The Go build is the longest step, and needs nothing of the others.
        kubernetes_built = None if session.context else pool.submit(build_kubernetes, session)
        try:
            ensure_tools(session)
            build_stack(session)
        except BaseException:
            session.runner.stop()  # the error is shown now, not when the Go build has ended
            raise
        if kubernetes_built:
            kubernetes_built.result()
    if not session.context:
        start_cluster(session, name)
    apply(session, SETUP)
    apply(session, STACK, "--wait")
    client_log.show(session, context)
    session.steps.say(
        "\nThe stack is up. Next:\n"
        "  bazel run //svc:myns-deep.apply        build, push and apply what you changed\n"
        "  bazel run //svc:myns-deep.delete       take your stack down\n"
        "  ./turnup test                          run all tests\n"
        f"  ./turnup cluster stop --name {name}    stop the cluster; its data stays"
    )
    return 0
