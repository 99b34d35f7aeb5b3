"""Tests of running the tools: progress, findings and results."""

import io
import os

import pytest

from cli.check import files, running, tools
from cli.check.fake_toolbox import FakeToolbox
from cli.common.session import Session
from cluster.common.errors import Interrupted, TurnupError
from cluster.common.fake_process import FakeRunner

NAMES = ("a.py", "b.py", "BUILD", "m/go.mod", "m/m.go")


@pytest.fixture
def call(tmp_path, monkeypatch):
    """A call of the command with a fake runner and piped output, in a workspace that has NAMES."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return Session(FakeRunner(), io.StringIO(), io.StringIO(), {"PATH": "/bin"}, root=tmp_path)


def chosen(call, *names):
    """Returns the file set of some names."""
    return files.FileSet(call.root, names or NAMES, NAMES)


def check(call, *missing, names=NAMES):
    """Runs the tools and returns tool → outcome."""
    return {outcome.tool: outcome for outcome in running.check(call, chosen(call, *names), FakeToolbox(*missing))}


def test_nothing_found(call):
    """Each tool has a line with its time on stderr, stdout is empty, and a tool without files does not run."""
    outcomes = check(call)

    assert [(name, outcome.passed) for name, outcome in outcomes.items()] == [
        ("ruff", True), ("mypy", True), ("buildifier", True), ("gofmt", True), ("go vet", True),
    ]  # fmt: skip
    assert "ok ruff (2 files), 0.0 s\n" in call.stderr.getvalue()
    assert "ok buildifier (1 file), 0.0 s\n" in call.stderr.getvalue()
    assert call.stdout.getvalue() == "" and "shellcheck" not in call.stderr.getvalue()


def test_findings_are_printed_as_they_are(call):
    """The output of each tool is printed under its name, in the table's order; the other tools run anyway."""
    call.runner.answer("ruff check", code=1, output="a.py:1:1: F401 [x]")
    call.runner.answer("buildifier", code=4, output="BUILD # reformat")
    outcomes = check(call)

    assert call.stdout.getvalue() == "ruff:\na.py:1:1: F401 [x]\nbuildifier:\nBUILD # reformat\n"
    assert [name for name, outcome in outcomes.items() if not outcome.passed] == ["ruff", "buildifier"]
    assert "failed ruff, 0.0 s\n" in call.stderr.getvalue() and "ok mypy" in call.stderr.getvalue()
    assert call.runner.count("ruff format --check") == 1


def test_output_of_a_silent_tool_is_a_finding(call):
    """The output of gofmt -d is a finding, although it exits with 0."""
    call.runner.answer("gofmt", output="-\tx")

    assert not check(call)["gofmt"].passed


def test_failure_that_prints_nothing(call):
    """A failure without output is a finding."""
    call.runner.answer("buildifier", code=3)

    assert check(call)["buildifier"].text == "failed and printed nothing"


def test_deleted_file_runs_the_tools_of_whole_programs(call):
    """mypy and go vet run after a deletion, because others may need the file; tools that read single files do not."""
    deleted = files.FileSet(call.root, (), NAMES, deleted=(os.fsdecode(b"\xff.py"), "m/gone.go", "gone.jsonnet", "gone.md"))
    outcomes = running.check(call, deleted, FakeToolbox())

    assert [outcome.tool for outcome in outcomes] == ["mypy", "go vet"]
    assert "ok mypy (1 file), 0.0 s\n" in call.stderr.getvalue()
    assert running.fix(call, deleted, FakeToolbox()) == []


def test_notes_of_mypy_are_left_out(call):
    """mypy's errors are printed without its notes, which list every variant of an overloaded function."""
    noted = "a.py:1: error: No overload matches: note: x\na.py:1: note: Possible overload variants:\na.py:1: note:     def f(x: int)\nb.py:2: error: y"
    call.runner.answer("mypy", code=1, output=noted)

    assert check(call)["mypy"].text == "a.py:1: error: No overload matches: note: x\nb.py:2: error: y"


def test_notes_alone_are_printed(call):
    """If a tool fails with notes only, they are printed: a failure without a reason helps nobody."""
    call.runner.answer("mypy", code=1, output="a.py:1: note: x")

    assert check(call)["mypy"].text == "a.py:1: note: x"


@pytest.mark.parametrize("run", [running.check, running.fix])
def test_name_that_is_not_utf8(call, run):
    """ruff and mypy crash on such a name without naming it, so it is one sentence, and nothing runs."""
    with pytest.raises(TurnupError, match=r"^m/\\xff\.py: the name is not UTF-8, so ruff can't read the file\. Rename it\.$"):
        run(call, chosen(call, "a.py", os.fsdecode(b"m/\xff.py")), FakeToolbox())

    assert call.runner.calls == []


def test_no_terminal(call):
    """Piped output has no escape codes."""
    call.runner.answer("ruff check", code=1, output="finding")
    check(call)

    assert "\x1b" not in call.stderr.getvalue() + call.stdout.getvalue()


def test_missing_tool_is_one_sentence(call):
    """A tool that cannot be installed fails with one sentence that says why, and the others run."""
    outcomes = check(call, "ruff")

    assert not outcomes["ruff"].passed and outcomes["mypy"].passed
    errors = [line for line in call.stderr.getvalue().splitlines() if line.startswith("ERROR")]
    assert errors == ["ERROR: ruff is missing: pip could not install ruff. Check the network, then run the same command again."]
    assert call.stdout.getvalue() == ""


def test_program_that_has_gone(call):
    """If a program was deleted from the cache, the error names its path."""
    call.runner.answer("buildifier", code=127)

    assert "/tools/buildifier does not exist. Remove its folder" in check(call)["buildifier"].text


def test_tools_see_the_workspace(call):
    """Tools get the session's environment variables and those of the call."""
    check(call, names=("m/m.go",))

    assert [env and env.get("GOTOOLCHAIN") for env in call.runner.envs] in ([None, "local"], ["local", None])
    assert all(env and env["PATH"] == "/bin" for env in call.runner.envs)


def test_settings_of_the_user_do_not_count(call):
    """Environment variables that would change the findings or add colors are removed."""
    call.environ = {"PATH": "/bin", "RUFF_CONFIG": "/x", "MYPYPATH": "/x", "SHELLCHECK_OPTS": "-e SC2086", "FORCE_COLOR": "1"}
    check(call, names=("a.py",))

    assert call.runner.envs
    assert all(env == {"PATH": "/bin"} for env in call.runner.envs)


def test_vet_runs_once_for_the_same_sources(call):
    """A module that has passed is checked again only after a change; one that has failed is checked again."""
    call.runner.answer(" vet ", code=1, output="m.go:1: bad")
    check(call)
    call.runner.answer(" vet ")
    check(call)
    check(call)
    assert call.runner.count(" vet ") == 2

    (call.root / "m/m.go").write_text("package main\n")
    check(call)
    assert call.runner.count(" vet ") == 3


def test_interrupted(call):
    """A signal stops every tool, and no findings are printed."""

    def interrupt():
        raise Interrupted(2)

    call.runner.answer("mypy", then=interrupt)
    call.runner.answer("ruff", code=1, output="finding")
    with pytest.raises(Interrupted, match="stopped by SIGINT"):
        check(call)

    assert ["<stop>"] in call.runner.calls and call.stdout.getvalue() == ""
    assert "stopped mypy, 0.0 s\n" in call.stderr.getvalue() and "failed mypy" not in call.stderr.getvalue()


def test_interrupted_while_a_tool_is_prepared(call):
    """A signal during an installation ends the command and does not count as a missing tool."""

    def prepare(_box, _chosen):
        raise Interrupted(15)

    with pytest.raises(Interrupted):
        running.check(call, chosen(call), FakeToolbox(), [tools.Tool("slow", (files.PYTHON,), prepare)])


def test_fix_says_what_it_changed(call):
    """Each tool's line has the number of files that it rewrote; tools without a fix do not run."""
    call.runner.answer("ruff format", then=lambda: (call.root / "a.py").write_text("x = 1\n"))
    outcomes = running.fix(call, chosen(call), FakeToolbox())

    assert [outcome.tool for outcome in outcomes] == ["ruff", "buildifier", "gofmt"]
    assert "ok ruff (1 of 2 files changed)" in call.stderr.getvalue()
    assert "ok gofmt (0 of 1 file changed)" in call.stderr.getvalue()


def test_fix_that_fails(call):
    """A tool that fails to fix a file is reported in one line."""
    call.runner.answer("buildifier", code=1, output="BUILD:1: syntax error")
    outcomes = running.fix(call, chosen(call), FakeToolbox())

    assert [outcome.passed for outcome in outcomes] == [True, False, True]
    assert "ERROR: buildifier: BUILD:1: syntax error\n" in call.stderr.getvalue()


def test_fix_of_a_file_that_does_not_parse(call):
    """The file and the tool's reason are named, without the count of the files that were formatted."""
    call.runner.answer("ruff format", code=2, output="1 file reformatted\nerror: Failed to parse a.py:1:5: unexpected EOF\n2 files left unchanged")
    running.fix(call, chosen(call), FakeToolbox())

    assert "ERROR: ruff: Failed to parse a.py:1:5: unexpected EOF\n" in call.stderr.getvalue()
    assert "reformatted" not in call.stderr.getvalue() and "unchanged" not in call.stderr.getvalue()


def test_count():
    """Each tool is one test case, and a failed one names the command to run."""
    cases = running.count([
        running.Outcome("ruff", passed=True),
        running.Outcome("mypy", passed=False, text="a.py:1: error"),
        running.Outcome("gofmt", passed=False, missing="no Go"),
    ])  # fmt: skip

    assert cases.line() == "1 passed, 2 failed"
    assert cases.failures == ["./turnup check --all: mypy has findings", "./turnup check --all: gofmt is missing"]
