"""Tests of what a release holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from release import contents, print_lines
from release.archive import pack


@pytest.mark.parametrize(
    "path",
    [
        *("rules/k8s/defs.bzl", "rules/python/private/pytest_test.bzl", "lib/k8s.libsonnet", "cli/main.py", "cli/init/templates/greeter/main_test.py.tpl"),
        *("cluster/embedded/etcd/go.sum", "prod/crds/servicemonitors.yaml", "third_party/bazel/rules_cc/WORKSPACE", "docs/reference/k8s.md", "LICENSE"),
    ],
)
def test_users_need(path: str) -> None:
    """Rules, library, command, clusters, setup, locks and documentation are in a release."""
    assert contents.is_released(path)


@pytest.mark.parametrize(
    "path",
    [
        *("python/server/main.py", "tests/e2e/stack.py", "svc/BUILD", "release/archive.py", ".ci/run", "CONTRIBUTING.md"),
        *("rules/k8s/tools/run/run_test.py", "rules/k8s/testing/fake_server.py", "rules/image/tests/BUILD", "rules/jsonnet/examples/hello/BUILD"),
        *("rules/java/tools/junit/ReportTest.java", "docs/tools/update.py", "docs/pictures/wait.svg", "third_party/python/bench.lock"),
        *("rules/k8s/defs.bzl~", "rules/k8s/.defs.bzl.swp", "cli/main.pyc", "cli/notes.orig"),
    ],
)
def test_users_do_not_need(path: str) -> None:
    """Samples, tests, benchmarks and what editors leave are not in a release."""
    assert not contents.is_released(path)


def test_files_of_a_checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The files are found in folders, in the same order everywhere, and caches are not searched."""
    for path in ("rules/b/BUILD", "rules/a.bzl", "turnup", "cli/__pycache__/x.py", "bazel-bin/rules/c.bzl", "cli/common/workspace.py"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text('VERSION = "3.1"\n')

    assert contents.released(tmp_path) == ["cli/common/workspace.py", "rules/a.bzl", "rules/b/BUILD", "turnup"]
    assert contents.version(tmp_path) == "3.1"
    assert (contents.main([str(tmp_path), str(tmp_path / "out")]), capsys.readouterr().out) == (0, "3.1\n")
    assert (tmp_path / "out/rules/b/BUILD.file").resolve() == tmp_path / "rules/b/BUILD"


def test_no_version(tmp_path: Path) -> None:
    """A file without the version is named."""
    (tmp_path / "cli/common").mkdir(parents=True)
    (tmp_path / contents.VERSION_FILE).write_text("")

    with pytest.raises(SystemExit, match="workspace.py has no line VERSION"):
        contents.version(tmp_path)


def test_lines_of_an_old_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that came or went since Bazel listed the files is named, with what to do; otherwise the lines are printed."""
    root = tmp_path / "root"
    (root / "rules").mkdir(parents=True)
    (root / "rules/a.bzl").touch()
    built = tmp_path / "turnup-3.1.tar.gz"
    built.write_bytes(pack({"rules/a.bzl": b""}, "turnup-3.1"))
    environment = {"BUILD_WORKSPACE_DIRECTORY": str(root)}

    assert print_lines.main([str(built)], environment) == 0
    assert built.as_uri() in capsys.readouterr().out
    assert print_lines.main([str(built), "--url", "https://x/y"], environment) == 0
    assert 'urls = ["https://x/y"]' in capsys.readouterr().out

    (root / "rules/b.bzl").touch()
    assert print_lines.main([str(built)], environment) == 1
    assert capsys.readouterr().err.startswith("ERROR: rules/b.bzl was added after Bazel listed the files of the release. Run bazel shutdown")
    (root / "rules/b.bzl").unlink()
    (root / "rules/a.bzl").unlink()
    assert print_lines.main([str(built)], environment) == 1
    assert "rules/a.bzl was removed after" in capsys.readouterr().err
