"""The table of tools: which files each gets, and with which words."""

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
    """Returns calls as the lines that a person would type."""
    return [" ".join(call.argv) for call in calls]


def check(name, root, *names, by_path=False):
    """Returns the calls of one tool for files, in a workspace that has all of NAMES."""
    return ROWS[name].check(FakeToolbox(), files.FileSet(root, names or NAMES, NAMES, by_path))


def fix(name, root):
    """Returns the fixing calls of one tool for all files."""
    return lines(ROWS[name].fix(FakeToolbox(), files.FileSet(root, NAMES, NAMES)))


def test_ruff(root):
    """Lint and formatting are checked, and fixed in that order: a fix may need formatting."""
    cache = f"--force-exclude --cache-dir={toolbox.cache_folder('ruff')}"

    assert lines(check("ruff", root)) == [
        f"/tools/ruff check --quiet --output-format=concise {cache} -- a.py a_test.py",
        f"/tools/ruff format --check --quiet --output-format=concise {cache} -- a.py a_test.py",
    ]
    assert fix("ruff", root) == [
        f"/tools/ruff check --fix-only --quiet {cache} -- a.py a_test.py",
        f"/tools/ruff format --quiet {cache} -- a.py a_test.py",
    ]


def test_mypy_sees_the_whole_program(root):
    """One changed file may break another: all are checked, programs in strict mode and tests with fixtures untyped."""
    programs, tests = check("mypy", root, "a.py")

    assert programs.argv[-2:] == ("--", "a.py") and "--allow-untyped-defs" not in programs.argv
    assert tests.argv[-2:] == ("--", "a_test.py") and "--allow-untyped-defs" in tests.argv
    assert programs.argv[:3] == ("/tools/python", "-Im", "mypy") and "--follow-imports=silent" not in programs.argv


def test_mypy_of_named_paths(root):
    """What a person names is reported on, and nothing else."""
    (call,) = check("mypy", root, "a.py", by_path=True)

    assert call.argv[-2:] == ("--", "a.py") and "--follow-imports=silent" in call.argv


def test_buildifier(root):
    """All warnings are on."""
    assert lines(check("buildifier", root)) == ["/tools/buildifier -mode=check -lint=warn -warnings=all pkg/BUILD"]
    assert fix("buildifier", root) == ["/tools/buildifier -mode=fix -lint=fix -warnings=all pkg/BUILD"]


def test_jsonnet(root):
    """Jsonnet is formatted as //rules/jsonnet:fmt does it."""
    assert lines(check("jsonnetfmt", root)) == ["/tools/jsonnet-tools check x.jsonnet"]
    assert fix("jsonnetfmt", root) == ["/tools/jsonnet-tools fix x.jsonnet"]


def test_gofmt(root):
    """gofmt exits with 0 whatever it finds: what it prints is the finding."""
    (call,) = check("gofmt", root)

    assert (call.argv, call.silent) == (("/tools/gofmt", "-d", "m/m.go"), True)
    assert fix("gofmt", root) == ["/tools/gofmt -w m/m.go"]


def test_go_vet(root):
    """A module is checked as a whole, never fetches another toolchain, and again only after a change of one of its files."""
    (call,) = check("go vet", root, "m/go.mod")
    (same,) = check("go vet", root)
    (root / "m/m.go").write_text("package main\n")
    (changed,) = check("go vet", root)

    assert call.argv[:2] == ("/tools/go", "vet") and call.folder == "m"
    assert dict(call.env)["GOTOOLCHAIN"] == "local"
    assert call.stamp == same.stamp != changed.stamp


def test_shellcheck(root):
    """In templates the placeholders of a rule are no findings; scripts have no such excuse."""
    assert lines(check("shellcheck", root)) == [
        "/tools/shellcheck --format=gcc -- run.sh",
        "/tools/shellcheck --format=gcc --exclude=SC1083,SC2288 -- start.sh.tpl",
    ]
    assert len(check("shellcheck", root, "run.sh")) == 1


@pytest.mark.parametrize("tool", tools.TOOLS, ids=lambda tool: tool.name)
def test_missing_tools_raise(root, tool):
    """Each tool asks the toolbox, and passes on why it cannot be had."""
    everything = ("ruff", "python", "buildifier", "jsonnet-tools", "go", "gofmt", "shellcheck")
    with pytest.raises(TurnupError, match="could not install"):
        tool.check(FakeToolbox(*everything), files.FileSet(root, NAMES, NAMES))
