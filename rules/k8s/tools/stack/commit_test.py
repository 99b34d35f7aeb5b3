"""Tests of the commit that a revision names, with a real git."""

from __future__ import annotations

import os
import subprocess

import pytest

from rules.k8s.tools.stack.commit import commit_of


@pytest.fixture(name="workspace")
def fixture_workspace(tmp_path):
    """A repository with one commit and a tag on it."""

    def git(*words: str) -> str:
        settings = ("-c", "user.name=reader", "-c", "user.email=reader@example.com")
        return subprocess.run(["git", *settings, "-C", tmp_path, *words], check=True, capture_output=True, text=True).stdout.strip()

    (tmp_path / "file").write_text("a")
    for words in (("init", "-q"), ("add", "file"), ("commit", "-qm", "one"), ("tag", "-am", "one", "v1")):
        git(*words)
    return tmp_path, git("rev-parse", "HEAD")


def environment(folder) -> dict[str, str]:
    """Returns the environment of `bazel run`, without a repository around the test's folder."""
    return {"PATH": os.environ["PATH"], "BUILD_WORKSPACE_DIRECTORY": str(folder), "GIT_CEILING_DIRECTORIES": str(folder.parent)}


def test_the_commit_of_a_workspace(workspace):
    """The commit is the whole id, whatever tags exist, and says if a tracked file has changed."""
    folder, commit = workspace

    assert commit_of(environment(folder)) == commit
    (folder / "other").write_text("not tracked")
    assert commit_of(environment(folder)) == commit
    (folder / "file").write_text("b")
    assert commit_of(environment(folder)) == f"{commit}-dirty"


def test_no_commit(tmp_path, workspace):
    """Without a workspace, repository or git there is no commit, and nothing fails."""
    folder, _ = workspace
    plain = tmp_path / "plain"
    plain.mkdir()

    assert commit_of({}) == ""
    assert commit_of({**environment(plain)}) == ""
    assert commit_of({**environment(folder), "PATH": "/nonexistent"}) == ""
