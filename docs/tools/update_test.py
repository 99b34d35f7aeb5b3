"""Tests of the command that rewrites the pages."""

import io

import pytest

from docs.tools import generator, update


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    """A workspace with one rule set of one documented rule."""
    monkeypatch.setattr(generator, "PAGES", {"a": ["rules/a/defs.bzl"]})
    (tmp_path / "rules/a").mkdir(parents=True)
    (tmp_path / "rules/a/defs.bzl").write_text('r = rule(implementation = None, doc = "Makes R.")\n')
    return tmp_path


def _run(workspace, *argv: str) -> tuple[int, str, str]:
    """Runs the command and returns its exit code, stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    return update.main(argv, out, err, workspace and str(workspace)), out.getvalue(), err.getvalue()


def test_update_writes_what_differs(workspace) -> None:
    """The first run writes every page and names it; a second run writes nothing."""
    assert _run(workspace) == (0, "wrote docs/reference/README.md\nwrote docs/reference/a.md\n", "")
    assert "Makes R." in (workspace / "docs/reference/a.md").read_text()
    assert _run(workspace) == (0, "", "")


def test_undocumented_rule_fails(workspace) -> None:
    """An undocumented symbol is one ERROR line and exit code 1, and nothing is written."""
    (workspace / "rules/a/defs.bzl").write_text("r = rule(implementation = None)\n")

    assert _run(workspace) == (1, "", "ERROR: rules/a/defs.bzl:1: r: the rule has no doc. Write doc = with one sentence.\n")
    assert not (workspace / "docs").exists()


def test_wrong_usage(workspace) -> None:
    """Arguments, or a start without `bazel run`, are wrong usage: exit code 2 and the right command."""
    assert _run(workspace, "--check") == (2, "", "ERROR: --check: the command takes no arguments. Run bazel run //docs:update.\n")
    assert _run(None) == (2, "", "ERROR: BUILD_WORKSPACE_DIRECTORY is not set. Run bazel run //docs:update.\n")
