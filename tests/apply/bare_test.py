"""Tests of verbs without other programs: their launchers have an empty environment and an empty PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from rules.k8s.testing.plans import config_map
from tests.apply.stacks import maps


@pytest.fixture(name="bare")
def fixture_bare(shell, tmp_path):
    """Returns a function that runs a copy of a verb's launcher and runfiles, with only a home and a kubeconfig in its environment."""
    template = (Path(os.environ["RUNFILES_DIR"]) / "turnup/rules/k8s/tools/launcher.sh.tpl").read_text()
    runfiles = tmp_path / "copied"
    shutil.copytree(os.environ["RUNFILES_DIR"], runfiles, ignore=shutil.ignore_patterns("cluster", "go"))

    def run(verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        shutil.copytree(Path(shell.environ["RUNFILES_DIR"]) / "turnup", runfiles / "turnup", dirs_exist_ok=True)
        launcher = tmp_path / f"{verb}.sh"
        text = template
        for name, value in (
            ("target", f"//svc:dev.{verb}"),
            ("plan", shell.plan),
            ("tool", "turnup/rules/k8s/tools/verbs/k8s_run"),
            ("arguments", f"'{verb}'"),
        ):
            text = text.replace(f"%{{{name}}}", value)
        launcher.write_text(text)
        launcher.chmod(0o700)
        if not launcher.with_name(launcher.name + ".runfiles").exists():
            launcher.with_name(launcher.name + ".runfiles").symlink_to(runfiles)
        environ = {"PATH": "/nonexistent", "HOME": shell.environ["HOME"], "KUBECONFIG": shell.environ["KUBECONFIG"]}
        return subprocess.run([str(launcher), *arguments], env=environ, cwd="/", text=True, capture_output=True, timeout=60, check=False)

    return run


def test_verbs_need_no_other_program(bare, shell, client, home):
    """Apply, diff, status and delete work without shell tools, git, Bazel and kubectl."""
    shell.make(config_map("a", home, key="1"), namespace=home)
    applied = bare("apply", "--wait=10s")
    assert (applied.returncode, applied.stdout) == (0, ""), applied.stderr
    assert maps(client, home)["a"]["data"] == {"key": "1"}
    assert bare("diff").returncode == 0
    assert bare("status").returncode == 0

    shell.make(config_map("a", home, key="2"), namespace=home)
    changed = bare("diff")
    assert (changed.returncode, changed.stderr) == (1, ""), changed.stderr
    assert '+  key: "2"' in changed.stdout or "+  key: '2'" in changed.stdout

    deleted = bare("delete")
    assert deleted.returncode == 0, deleted.stderr
    assert maps(client, home) == {}
