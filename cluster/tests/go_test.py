"""Runs the Go tests of our own programs, with the toolchain that builds them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cluster.common.process import ProcessRunner
from cluster.common.progress import Progress
from cluster.programs.toolchain import find_go

_CLUSTER = Path(__file__).resolve().parent.parent
# Folder of a module → the packages with code of our own. The rest of kube is
# a table of upstream's programs, which the integration test walks.
_PACKAGES = {
    "embedded/nodeinit": ["."],
    "embedded/kubernetes": ["./localpath", "./multicall"],
    "tests/probe": ["."],
}


def _go(*args: str, folder: Path) -> str:
    runner = ProcessRunner()
    go = find_go(runner).executable(Progress())
    # The flags of the build, so that its compiled packages are found again.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}
    return runner.run([str(go), *args], cwd=folder, env=environment, timeout=800).stdout


@pytest.mark.parametrize("folder", _PACKAGES)
def test_go(folder: str) -> None:
    """The module's tests pass, and vet finds nothing."""
    answer = _go("test", "-trimpath", "-vet=all", *_PACKAGES[folder], folder=_CLUSTER / folder)

    assert "ok" in answer or "no test files" in answer


def test_formatting() -> None:
    """gofmt would change no Go file."""
    runner = ProcessRunner()
    gofmt = find_go(runner).executable(Progress()).resolve().with_name("gofmt")

    assert runner.run([str(gofmt), "-l", str(_CLUSTER)]).stdout == ""
