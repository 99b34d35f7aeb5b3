"""`turnup up`: the order of its steps, and how each of them fails."""

import io
import os
from pathlib import Path

import pytest

from cli import client_log, errors, kubernetes, preflight, session, tools, up, workspace
from cli.bazel import QUIET
from cli.fake_process import FakeRunner

PLENTY = 100 * preflight.GIB
CONSTANTS = (
    'CLUSTER_NAME = "local"\nPROVIDER = "embedded"\nSUBNET = "172.19.0.0/26"\nNODES = 2\nREGISTRY_PORT = 31000\n'
    'ENVS = ["prod", "dev", "myns"]\n'
)


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A call of the command in a workspace of its own, on a machine that has every tool and Kubernetes built."""
    monkeypatch.setattr(tools, "TOOLS", ())
    monkeypatch.setattr(kubernetes, "missing", lambda: [])
    root = tmp_path / "workspace"
    (root / "python/client").mkdir(parents=True)
    (root / "cluster_constants.bzl").write_text(CONSTANTS)
    (root / client_log.SERVICE).write_text("name: guide-client\nport: 8080\n")
    bazel = tmp_path / "bin" / "bazel"
    bazel.parent.mkdir()
    bazel.write_text("#!/bin/sh\n")
    bazel.chmod(0o755)
    runner = FakeRunner()
    runner.answer("bazel --version", output="bazel 4.2.3")
    environ = {"PATH": str(bazel.parent), "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state"), "USER": "jane"}
    return session.Session(runner, io.StringIO(), io.StringIO(), environ, root=root)


def run(call, **options):
    """Runs `up` as root on a roomy disk unless told otherwise."""
    return up.run(call, **{"free": lambda _: PLENTY, "euid": 0, **options})


def commands(call):
    """Returns what was run without the questions for versions and the paths before program names."""
    texts = [" ".join([Path(argv[0]).name, *(word for word in argv[1:] if word not in QUIET)]) for argv in call.runner.calls]
    return [text for text in texts if not text.endswith("--version")]


def test_steps_in_order(call):
    """Cluster before setup, setup before the stack, the client's log last."""
    assert run(call) == 0

    ran = commands(call)
    order = [
        next(i for i, text in enumerate(ran) if words in text)
        for words in ("build-kubernetes", "cluster create --name local", up.SETUP, f"run {up.STACK} -- --wait", client_log.TARGET)
    ]
    assert ran[order[0]].endswith("build-kubernetes")
    assert order[1] < ran.index(f"bazel run {up.SETUP}")
    assert ran.index(f"bazel run {up.SETUP}") < order[3] < order[4] == len(ran) - 1
    assert ran[-1].endswith("-- --context turnup-local --namespace jane --service guide-client")


def test_says_what_to_type_next(call):
    """The last lines name the commands that follow; stdout is left to data."""
    run(call)

    assert "bazel run //svc:myns-deep.apply " in call.stderr.getvalue()
    assert call.stdout.getvalue() == ""


def test_existing_context(call, monkeypatch):
    """With a context no cluster is made, no root is needed, and every child of Bazel gets the context."""
    call.context = "kind-x"
    monkeypatch.setattr(preflight, "check_context", lambda context, environ: None)
    monkeypatch.setattr(kubernetes, "missing", lambda: pytest.fail("nothing of Kubernetes is looked at"))

    assert run(call, euid=1000) == 0
    assert not any("cluster create" in text or "build-kubernetes" in text for text in commands(call))
    assert {env["TURNUP_CONTEXT"] for env in call.runner.envs if env} == {"kind-x"}
    assert "--context kind-x" in commands(call)[-1]


def test_context_is_looked_at_first(call):
    """A context that the kubeconfig does not have is refused before anything is done."""
    call.context = "nowhere"
    call.environ["KUBECONFIG"] = "/nonexistent/config"
    with pytest.raises(Exception, match="/nonexistent/config: there is no kubeconfig, so context 'nowhere' is unknown"):
        run(call, euid=1000)

    assert commands(call) == []


def test_cluster_named_by_the_shell(call):
    """TURNUP_CLUSTER chooses the cluster, and with it the context of the log."""
    call.environ["TURNUP_CLUSTER"] = "readme"
    run(call)

    assert any("cluster create --name readme" in text for text in commands(call))
    assert "--context turnup-readme" in commands(call)[-1]


@pytest.mark.parametrize("environ, options, error, sentence", [
    ({}, {"euid": 1000}, errors.TurnupError, "needs root"),
    ({}, {"free": lambda _: 1}, errors.TurnupError, "only 0.0 GiB free"),
    ({"USER": "prod"}, {}, errors.UsageError, "an environment that everybody shares"),
])  # fmt: skip
def test_refused_before_anything_is_done(call, environ, options, error, sentence):
    """Not root, no room, a user named like an environment: nothing has been run by then."""
    call.environ.update(environ)
    with pytest.raises(error, match=sentence):
        run(call, **options)

    assert commands(call) == []


def test_more_room_is_needed_to_build(call, monkeypatch):
    """A disk that is large enough for a built Kubernetes may be too small to build it."""
    free = preflight.NEED_TO_RUN + 1
    assert run(call, free=lambda _: free) == 0

    monkeypatch.setattr(kubernetes, "missing", lambda: ["kube"])
    with pytest.raises(errors.TurnupError, match="6 GiB needed"):
        run(call, free=lambda _: free)


@pytest.mark.parametrize("words, output, sentence", [
    ("build-kubernetes", "go: out of memory", "the embedded Kubernetes could not be built; its last lines are above"),
    ("cluster create", "step\nERROR: subnet 172.19.0.0/26 is in use", "^subnet 172.19.0.0/26 is in use$"),
    ("cluster create", "killed", "cluster local did not come up; ./turnup cluster logs --name local says more"),
    ("bazel build", "FAILED: Build did NOT complete", "bazel build failed; its last lines are above"),
])  # fmt: skip
def test_failing_step(call, words, output, sentence):
    """A failing step is one sentence, the child's own where it has one, and ends the other steps."""
    call.runner.answer(words, code=1, output=output)
    with pytest.raises(errors.StepFailed, match=sentence):
        run(call)

    assert call.runner.ran("<stop>") == 1
    assert not any(f"run {up.SETUP}" in text for text in commands(call))


@pytest.mark.parametrize("words, after", [(f"run {up.SETUP}", up.STACK), (f"run {up.STACK}", client_log.TARGET)])
def test_failing_apply_has_said_why(call, words, after):
    """An apply that fails has printed its own sentence; what comes after it does not run."""
    call.runner.answer(words, code=1)
    with pytest.raises(errors.SaidAlready):
        run(call)

    assert not any(f"run {after}" in text for text in commands(call))


@pytest.mark.parametrize("text", ["port: 8080\n", "name: [\n", "", None])
def test_client_without_a_name(call, text):
    """A service.yaml that names no service is itself named."""
    path = call.root / client_log.SERVICE
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(errors.TurnupError, match=rf"{client_log.SERVICE}: no service name can be read"):
        client_log.service_name(call)


@pytest.mark.parametrize("text", ["", "ENVS =\n"])
def test_constants_without_environments(tmp_path, text):
    """A cluster_constants.bzl that does not say the environments is named."""
    (tmp_path / "c.bzl").write_text(text)
    with pytest.raises(errors.TurnupError, match=rf"{os.path.basename(tmp_path)}/c.bzl: "):
        workspace.shared_environments(tmp_path / "c.bzl")
