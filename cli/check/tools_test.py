"""Tests of the table of tools: the files and arguments that each tool gets."""

import pytest

from cli.check import files, toolbox, tools
from cli.check.fake_toolbox import FakeToolbox
from cluster.common.errors import TurnupError

ROWS = {tool.name: tool for tool in tools.TOOLS}
NAMES = ("a.py", "a_test.py", "pkg/BUILD", "x.jsonnet", "m/go.mod", "m/m.go", "run.sh", "start.sh.tpl")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """Keeps the tools' caches in the test's folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path):
    """A workspace with a file of each kind."""
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def lines(calls):
    """Returns the command lines of calls."""
    return [" ".join(call.argv) for call in calls]


def check(name, root, *names, by_path=False):
    """Returns one tool's calls to check some files, in a workspace that has NAMES."""
    return ROWS[name].check(FakeToolbox(), files.FileSet(root, names or NAMES, NAMES, by_path))


def fix(name, root):
    """Returns one tool's command lines to fix all files."""
    return lines(ROWS[name].fix(FakeToolbox(), files.FileSet(root, NAMES, NAMES)))


def test_ruff(root):
    """ruff lints before it formats, because a fix may need formatting."""
    cache = f"--force-exclude --cache-dir={toolbox.cache_folder('ruff')}"

    assert lines(check("ruff", root)) == [
        f"/tools/ruff check --quiet --output-format=concise {cache} -- a.py a_test.py",
        f"/tools/ruff format --check --quiet --output-format=concise {cache} -- a.py a_test.py",
    ]
    assert fix("ruff", root) == [
        f"/tools/ruff check --fix-only --quiet {cache} -- a.py a_test.py",
        f"/tools/ruff format {cache} -- a.py a_test.py",
    ]


def test_mypy_sees_the_whole_program(root):
    """mypy checks all files, because a changed file can break others: programs in strict mode, tests with untyped fixtures."""
    programs, tests = check("mypy", root, "a.py")

    assert programs.argv[-2:] == ("--", "a.py") and "--allow-untyped-defs" not in programs.argv
    assert tests.argv[-2:] == ("--", "a_test.py") and "--allow-untyped-defs" in tests.argv
    assert programs.argv[:3] == ("/tools/python", "-Im", "mypy") and "--follow-imports=silent" not in programs.argv


def test_mypy_of_named_paths(root):
    """For named paths, mypy reports only errors in these files."""
    (call,) = check("mypy", root, "a.py", by_path=True)

    assert call.argv[-2:] == ("--", "a.py") and "--follow-imports=silent" in call.argv


def test_buildifier(root):
    """buildifier runs with all warnings."""
    assert lines(check("buildifier", root)) == ["/tools/buildifier -mode=check -lint=warn -warnings=all -- pkg/BUILD"]
    assert fix("buildifier", root) == ["/tools/buildifier -mode=fix -lint=fix -warnings=all -- pkg/BUILD"]


def test_jsonnet(root):
    """Jsonnet is checked and formatted by the tool of //rules/jsonnet:fmt."""
    assert lines(check("jsonnetfmt", root)) == ["/tools/jsonnet-tools check -advice ./turnup fix -- x.jsonnet"]
    assert fix("jsonnetfmt", root) == ["/tools/jsonnet-tools fix -- x.jsonnet"]


def test_gofmt(root):
    """The output of gofmt is the finding, because it always exits with 0."""
    (call,) = check("gofmt", root)

    assert (call.argv, call.silent) == (("/tools/gofmt", "-d", "--", "m/m.go"), True)
    assert fix("gofmt", root) == ["/tools/gofmt -w -- m/m.go"]


@pytest.mark.parametrize("tool", [tool for tool in tools.TOOLS if tool.name != "go vet"], ids=lambda tool: tool.name)
def test_names_that_look_like_flags(root, tool):
    """Names follow --, because a file may begin with a hyphen. go vet gets no names."""
    names = ("-z.py", "-z.bzl", "-z.jsonnet", "-z.go", "-z.sh", "-z.sh.tpl")
    chosen = files.FileSet(root, names, names)
    calls = tool.check(FakeToolbox(), chosen) + (tool.fix(FakeToolbox(), chosen) if tool.fix else [])

    assert calls
    assert all(call.argv[-2] == "--" and call.argv[-1] in names for call in calls)


def test_go_vet(root):
    """A module is checked as a whole, without a download of another toolchain, and again only after one of its files changed."""
    (call,) = check("go vet", root, "m/go.mod")
    (same,) = check("go vet", root)
    (root / "m/m.go").write_text("package main\n")
    (changed,) = check("go vet", root)

    assert call.argv[:2] == ("/tools/go", "vet") and call.folder == "m"
    assert dict(call.env)["GOTOOLCHAIN"] == "local"
    assert call.stamp == same.stamp != changed.stamp


def test_shellcheck(root):
    """The placeholders of rules are allowed in templates, and not in scripts."""
    assert lines(check("shellcheck", root)) == [
        "/tools/shellcheck --format=gcc -- run.sh",
        "/tools/shellcheck --format=gcc --exclude=SC1083,SC2288 -- start.sh.tpl",
    ]
    assert len(check("shellcheck", root, "run.sh")) == 1


@pytest.mark.parametrize("tool", tools.TOOLS, ids=lambda tool: tool.name)
def test_missing_tools_raise(root, tool):
    """Each tool passes on the toolbox's error if it cannot be installed."""
    everything = ("ruff", "python", "buildifier", "jsonnet-tools", "go", "gofmt", "shellcheck")
    with pytest.raises(TurnupError, match="could not install"):
        tool.check(FakeToolbox(*everything), files.FileSet(root, NAMES, NAMES))
