"""Tests of `turnup up`: the order of the steps, and their failures."""

import io
from pathlib import Path

import pytest

from cli import kubernetes, preflight, up
from cli.common import session, tools
from cli.common.bazel import QUIET
from cluster.common import errors
from cluster.common.fake_process import FakeRunner

PLENTY = 100 * preflight.GIB
STACK = up.STACK.format(env="mine")
LOGS = up.CLIENT_LOGS.format(env="mine")
ANSWERED = "guide-1: FindPlace answered from redis 10.42.1.3:6379 by guide-server-1: Europe/Zurich (3 ms)"
CONSTANTS = (
    'CLUSTER_NAME = "local"\nPROVIDER = "embedded"\nSUBNET = "172.19.0.0/26"\nNODES = 2\nREGISTRY_PORT = 31000\n'
    'ENVS = ["prod", "dev", "mine"]\nDEVELOPER_ENV = "mine"\n'
)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A call of the command in a temporary workspace, on a machine with every tool and a built Kubernetes."""
    monkeypatch.setattr(tools, "TOOLS", ())
    monkeypatch.setattr(kubernetes, "missing", list)
    root = tmp_path / "workspace"
    (root / "cli").mkdir(parents=True)
    for name in ("cli/__main__.py", "repositories.bzl"):  # what tells Turnup's own repository
        (root / name).touch()
    (root / "cluster_constants.bzl").write_text(CONSTANTS)
    bazel = tmp_path / "bin" / "bazel"
    bazel.parent.mkdir()
    bazel.write_text("#!/bin/sh\n")
    bazel.chmod(0o755)
    runner = FakeRunner()
    runner.answer("bazel --version", output="bazel 4.2.3")
    runner.answer(LOGS, output=ANSWERED)
    environ = {"PATH": str(bazel.parent), "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "USER": "jane"}
    return session.Session(runner, io.StringIO(), io.StringIO(), environ, root=root)


def run(call, **options):
    """Runs `up`, as root with enough disk space unless the options say otherwise."""
    return up.run(call, **{"free": lambda _: PLENTY, "euid": 0, **options})


def commands(call):
    """Returns the commands that ran, without queries for versions and without the paths of programs."""
    texts = [" ".join([Path(argv[0]).name, *(word for word in argv[1:] if word not in QUIET)]) for argv in call.runner.calls]
    return [text for text in texts if not text.endswith("--version")]


def test_steps_in_order(call):
    """The cluster comes before the setup, the setup before the stack, the client's log last."""
    assert run(call) == 0

    ran = commands(call)
    order = [
        next(i for i, text in enumerate(ran) if words in text)
        for words in ("build-kubernetes", "cluster create --name local", up.SETUP, f"run {STACK} -- --wait", LOGS)
    ]
    assert ran[order[0]].endswith("build-kubernetes")
    assert order[1] < ran.index(f"bazel run {up.SETUP}")
    assert ran.index(f"bazel run {up.SETUP}") < order[3] < order[4] == len(ran) - 1
    assert ran[-1] == f"bazel run {LOGS} -- --tail=12"


def test_says_what_to_type_next(call):
    """The last lines have the next commands, and only the client's log goes to stdout."""
    run(call)

    assert "bazel run //svc:mine-deep.apply " in call.stderr.getvalue()
    assert call.stdout.getvalue() == f"{ANSWERED}\n"


def test_stacks_of_another_repository(call):
    """In another repository, the stacks are the deep targets that no other needs, and no client of the sample is looked for."""
    (call.root / "repositories.bzl").unlink()
    call.runner.answer("bazel query", output="Loading: 3 packages loaded\n//shop:mine-deep\n//admin:mine-deep")

    assert run(call) == 0

    applied = [text for text in commands(call) if " run " in f" {text}"]
    assert applied == [f"bazel run {up.SETUP}", "bazel run //admin:mine-deep.apply -- --wait", "bazel run //shop:mine-deep.apply -- --wait"]
    assert "bazel run //shop:mine-deep.delete " in call.stderr.getvalue()


def test_another_repository_without_services(call):
    """Without a service the cluster and its setup come up, and a sentence says that nothing else was applied."""
    (call.root / "repositories.bzl").unlink()

    assert run(call) == 0

    assert [text for text in commands(call) if " run " in f" {text}"] == [f"bazel run {up.SETUP}"]
    assert "No target of this repository is named mine-deep" in call.stderr.getvalue()


def test_existing_context(call, monkeypatch):
    """With a context, no cluster is created, root is not needed, and every Bazel gets the context."""
    call.context = "kind-x"
    monkeypatch.setattr(preflight, "check_context", lambda context, environ: None)
    monkeypatch.setattr(kubernetes, "missing", lambda: pytest.fail("nothing of Kubernetes is looked at"))

    assert run(call, euid=1000) == 0
    assert not any("cluster create" in text or "build-kubernetes" in text for text in commands(call))
    assert {env["TURNUP_CONTEXT"] for env in call.runner.envs if env} == {"kind-x"}
    assert call.runner.envs[-1]["TURNUP_CONTEXT"] == "kind-x" and LOGS in commands(call)[-1]


def test_context_is_looked_at_first(call):
    """A context that the kubeconfig does not have is refused before anything runs."""
    call.context = "nowhere"
    call.environ["KUBECONFIG"] = "/nonexistent/config"
    with pytest.raises(Exception, match="/nonexistent/config: there is no kubeconfig, so context 'nowhere' is unknown"):
        run(call, euid=1000)

    assert commands(call) == []


def test_cluster_named_by_the_shell(call):
    """TURNUP_CLUSTER chooses the cluster, also for every Bazel."""
    call.environ["TURNUP_CLUSTER"] = "readme"
    run(call)

    assert any("cluster create --name readme" in text for text in commands(call))
    assert call.runner.envs[-1]["TURNUP_CLUSTER"] == "readme" and LOGS in commands(call)[-1]


@pytest.mark.parametrize(("environ", "options", "error", "sentence"), [
    ({}, {"euid": 1000}, errors.TurnupError, "needs root"),
    ({}, {"free": lambda _: 1}, errors.TurnupError, "only 0.0 GiB free"),
    ({"USER": "prod"}, {}, errors.UsageError, "the name of a shared environment"),
])  # fmt: skip
def test_refused_before_anything_is_done(call, environ, options, error, sentence):
    """Without root or space, and for a user with the name of an environment, nothing runs."""
    call.environ.update(environ)
    with pytest.raises(error, match=sentence):
        run(call, **options)

    assert commands(call) == []


def test_more_room_is_needed_to_build(call, monkeypatch):
    """A disk that has room for a built Kubernetes can be too small to build it."""
    free = preflight.NEED_TO_RUN + 1
    assert run(call, free=lambda _: free) == 0

    monkeypatch.setattr(kubernetes, "missing", lambda: ["kube"])
    with pytest.raises(errors.TurnupError, match="turnup needs 6 GiB"):
        run(call, free=lambda _: free)


@pytest.mark.parametrize(("words", "output", "sentence"), [
    ("build-kubernetes", "go: out of memory", "the build of the embedded Kubernetes failed; its last lines are above"),
    ("cluster create", "step\nERROR: subnet 172.19.0.0/26 is in use", "^subnet 172.19.0.0/26 is in use$"),
    ("cluster create", "killed", "cluster local did not start; see ./turnup cluster logs --name local"),
    ("bazel build", "FAILED: Build did NOT complete", "bazel build failed; its last lines are above"),
])  # fmt: skip
def test_failing_step(call, words, output, sentence):
    """A failed step is one sentence, the child's own if it has one, and stops the other steps."""
    call.runner.answer(words, code=1, output=output)
    with pytest.raises(errors.StepFailed, match=sentence):
        run(call)

    assert call.runner.count("<stop>") == 1
    assert not any(f"run {up.SETUP}" in text for text in commands(call))


@pytest.mark.parametrize(("words", "after"), [(f"run {up.SETUP}", STACK), (f"run {STACK}", LOGS)])
def test_failing_apply_has_said_why(call, words, after):
    """After a failed apply, which has printed its own error, nothing else runs."""
    call.runner.answer(words, code=1)
    with pytest.raises(errors.AlreadyReported):
        run(call)

    assert not any(f"run {after}" in text for text in commands(call))


def show(call):
    """Runs the last step with a clock that only the step's own pauses move."""
    now = [0.0]

    def sleep(duration):
        now[0] += duration

    up.show_answers(call, LOGS, clock=lambda: now[0], sleep=sleep)
    return now[0]


def test_answers_are_printed(call):
    """The end of `up` shows what the client logged, without a pause if an RPC is answered already."""
    call.runner.answer(LOGS, output=f"guide-1: starting\n{ANSWERED}")

    assert show(call) == 0
    assert call.stdout.getvalue() == f"guide-1: starting\n{ANSWERED}\n"
    assert "ok bazel run //python/client:mine.logs (RPCs answered from Redis)" in call.stderr.getvalue()


@pytest.mark.parametrize(("code", "output"), [
    (0, "guide-1: FindPlace attempt 1 failed: UNAVAILABLE; again in 0.2 s"),
    (0, "guide-1: FindPlace answered from memory by guide-server-1: Europe/Zurich (3 ms)"),
    (0, ""),
    (1, "ERROR: //python/client:mine: has no log yet"),
])  # fmt: skip
def test_answers_are_waited_for(call, code, output):
    """As long as the client has no answer, or no log, the step asks again; then it shows only the newest lines."""
    asked = []

    def ask():
        asked.append(1)
        if len(asked) == 3:
            call.runner.answer(LOGS, output=ANSWERED)

    call.runner.answer(LOGS, code=code, output=output, then=ask)

    assert show(call) == 6
    assert call.runner.count(LOGS) == 4
    assert call.stdout.getvalue() == f"{ANSWERED}\n"


@pytest.mark.parametrize(("code", "output", "sentence"), [
    (0, "guide-1: FindPlace attempt 9 failed: UNAVAILABLE; again in 5.0 s", "^the client logged no answered RPC within 60 s; its last lines are above$"),
    (0, "", "^the client logged no answered RPC within 60 s; its last lines are above$"),
    (1, "ERROR: //python/client:mine: has no pods", "^//python/client:mine: has no pods$"),
])  # fmt: skip
def test_no_answer_in_time(call, code, output, sentence):
    """If no RPC is answered in time, `up` fails with one sentence, the child's own if it has one."""
    call.runner.answer(LOGS, code=code, output=output)
    with pytest.raises(errors.StepFailed, match=sentence) as caught:
        show(call)

    assert caught.value.log.read_text() if output else not caught.value.tail
    assert call.runner.count(LOGS) == 31


@pytest.mark.parametrize("text", ["", "ENVS =\n"])
def test_constants_without_environments(call, text):
    """`up` names a cluster_constants.bzl that lacks the environments, and runs nothing."""
    (call.root / "cluster_constants.bzl").write_text(text)
    with pytest.raises(errors.TurnupError, match=r"workspace/cluster_constants.bzl"):
        run(call)

    assert commands(call) == []
