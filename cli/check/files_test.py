"""Tests of the choice of files, in a real git repository for each test."""

import os
import subprocess

import pytest

from cli.check import files
from cluster.common.errors import TurnupError, UsageError
from cluster.common.process import ProcessRunner

RUNNER = ProcessRunner()


def git(root, *words):
    """Runs git in the repository, without the settings of the user."""
    account = ["-c", "user.name=jane", "-c", "user.email=jane@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", "-C", str(root), *account, *words], check=True, capture_output=True)


@pytest.fixture
def root(tmp_path):
    """A repository with one commit: a.py, pkg/BUILD, pkg/run.sh and an ignore file."""
    (tmp_path / "pkg").mkdir()
    for name, text in {"a.py": "", "pkg/BUILD": "", "pkg/run.sh": "", ".gitignore": "*.tmp\n"}.items():
        (tmp_path / name).write_text(text)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    return tmp_path


@pytest.mark.parametrize(("name", "text", "kind"), [
    ("a/b.py", "", files.PYTHON),
    ("a/BUILD", "", files.STARLARK),
    ("WORKSPACE", "", files.STARLARK),
    ("a/defs.bzl", "", files.STARLARK),
    ("a.libsonnet", "", files.JSONNET),
    ("a.fail.jsonnet", "", files.JSONNET),
    ("a.go", "", files.GO),
    ("a/go.sum", "", files.MODULE),
    ("a.sh", "", files.SHELL),
    ("launcher.sh.tpl", "", files.TEMPLATE),
    ("page.tpl", "", ""),
    ("README.md", "", ""),
    ("turnup", "#!/usr/bin/env bash\n", files.SHELL),
    ("tool", "#!/usr/bin/python3.11 -I\n", files.PYTHON),
    ("LICENSE", "Apache\n", ""),
    ("no-such-file", None, ""),
])  # fmt: skip
def test_kinds(tmp_path, name, text, kind):
    """The name decides the kind; the first line does if the name has no suffix."""
    (tmp_path / name).parent.mkdir(exist_ok=True)
    if text is not None:
        (tmp_path / name).write_text(text)

    assert files.kind_of(name, tmp_path) == kind


@pytest.mark.parametrize(("name", "test"), [
    ("cli/main_test.py", True), ("tests/bench/rows.py", True), ("rules/tests/conftest.py", True), ("cli/testing.py", False),
])  # fmt: skip
def test_tests(name, test):
    """Files that only tests use count as tests; a fake that other packages use is a program."""
    assert files.is_test(name) is test


def test_everything(root):
    """Tracked and untracked files are included; ignored files, deleted files and links are not."""
    (root / "new.go").touch()
    (root / "x.tmp").touch()
    (root / "link.py").symlink_to("a.py")
    (root / "pkg/run.sh").unlink()

    assert files.everything(RUNNER, root).names == (".gitignore", "a.py", "new.go", "pkg/BUILD")


def test_excluded_files(root, monkeypatch):
    """No tool gets an excluded file."""
    monkeypatch.setattr(files, "EXCLUDED", {"a.py": "a reason"})

    assert "a.py" not in files.everything(RUNNER, root).tracked


def test_changed_against_the_last_commit(root):
    """Without a remote main branch, files are compared with HEAD; a name with spaces is one name."""
    assert files.changed(RUNNER, root).names == ()

    (root / "a.py").write_text("x = 1\n")
    (root / "pkg/new file.sh").touch()
    chosen = files.changed(RUNNER, root)

    assert chosen.names == ("a.py", "pkg/new file.sh")
    assert "pkg/BUILD" in chosen.tracked


def test_deleted_files_are_changes(root):
    """A deleted file is reported apart, because a tool can't read it, but others may need it."""
    (root / "a.py").unlink()
    git(root, "rm", "-q", "pkg/run.sh")
    chosen = files.changed(RUNNER, root)

    assert (chosen.names, chosen.deleted) == ((), ("a.py", "pkg/run.sh"))
    assert (chosen.deleted_of(files.PYTHON), chosen.deleted_of(files.GO)) == (["a.py"], [])


@pytest.mark.parametrize("name", [
    "pyproject.toml", "pkg/ruff.toml", ".shellcheckrc", "third_party/python/check.lock", "third_party/go/jsonnet/main.go", "cli/check/tools.py",
])  # fmt: skip
def test_changed_setting_takes_everything(root, name):
    """If a setting, a lock or the source of a tool has changed or was deleted, every file may have new findings."""
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).touch()

    assert set(files.changed(RUNNER, root).names) == {".gitignore", "a.py", "pkg/BUILD", "pkg/run.sh", name}

    git(root, "add", ".")
    git(root, "commit", "-qm", "a setting")
    assert files.changed(RUNNER, root).names == ()
    (root / name).unlink()
    assert files.changed(RUNNER, root).names == (".gitignore", "a.py", "pkg/BUILD", "pkg/run.sh")


@pytest.mark.parametrize("name", [".bazelrc", "cli/requirements.lock", "third_party/go/crane/go.mod"])
def test_other_files_are_no_settings(name):
    """A file that no tool reads does not take every file."""
    assert not files.is_setting(name)


def test_name_that_is_not_utf8(root, monkeypatch):
    """A file whose name is not UTF-8 is a file like any other."""
    name = os.fsdecode(b"pkg/\xff.py")
    (root / name).touch()
    monkeypatch.chdir(root)

    assert files.changed(RUNNER, root).names == (name,)
    assert files.below([name], RUNNER, root).of(files.PYTHON) == [name]


def test_changed_against_the_main_branch(root):
    """Commits that the main branch lacks are included; changes that only the main branch has are not."""
    git(root, "branch", "work")
    (root / "theirs.py").touch()
    git(root, "add", ".")
    git(root, "commit", "-qm", "theirs")
    git(root, "update-ref", f"refs/remotes/{files.MAIN_BRANCH}", "HEAD")
    git(root, "checkout", "-q", "work")
    (root / "ours.py").touch()
    git(root, "add", ".")
    git(root, "commit", "-qm", "ours")

    assert files.changed(RUNNER, root).names == ("ours.py",)


def test_repository_without_a_commit(tmp_path):
    """Before the first commit, every file counts as changed."""
    git(tmp_path, "init", "-q")
    (tmp_path / "a.py").touch()

    assert files.changed(RUNNER, tmp_path).names == ("a.py",)


def test_outside_of_a_repository(tmp_path):
    """Outside a git repository, the error names the folder and what to do."""
    with pytest.raises(TurnupError, match=r"git cannot list the files \(fatal: .*\)\. Run turnup in a git checkout\.$"):
        files.everything(RUNNER, tmp_path)


def test_paths(root, monkeypatch):
    """A path is relative to the working directory; a folder stands for all files in it."""
    (root / "pkgs.py").touch()
    monkeypatch.chdir(root / "pkg")

    assert files.below(["."], RUNNER, root).names == ("pkg/BUILD", "pkg/run.sh")
    assert files.below(["../a.py", str(root / "pkg/BUILD")], RUNNER, root).names == ("a.py", "pkg/BUILD")
    assert files.below(["."], RUNNER, root).by_path


@pytest.mark.parametrize(("path", "words"), [
    ("gone.py", "gone.py does not exist. Name"), ("/", "/ is outside the workspace"), ("", "A path is empty. Name files or folders"),
])  # fmt: skip
def test_wrong_paths(root, monkeypatch, path, words):
    """A path that is empty, does not exist or is outside the workspace is wrong usage."""
    monkeypatch.chdir(root)
    with pytest.raises(UsageError, match=words):
        files.below([path], RUNNER, root)


def test_go_modules(tmp_path):
    """A Go file belongs to the innermost module; modules without code and code without a module are left out."""
    tracked = ("a/go.mod", "a/x/y.go", "a/b/go.mod", "a/b/z.go", "empty/go.mod", "loose.go", "other/go.mod", "other/o.go")

    assert files.FileSet(tmp_path, tracked, tracked).go_modules() == ["a", "a/b", "other"]
    assert files.FileSet(tmp_path, ("a/b/go.mod", "empty/go.mod", "loose.go"), tracked).go_modules() == ["a/b"]
    assert files.FileSet(tmp_path, (), tracked, deleted=("a/x/gone.go", "loose2.go")).go_modules() == ["a"]


def test_modules_with_generated_packages_are_left_out(tmp_path):
    """go vet could not read a module that imports what Bazel generates; the reason is in the table, and each of its folders is a module."""
    tracked = ("go/go.mod", "go/server/main.go", "other/go.mod", "other/o.go")

    assert files.FileSet(tmp_path, tracked, tracked).go_modules() == ["other"]
    assert {folder: bool(reason) for folder, reason in files.NOT_VETTED.items()} == {"go": True, "rules/go/tests": True}
