"""Tests of the toolbox: each tool is installed or built once, and a failure is one sentence."""

import io
import sys
from pathlib import Path

import pytest

from cli.check import toolbox
from cli.common.session import Session
from cluster.common.errors import Interrupted, TurnupError
from cluster.common.fake_process import FakeRunner
from cluster.common.process import Result
from cluster.programs import toolchain

GO_VERSION = Result(0, "go version go1.99.1 linux/amd64")


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A call of the command with a fake runner, in a workspace with lock files and Go modules; Go is on PATH."""
    for name, text in {
        "third_party/python/requirements.lock": "click==1\n",
        "third_party/python/check.lock": "ruff==1\n",
        "third_party/go/buildtools/go.mod": "module m\n\ngo 1.24.5\n",
        "third_party/go/jsonnet/go.mod": "module j\n\ngo 1.25.0\n",
        "go/bin/go": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(toolchain.shutil, "which", lambda _name: str(tmp_path / "go/bin/go"))
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path)}
    return Session(FakeRunner(), io.StringIO(), io.StringIO(), environ, root=tmp_path)


def box(call, **answers):
    """Returns a toolbox; answers: the first words of a Go command after the program → its result."""
    go = str(call.root / "go/bin/go")
    call.runner.answers |= {f"{go} {words}": answer for words, answer in answers.items()} | {f"{go} version": GO_VERSION}
    return toolbox.Toolbox(call)


def test_environment_is_made_once(call):
    """The first tool creates the environment from both lock files, with hashes; the others reuse it."""
    tools = box(call)
    ruff = tools.python_program("ruff")

    made, installed = (" ".join(words) for words in call.runner.calls)
    assert made.startswith(f"{sys.executable} -Im venv ")
    assert "--require-hashes --no-deps --only-binary :all:" in installed
    assert installed.count(" -r ") == 2 and installed.endswith("third_party/python/check.lock")
    assert Path(ruff).parent.parent.parent == toolbox.cache_folder("environment")
    assert (tools.python(), len(call.runner.calls)) == (str(Path(ruff).with_name("python")), 2)


def test_changed_lock_makes_another_environment(call):
    """A changed lock file leads to another environment."""
    first = box(call).python()
    (call.root / "third_party/python/check.lock").write_text("ruff==2\n")

    assert box(call).python() != first


def test_environment_that_cannot_be_made(call):
    """If pip fails, the error has pip's last line and the log; the next tool does not try again."""
    call.runner.answer("pip", code=1, output="ERROR: No matching distribution found for ruff==1")
    tools = box(call)
    for _ in range(2):
        with pytest.raises(TurnupError) as caught:
            tools.python_program("ruff")
        assert str(caught.value).startswith(
            "pip could not install third_party/python/check.lock (ERROR: No matching distribution found for ruff==1; full log: "
        )
        assert str(caught.value).endswith(". Check the network, then run the same command again.")
    assert call.runner.count("pip") == 1

    call.runner.answer("pip")
    assert box(call).python()


def test_interrupted_installation(call):
    """An interrupted installation leaves nothing behind and is tried again."""

    def interrupt():
        raise Interrupted(2)

    call.runner.answer("pip", then=interrupt)
    tools = box(call)
    for _ in range(2):
        with pytest.raises(Interrupted):
            tools.python()
    assert not [path for path in toolbox.cache_folder("environment").iterdir() if path.is_dir()]


def test_go_programs_are_built_from_their_modules(call):
    """buildifier is built by its import path, in a step that the user sees."""
    tools = box(call)
    program = tools.go_program(toolbox.BUILDIFIER)

    assert program.endswith("/buildifier")
    (built,) = [words for words in call.runner.lines() if " build " in words]
    assert built.endswith(" github.com/bazelbuild/buildtools/buildifier")
    assert "ok Building buildifier" in call.stderr.getvalue()


def test_go_comes_from_one_place(call):
    """gofmt is the one beside go, so that both have the same version."""
    tools = box(call)

    assert (tools.go(), tools.gofmt()) == (str(call.root / "go/bin/go"), str(call.root / "go/bin/gofmt"))
    assert tools.go_version == "1.99.1"


def test_build_that_fails(call):
    """The error names the program and has Go's last line; the next tool does not try again."""
    tools = box(call, build=Result(1, "", "dial tcp: no route to host"))
    for _ in range(2):
        with pytest.raises(TurnupError, match=r"^jsonnet-tools could not be built: .*no route to host\. Check the network"):
            tools.go_program(toolbox.JSONNET_TOOLS)
    assert sum(" build " in line for line in call.runner.lines()) == 1
