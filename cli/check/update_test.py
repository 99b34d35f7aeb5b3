"""Tests of `turnup update`: the commands that each name runs."""

import io
import json
from pathlib import Path

import pytest

from cli.check import update
from cli.common.session import Session
from cluster.common.errors import StepFailed, UsageError
from cluster.common.fake_process import FakeRunner

REGISTRY = [row.name for row in update.UPDATES if row.registry]


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A call of the command with a fake runner and a Bazel of the right version."""
    environ = {"XDG_STATE_HOME": str(tmp_path / "state"), "HOME": str(tmp_path), "PATH": "/bin", "USER": "jane"}
    runner = FakeRunner()

    def fail() -> None:
        """Writes the results of two tests: the first passes, the second fails."""
        flag = next(word for word in runner.calls[-1] if word.startswith("--build_event_json_file="))
        results = {"//a:x_test": "PASSED", "//b:y_test": "FAILED"}
        events = [{"id": {"testSummary": {"label": label}}, "testSummary": {"overallStatus": word}} for label, word in results.items()]
        Path(flag.partition("=")[2]).write_text("".join(json.dumps(event) + "\n" for event in events))

    runner.answer("bazel test", code=3, then=fail)
    runner.answer("query", output="INFO: hello\n//a:x_test\n//b:y_test")
    monkeypatch.setattr("cli.common.bazel.Bazel.program", lambda self: "bazel")
    return Session(runner, io.StringIO(), io.StringIO(), environ, root=tmp_path)


def ran(call):
    """Returns the commands that ran, without Bazel's display flags."""
    flags = ("--color=no", "--curses=no", "--noshow_progress", "--build_event_json_file=")
    return [" ".join(word for word in words if not word.startswith(flags)) for words in call.runner.calls]


def test_goldens_and_reference_by_default(call):
    """Without names, the goldens that differ, then the manifests and the reference are rewritten, without a package registry."""
    assert update.run(call, []) == 0

    query, *rest = ran(call)
    assert query.startswith("bazel query let tests = ")
    assert rest == [
        "bazel test --keep_going -- //a:x_test //b:y_test",
        "bazel run //b:y_test -- --update",
        "bazel run //svc:goldens_test",
        "bazel run //docs:update",
    ]
    assert "ok Updating goldens (1 of 2 golden files written)" in call.stderr.getvalue()


@pytest.mark.parametrize(("name", "command"), [
    ("manifests", "bazel run //svc:goldens_test"),
    ("reference", "bazel run //docs:update"),
    ("crds", "bazel run //prod/crds:update"),
    ("debian", "bazel run //rules/image:update_debian_lock"),
    ("python", "{root}/third_party/python/update.sh"),
])  # fmt: skip
def test_named(call, name, command):
    """A name runs its command once, even if it is given twice."""
    update.run(call, [name, name])

    assert ran(call) == [command.format(root=call.root)]


def test_manifests_are_written_and_not_compared(call):
    """UPDATE=1 makes the test of the manifests write its golden files; no other command gets the variable."""
    update.run(call, ["manifests", "reference"])

    assert [env.get("UPDATE") for env in call.runner.envs] == ["1", None]


def test_go(call, monkeypatch):
    """`go` runs `go mod tidy` in every module, with the Go that builds it."""
    monkeypatch.setattr("cli.check.toolbox.Toolbox.go", lambda self: "/go")
    (call.root / "a").mkdir()
    (call.root / "a/go.mod").touch()
    call.runner.answer("ls-files", output="a/go.mod\0README.md")
    update.run(call, ["go"])

    assert ran(call)[1:] == [f"/go -C {call.root}/a mod tidy"]


def test_java(call):
    """`java` resolves the list of each repository of jars."""
    update.run(call, ["java"])

    assert ran(call) == ["bazel run @turnup_maven//update", "bazel run @maven//update"]


def test_unknown_name(call):
    """An unknown name is wrong usage; the error lists the names, and nothing runs."""
    with pytest.raises(UsageError, match=r"^locks is not something to update\. Use one of goldens, manifests, reference, crds, debian, go, java, python\.$"):
        update.run(call, ["goldens", "locks"])
    assert ran(call) == []


def test_failure_stops(call):
    """A failed command ends the run with the last lines of its log."""
    call.runner.answer("y_test -- --update", code=1, output="no golden")
    with pytest.raises(StepFailed, match="^bazel run failed; its last lines are above") as caught:
        update.run(call, [])

    assert caught.value.tail == "INFO: hello\n//a:x_test\n//b:y_test\nno golden"
    assert call.runner.count("docs:update") == 0


def test_tests_that_cannot_be_built_stop(call):
    """If a program does not build, no golden is rewritten."""
    call.runner.answer("bazel test", code=1, output="ERROR: no such package 'lib'")
    with pytest.raises(StepFailed, match="^no such package 'lib'$"):
        update.run(call, ["goldens"])
    assert call.runner.count("--update") == 0


def test_table():
    """The list has a line for each name and marks those that ask a registry."""
    lines = update.table().splitlines()

    assert [line.split()[0] for line in lines] == [row.name for row in update.UPDATES]
    assert [line.split()[0] for line in lines if line.endswith("(only when named)")] == REGISTRY == ["crds", "debian", "go", "java", "python"]
